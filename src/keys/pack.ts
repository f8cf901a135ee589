import { Decoder, Encoder } from 'msgpackr'
import { VaultError } from '../errors.ts'

/**
 * MessagePack as a compartment holds it: nil, booleans, integers up to 2⁵³, float64, UTF-8 strings, bytes, arrays
 * and maps with string keys. Its readers authenticate before they decode.
 */
const depthMax = 16
const encoder = new Encoder({ useRecords: false, variableMapSize: true })
const decoder = new Decoder({ useRecords: false, copyBuffers: true, int64AsType: 'number' })

/** The bytes are the caller's own, to wipe. `INVALID` for what the format does not hold. */
export function pack(value: unknown): Buffer {
  const shared = encoder.encode(packable(value, 0))
  const bytes = Buffer.alloc(shared.length)
  bytes.set(shared)
  // The encoder keeps its buffer, and what goes through here are keys.
  shared.fill(0)
  return bytes
}

/**
 * Decodes exactly one value. It has to come out again as it went in: so extensions, records, duplicate keys,
 * overlong integers, ill-formed UTF-8 and trailing bytes are all refused, as `INTEGRITY` naming `what`.
 */
export function unpack(bytes: Uint8Array, what: string): unknown {
  try {
    const value: unknown = decoder.decode(bytes)
    const again = pack(value)
    const same = again.equals(bytes)
    again.fill(0)
    if (same) return value
  } catch {
    // msgpackr's message may quote what it read.
  }
  throw new VaultError('INTEGRITY', `${what}: malformed msgpack`)
}

/** A copy for the encoder: integers beyond 32 bits as BigInt, which it would write as float64 otherwise. */
function packable(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'boolean' || value instanceof Uint8Array) return value
  if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value
  if (typeof value === 'number' && Number.isFinite(value)) return packableNumber(value)
  if (depth < depthMax && Array.isArray(value)) {
    return value.map((item) => packable(item, depth + 1))
  }
  if (depth < depthMax && isPlainObject(value)) {
    const entries = Object.entries(value)
    return Object.fromEntries(entries.map(([key, item]) => [key, packable(item, depth + 1)]))
  }
  throw new VaultError('INVALID', `keyring: cannot encode this ${typeof value}`)
}

function packableNumber(value: number): number | bigint {
  const wide = Number.isSafeInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000)
  return wide ? BigInt(value) : value
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  return Object.getPrototypeOf(value) === Object.prototype
}
