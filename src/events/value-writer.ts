import { VaultError } from '../errors.ts'
import { eventDepthMax } from '../limits.ts'

/**
 * The subset of msgpack that events are written in. Each value has exactly one encoding.
 *
 * value   := boolean | integer | text | bytes | list | map
 * boolean := c2 | c3
 * integer := fixint | cc u8 | cd u16 | ce u32 | d0 i8 | d1 i16 | d2 i32     the shortest that holds it;
 *          | d3 i64                                            beyond 32 bits, up to ±(2⁵³ − 1)
 * text    := fixstr | d9 u8 … | da u16 … | db u32 …            well-formed UTF-8, shortest length
 * bytes   := c4 u8 … | c5 u16 … | c6 u32 …                     shortest length
 * list    := (fixarray | dc u16 | dd u32) value*               shortest length
 * map     := (fixmap | de u16 | df u32) (text value)*          shortest length, distinct keys
 *
 * No nil, no float, no extension: no event needs one, and each is a way for two readers to disagree.
 */
export type Value =
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value }

/** A buffer that grows. The first `length` bytes are written; a caller may move `length` to leave room. */
export interface Writer {
  bytes: Buffer
  length: number
  /** Keys from the root to the value in hand, for errors; what lies deeper than that is left over. */
  readonly trail: (string | number)[]
}

export function createWriter(capacity: number): Writer {
  return { bytes: Buffer.allocUnsafeSlow(capacity), length: 0, trail: [] }
}

/** Makes room for `count` more bytes, if need be in another buffer. */
export function reserve(writer: Writer, count: number): void {
  const needed = writer.length + count
  if (needed <= writer.bytes.length) return
  const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * writer.bytes.length))
  writer.bytes.copy(grown, 0, 0, writer.length)
  writer.bytes = grown
}

/**
 * Appends one value.
 *
 * @param name what an error calls the value: `data`, `actor`
 * @throws VaultError `INVALID`, naming the field and never its content, for what the subset cannot hold
 */
export function writeValue(writer: Writer, value: unknown, name: string): void {
  writer.trail[0] = name
  write(writer, value, 0)
}

function write(writer: Writer, value: unknown, depth: number): void {
  if (typeof value === 'string') writeText(writer, value, depth)
  else if (typeof value === 'number') writeInteger(writer, value, depth)
  else if (typeof value === 'boolean') writeBoolean(writer, value)
  else if (isMap(value)) writeMap(writer, value, depth + 1)
  else if (Array.isArray(value)) writeList(writer, value, depth + 1)
  else if (value instanceof Uint8Array) writeBytes(writer, value)
  else throw unwritable(writer, depth, `another kind of value, found ${kind(value)}`)
}

function writeBoolean(writer: Writer, value: boolean): void {
  reserve(writer, 1)
  writer.bytes[writer.length++] = value ? 0xc3 : 0xc2
}

/** Whether a value is a plain object: what a msgpack map comes from and becomes. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Names the kind of a value, for errors that must not quote it. */
export function kind(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Uint8Array) return 'bytes'
  if (typeof value === 'object') return isMap(value) ? 'a map' : 'an object of a class'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'an integer' : 'a number'
  return `a ${typeof value}`
}

/** Names a field by the keys that lead to it, for errors; keys that could upset a terminal or a reader are quoted. */
export function fieldName(keys: readonly (string | number)[]): string {
  return keys.map((key) => (/^[\w-]{1,64}$/.test(`${key}`) ? key : quote(`${key}`))).join('.')
}

