import { createCipheriv } from 'node:crypto'

const saltBytes = 16

/** Makes the salts of a run of positions: AES-256(key, position as u128 big-endian), 16 bytes each. */
export type Blinding = (first: number, count: number) => Buffer

/**
 * Salts that hide a leaf from whoever sees only its neighbours' hashes in a proof. AES on distinct counters is a
 * permutation, so salts are distinct and, without the key, indistinguishable from random (SP 800-38A §6.5).
 */
export function blinding(key: Uint8Array): Blinding {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  return (first, count) => {
    const counters = Buffer.alloc(count * saltBytes)
    for (let i = 0; i < count; i++) {
      const position = first + i
      counters.writeUInt32BE(Math.floor(position / 2 ** 32), i * saltBytes + 8)
      counters.writeUInt32BE(position >>> 0, i * saltBytes + 12)
    }
    return cipher.update(counters)
  }
}
