import { VaultError } from '../errors.ts'

const high = 0x1_0000_0000

/** Writes a non-negative safe integer as u64, big-endian. */
export function writeU64(target: Buffer, value: number, at: number): void {
  target.writeUInt32BE(Math.floor(value / high), at)
  target.writeUInt32BE(value % high, at + 4)
}

/** Reads a u64, big-endian. `INTEGRITY` beyond 2⁵³ - 1, which no writer of ours reaches. */
export function readU64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32BE(at) * high + bytes.readUInt32BE(at + 4)
  if (!Number.isSafeInteger(value)) {
    throw new VaultError('INTEGRITY', `integer at byte ${at}: expected less than 2^53`)
  }
  return value
}

/** A `Buffer` over the same memory, whatever kind of byte array was given. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
