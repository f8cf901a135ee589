import { VaultError } from '../errors.ts'
import { timeMsMax } from '../limits.ts'

/**
 * uuidv7 := time ms u48 ‖ 0111 ‖ random(12 bits) ‖ 10 ‖ random(62 bits)     16 bytes, big-endian (RFC 9562 §5.7)
 * text   := 8-4-4-4-12 lower case hexadecimal digits                        (RFC 9562 §4)
 */

const dash = 0x2d
const digits = Buffer.from('0123456789abcdef', 'latin1')
/** The value of a lower case hexadecimal digit by its character code; -1 for every other code. */
const nibbles = new Int8Array(128).fill(-1)
digits.forEach((code, value) => {
  nibbles[code] = value
})
/** Where each byte's first digit stands in the text. */
const columns = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const
const scratch = Buffer.alloc(16)
const text = Buffer.alloc(36, dash)

/**
 * A UUID of version 7 in its canonical text. Pure: the caller brings the clock and the randomness.
 *
 * @param timeMs milliseconds since the epoch
 * @param random 10 random bytes, of which 74 bits are used
 * @throws VaultError `INVALID` for a time outside 1970 to 9999, or too few random bytes
 * @example
 * uuidv7(Date.now(), randomBytes(10)) // '0198c1d2-5f3e-7a41-9c77-2b1f0e6d5a34'
 */
export function uuidv7(timeMs: number, random: Uint8Array): string {
  if (!Number.isInteger(timeMs) || timeMs < 0 || timeMs > timeMsMax) {
    throw new VaultError('INVALID', `expected a time from 0 to ${timeMsMax} ms`)
  }
  if (random.length !== 10) {
    throw new VaultError('INVALID', `expected 10 random bytes, found ${random.length}`)
  }
  scratch.writeUIntBE(timeMs, 0, 6)
  scratch.set(random, 6)
  scratch[6] = 0x70 | ((scratch[6] as number) & 0x0f)
  scratch[8] = 0x80 | ((scratch[8] as number) & 0x3f)
  return uuidText(scratch)
}

/** Reads 16 bytes, of any version, from `start` on as canonical text. */
export function uuidText(bytes: Uint8Array, start = 0): string {
  for (let i = 0; i < 16; i++) {
    const byte = bytes[start + i] as number
    const column = columns[i] as number
    text[column] = digits[byte >> 4] as number
    text[column + 1] = digits[byte & 15] as number
  }
  return text.toString('latin1')
}

/**
 * The 16 bytes of a UUID's canonical text.
 *
 * @throws VaultError `INVALID` for any other text, upper case digits included
 */
export function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.alloc(16)
  if (!writeUuid(uuid, bytes, 0)) {
    throw new VaultError('INVALID', 'expected a UUID in lower case canonical text')
  }
  return bytes
}

/** Writes a UUID's 16 bytes at `start`; false, with those bytes undefined, for what is not canonical text. */
export function writeUuid(uuid: string, target: Uint8Array, start: number): boolean {
  if (uuid.length !== 36) return false
  const dashes =
    (uuid.charCodeAt(8) ^ dash) |
    (uuid.charCodeAt(13) ^ dash) |
    (uuid.charCodeAt(18) ^ dash) |
    (uuid.charCodeAt(23) ^ dash)
  let bad = dashes
  for (let i = 0; i < 16; i++) {
    const column = columns[i] as number
    const byte = (nibble(uuid, column) << 4) | nibble(uuid, column + 1)
    // A digit that is none gives -1, whose sign survives the shift and the union.
    bad |= byte >> 8
    target[start + i] = byte
  }
  return bad === 0
}

function nibble(uuid: string, column: number): number {
  return nibbles[uuid.charCodeAt(column)] ?? -1
}

/**
 * The time of a UUIDv7, in milliseconds since the epoch.
 *
 * @throws VaultError `INVALID` for what is not a UUIDv7 in canonical text
 */
export function uuidTime(uuid: string): number {
  const bytes = uuidBytes(uuid)
  if (!isUuidv7(bytes)) throw new VaultError('INVALID', 'expected a UUID of version 7')
  return bytes.readUIntBE(0, 6)
}

/** The time of what is known to be a UUIDv7 in canonical text, in milliseconds since the epoch. */
export function knownUuidTime(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}

/** Whether the 16 bytes from `start` on carry version 7 and the variant of RFC 9562. */
export function isUuidv7(bytes: Uint8Array, start = 0): boolean {
  return (
    ((bytes[start + 6] as number) & 0xf0) === 0x70 && ((bytes[start + 8] as number) & 0xc0) === 0x80
  )
}