function quote(key: string): string {
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 63)}…` : key)
}

function unwritable(writer: Writer, depth: number, expected: string): VaultError {
  const field = fieldName(writer.trail.slice(0, depth + 1))
  return new VaultError('INVALID', `${field}: expected ${expected}`)
}

function writeMap(writer: Writer, map: Readonly<Record<string, unknown>>, depth: number): void {
  if (depth > eventDepthMax) throw tooDeep(writer, depth)
  const keys = Object.keys(map)
  writeLength(writer, keys.length, mapHeads)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    writer.trail[depth] = key
    if (key === '__proto__') throw unwritable(writer, depth, 'another name for a field')
    writeText(writer, key, depth)
    write(writer, map[key], depth)
  }
}

function writeList(writer: Writer, list: readonly unknown[], depth: number): void {
  if (depth > eventDepthMax) throw tooDeep(writer, depth)
  writeLength(writer, list.length, listHeads)
  for (let i = 0; i < list.length; i++) {
    writer.trail[depth] = i
    write(writer, list[i], depth)
  }
}

function tooDeep(writer: Writer, depth: number): VaultError {
  return unwritable(writer, depth - 1, `at most ${eventDepthMax} levels of lists and maps`)
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writeLength(writer, bytes.length, bytesHeads)
  reserve(writer, bytes.length)
  writer.bytes.set(bytes, writer.length)
  writer.length += bytes.length
}

/** Up to this many characters a loop beats the call into native code. */
const shortText = 40

function writeText(writer: Writer, text: string, depth: number): void {
  if (text.length <= shortText && writeShortAscii(writer, text)) return
  const size = Buffer.byteLength(text, 'utf8')
  // A lone surrogate would become U+FFFD in silence. All-ASCII text, the usual case, has as many bytes as characters.
  if (size !== text.length && /\p{Surrogate}/u.test(text)) {
    throw unwritable(writer, depth, 'well-formed Unicode, found a lone surrogate')
  }
  writeLength(writer, size, textHeads)
  reserve(writer, size)
  writer.bytes.write(text, writer.length, size, 'utf8')
  writer.length += size
}

/** Writes short text of ASCII; false, with nothing written, at the first other character. */
function writeShortAscii(writer: Writer, text: string): boolean {
  const size = text.length
  reserve(writer, size + 2)
  const { bytes } = writer
  let at = writer.length
  if (size < 32) {
    bytes[at++] = 0xa0 | size
  } else {
    bytes[at++] = 0xd9
    bytes[at++] = size
  }
  for (let i = 0; i < size; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    bytes[at++] = code
  }
  writer.length = at
  return true
}

/** How the lengths of one kind begin: within the first byte, below `fixed`; else in 8, 16 or 32 bits after it. */
interface Heads {
  readonly base: number
  readonly fixed: number
  readonly u8: number | undefined
  readonly u16: number
  readonly u32: number
}

const textHeads: Heads = { base: 0xa0, fixed: 32, u8: 0xd9, u16: 0xda, u32: 0xdb }
const bytesHeads: Heads = { base: 0, fixed: 0, u8: 0xc4, u16: 0xc5, u32: 0xc6 }
const listHeads: Heads = { base: 0x90, fixed: 16, u8: undefined, u16: 0xdc, u32: 0xdd }
const mapHeads: Heads = { base: 0x80, fixed: 16, u8: undefined, u16: 0xde, u32: 0xdf }

function writeLength(writer: Writer, length: number, heads: Heads): void {
  reserve(writer, 5)
  if (length < heads.fixed) {
    writer.bytes[writer.length++] = heads.base | length
  } else if (length < 0x100 && heads.u8 !== undefined) {
    put8(writer, heads.u8, length)
  } else if (length < 0x10000) {
    put16(writer, heads.u16, length)
  } else {
    put32(writer, heads.u32, length)
  }
}

function writeInteger(writer: Writer, value: number, depth: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw unwritable(writer, depth, 'an integer within ±(2^53 - 1), found another number')
  }
  reserve(writer, 9)
  if (value >= 0) {
    if (value < 0x80) writer.bytes[writer.length++] = value
    else if (value < 0x100) put8(writer, 0xcc, value)
    else if (value < 0x10000) put16(writer, 0xcd, value)
    else if (value <= 0xffffffff) put32(writer, 0xce, value)
    else putInt64(writer, value)
  } else if (value >= -0x20) writer.bytes[writer.length++] = value & 0xff
  else if (value >= -0x80) put8(writer, 0xd0, value)
  else if (value >= -0x8000) put16(writer, 0xd1, value)
  else if (value >= -0x80000000) put32(writer, 0xd2, value)
  else putInt64(writer, value)
}

/** Puts a safe integer as `d3 i64`. Like the others of its kind, it needs the room to be reserved. */
export function putInt64(writer: Writer, value: number): void {
  put32(writer, 0xd3, Math.floor(value / 0x100000000))
  put32Bits(writer, value)
}

function put8(writer: Writer, head: number, value: number): void {
  writer.bytes[writer.length++] = head
  writer.bytes[writer.length++] = value
}

function put16(writer: Writer, head: number, value: number): void {
  writer.bytes[writer.length++] = head
  writer.bytes[writer.length++] = value >> 8
  writer.bytes[writer.length++] = value
}

function put32(writer: Writer, head: number, value: number): void {
  writer.bytes[writer.length++] = head
  put32Bits(writer, value)
}

/** The low 32 bits, big-endian; a typed array keeps the low 8 of what each element is given. */
function put32Bits(writer: Writer, value: number): void {
  const { bytes, length } = writer
  const bits = value | 0
  bytes[length] = bits >> 24
  bytes[length + 1] = bits >> 16
  bytes[length + 2] = bits >> 8
  bytes[length + 3] = bits
  writer.length = length + 4
}
