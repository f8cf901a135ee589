import { type Cipher, createCipheriv } from 'node:crypto'
import { VaultError } from '../errors.ts'
import { type GcmKey, openGcm, sealGcm } from './gcm.ts'

export const xaesNonceBytes = 24
const keyBytes = 32
const blockBytes = 16
const gcmNonceBytes = 12

/** AEAD under one key with 24-byte nonces, which may be drawn at random without counting them. */
export interface Xaes {
  /** `ciphertext ‖ tag(16)`. A nonce is used once. */
  seal(nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Buffer
  /** `INTEGRITY` when nonce, bytes, aad and key do not belong together. */
  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Buffer
  /** Forgets the key. `seal` and `open` are `CLOSED` from then on. */
  erase(): void
}

/**
 * XAES-256-GCM (C2SP, c2sp.org/XAES-256-GCM): a key for AES-256-GCM is derived from the first half of the nonce,
 * and the second half is that key's nonce.
 *
 * @example
 * const log = xaes(logKey)
 * const nonce = nonce24()
 * const sealed = log.seal(nonce, plain, aad)
 */
export function xaes(key: Uint8Array): Xaes {
  expectLength('key', key, keyBytes)
  const deriver = new Deriver(key)
  return {
    seal: (nonce, plain, aad) => deriver.use(nonce, (derived) => sealGcm(derived, plain, aad)),
    open: (nonce, sealed, aad) => deriver.use(nonce, (derived) => openGcm(derived, sealed, aad)),
    erase: () => deriver.erase(),
  }
}

/** M1 and M2 up to the nonce: a counter, the label "X" and a zero byte, as SP 800-108r1 §4.1 lays them out. */
const m1 = [0, 1, 0x58, 0] as const
const m2 = [0, 2, 0x58, 0] as const

/** Kx = AES_K(M1 ⊕ K1) ‖ AES_K(M2 ⊕ K1), with one AES-256-ECB cipher kept for the life of the key. */
class Deriver {
  #aes: Cipher | undefined
  readonly #k1: Buffer
  /** M1 ⊕ K1 ‖ M2 ⊕ K1: what stands before the nonce is set once. */
  readonly #blocks = Buffer.alloc(2 * blockBytes)

  constructor(key: Uint8Array) {
    this.#aes = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
    this.#k1 = doubled(this.#aes.update(Buffer.alloc(blockBytes)))
    this.#blocks.set(m1.map((byte, at) => byte ^ this.#k1.readUInt8(at)))
    this.#blocks.set(
      m2.map((byte, at) => byte ^ this.#k1.readUInt8(at)),
      blockBytes,
    )
  }

  use(nonce: Uint8Array, work: (derived: GcmKey) => Buffer): Buffer {
    expectLength('nonce', nonce, xaesNonceBytes)
    const key = this.#derive(nonce)
    try {
      return work({ key, nonce: nonce.subarray(xaesNonceBytes - gcmNonceBytes) })
    } finally {
      key.fill(0)
    }
  }

  #derive(nonce: Uint8Array): Buffer {
    if (this.#aes === undefined) throw new VaultError('CLOSED', 'this key has been erased')
    for (let at = m1.length; at < blockBytes; at += 1) {
      const masked = (this.#k1[at] ?? 0) ^ (nonce[at - m1.length] ?? 0)
      this.#blocks[at] = masked
      this.#blocks[at + blockBytes] = masked
    }
    return this.#aes.update(this.#blocks)
  }

  erase(): void {
    // `final` frees OpenSSL's context, which cleanses the expanded key.
    this.#aes?.final()
    this.#aes = undefined
    this.#k1.fill(0)
    this.#blocks.fill(0)
  }
}

/** K1 of CMAC (SP 800-38B §6.1): shifted left by one bit, 0x87 into the last byte if a bit fell out. */
function doubled(block: Buffer): Buffer {
  let carry = 0
  for (let at = block.length - 1; at >= 0; at -= 1) {
    const byte = block[at] ?? 0
    block[at] = (byte << 1) | carry
    carry = byte >> 7
  }
  block[block.length - 1] = (block[block.length - 1] ?? 0) ^ (carry * 0x87)
  return block
}

function expectLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new VaultError('INVALID', `${what}: expected ${length} bytes, found ${bytes.length}`)
  }
}
