import { equalBytes, sha256 } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import { eventDepthMax, fieldsMax, valueBytesMax } from '../limits.ts'
import {
  type JsonValue,
  kindOf,
  type SecretFields,
  type SecretInput,
  type SecretKind,
} from '../secret/value.ts'

/**
 * plain := kind u8 ‖ length u32 ‖ bytes(length) ‖ zeros
 * kind  := 1 string (UTF-8) | 2 bytes | 3 fields (JSON)
 *
 * Zeros round the whole up to a multiple of 64 bytes under 1 KiB, and to a Padmé length above.
 */
const kinds: Readonly<Record<SecretKind, number>> = { string: 1, bytes: 2, fields: 3 }
const headBytes = 5
const smallStep = 64
const smallMax = 1024

/**
 * Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", PETS 2019, §4): a length as a float whose
 * mantissa is no longer than its exponent. It costs at most 12 % and tells O(log log n) bits of a length.
 */
function paddedLength(length: number): number {
  if (length <= smallMax) return Math.ceil(length / smallStep) * smallStep
  const exponent = 31 - Math.clz32(length)
  const mantissaBits = 32 - Math.clz32(exponent)
  const step = 2 ** (exponent - mantissaBits)
  return Math.ceil(length / step) * step
}

/**
 * A value as a box's plaintext, in memory of its own and the caller's to wipe. `INVALID` for what is no value,
 * `TOO_LARGE` beyond 1 MiB.
 */
export function encodeValue(value: SecretInput): Buffer {
  if (typeof value === 'string') return encodeText('string', expectWellFormed(value))
  if (!(value instanceof Uint8Array)) return encodeText('fields', jsonOf(value))
  const plain = layOut('bytes', value.length)
  plain.set(value, headBytes)
  return plain
}

function encodeText(kind: SecretKind, text: string): Buffer {
  const plain = layOut(kind, Buffer.byteLength(text))
  plain.write(text, headBytes)
  return plain
}

function layOut(kind: SecretKind, length: number): Buffer {
  if (length > valueBytesMax) {
    throw new VaultError(
      'TOO_LARGE',
      `value: expected at most ${valueBytesMax} bytes, found ${length}`,
      { expected: valueBytesMax, found: length },
    )
  }
  const plain = Buffer.alloc(paddedLength(headBytes + length))
  plain.writeUInt8(kinds[kind], 0)
  plain.writeUInt32BE(length, 1)
  return plain
}

/** The value of an opened box, sharing no memory with it. `INTEGRITY` for what no writer of ours lays out. */
export function decodeValue(plain: Buffer): SecretInput {
  const length = plain.length < headBytes ? -1 : plain.readUInt32BE(1)
  const end = headBytes + length
  if (length < 0 || length > valueBytesMax || plain.length !== paddedLength(end)) {
    throw malformed('its lengths do not agree')
  }
  for (let at = end; at < plain.length; at += 1) {
    if (plain[at] !== 0) throw malformed('its padding is not zero')
  }
  const kind = plain[0]
  if (kind === kinds.string) return plain.toString('utf8', headBytes, end)
  if (kind === kinds.fields) return parseFields(plain.toString('utf8', headBytes, end))
  if (kind !== kinds.bytes) throw malformed(`it is of kind ${kind}`)
  const bytes = Buffer.alloc(length)
  plain.copy(bytes, 0, headBytes, end)
  return bytes
}

function parseFields(json: string): SecretFields {
  try {
    return JSON.parse(json)
  } catch {
    // The parser's message quotes the text.
    throw malformed('its fields are not JSON')
  }
}

function malformed(why: string): VaultError {
  return new VaultError('INTEGRITY', `the box opens, and holds no value: ${why}`)
}

/**
 * Whether two values are the same, without telling by its time how much of them is. Fields are the same in any
 * order; a string and the bytes of its UTF-8 are not.
 */
export function sameValue(a: SecretInput, b: SecretInput): boolean {
  if (kindOf(a) !== kindOf(b)) return false
  return equalBytes(digestOf(a), digestOf(b))
}

function digestOf(value: SecretInput): Buffer {
  if (value instanceof Uint8Array) return sha256(value)
  return sha256(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value, sortKeys)))
}

function sortKeys(_key: string, value: JsonValue): JsonValue {
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function jsonOf(fields: SecretFields): string {
  if (!isPlain(fields)) {
    throw invalid('expected a string, bytes or an object of fields')
  }
  const count = Object.keys(fields).length
  if (count > fieldsMax) throw invalid(`expected at most ${fieldsMax} fields, found ${count}`)
  expectJson(fields, 1)
  return JSON.stringify(fields)
}

/** Refuses what JSON would change or drop in silence, so that a value reads as it was written. */
function expectJson(value: unknown, depth: number): void {
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'string') return void expectWellFormed(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw invalid('expected finite numbers in fields')
    return
  }
  if (depth > eventDepthMax) throw invalid(`expected fields nested at most ${eventDepthMax} deep`)
  if (Array.isArray(value)) {
    // `forEach` would skip the holes that JSON turns into null.
    for (const item of value) expectJson(item, depth + 1)
    return
  }
  if (!isPlain(value)) throw invalid(`expected JSON in fields, found ${typeof value}`)
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') throw invalid('a field may not be called __proto__')
    expectWellFormed(key)
    expectJson(item, depth + 1)
  }
}

function isObject(value: unknown): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isPlain(value: unknown): value is object {
  if (!isObject(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function expectWellFormed(text: string): string {
  // UTF-8 has no place for half a surrogate pair: it would be read back as U+FFFD.
  if (/\p{Surrogate}/u.test(text)) throw invalid('expected text, found half a surrogate pair')
  return text
}

function invalid(what: string): VaultError {
  return new VaultError('INVALID', `value: ${what}`)
}
