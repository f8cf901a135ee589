import { VaultError } from '../errors.ts'
import { eventDepthMax } from '../limits.ts'
import type { Value } from './value-writer.ts'

/**
 * Reads the subset of msgpack whose grammar stands in `value-writer.ts`, and nothing else: whatever is accepted
 * here would be written again as the same bytes. All of it is `INTEGRITY` otherwise, since nothing is decoded
 * that was not first authenticated.
 */
export interface Reader {
  readonly bytes: Buffer
  /** The next byte to read. */
  at: number
  /** Where the event ends; bytes behind it belong to its neighbour. */
  readonly end: number
  /** The event's position in the log, for errors. */
  readonly position: number
}

export function refuse(position: number, problem: string): VaultError {
  return new VaultError('INTEGRITY', `event ${position}: ${problem}`)
}

export function readByte(reader: Reader): number {
  if (reader.at >= reader.end) throw refuse(reader.position, 'expected more bytes')
  return reader.bytes[reader.at++] as number
}

/** Steps over `count` bytes and returns where they begin. */
export function take(reader: Reader, count: number): number {
  const start = reader.at
  if (count > reader.end - start) throw refuse(reader.position, 'expected more bytes')
  reader.at = start + count
  return start
}

/** Reads one value; bytes are copied out, so that none pins or shows the buffer they came in. */
export function readValue(reader: Reader, depth = 0): Value {
  const head = readByte(reader)
  if (head < 0x80) return head
  if (head < 0x90) return readMap(reader, head & 0x0f, depth + 1)
  if (head < 0xa0) return readList(reader, head & 0x0f, depth + 1)
  if (head < 0xc0) return readChars(reader, head & 0x1f)
  if (head >= 0xe0) return head - 0x100
  return readTagged(reader, head, depth)
}

function readTagged(reader: Reader, head: number, depth: number): Value {
  switch (head) {
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
      return readBytes(reader, read8(reader, 0))
    case 0xc5:
      return readBytes(reader, read16(reader, 0x100))
    case 0xc6:
      return readBytes(reader, read32(reader))
    case 0xcc:
      return read8(reader, 0x80)
    case 0xcd:
      return read16(reader, 0x100)
    case 0xce:
      return read32(reader)
    case 0xd9:
      return readChars(reader, read8(reader, 0x20))
    case 0xda:
      return readChars(reader, read16(reader, 0x100))
    case 0xdb:
      return readChars(reader, read32(reader))
    case 0xdc:
      return readList(reader, read16(reader, 0x10), depth + 1)
    case 0xdd:
      return readList(reader, read32(reader), depth + 1)
    case 0xde:
      return readMap(reader, read16(reader, 0x10), depth + 1)
    case 0xdf:
      return readMap(reader, read32(reader), depth + 1)
    default:
      return readSigned(reader, head)
  }
}

/** The three widths of an unsigned number; below `least` a shorter form would have held it. */
function read8(reader: Reader, least: number): number {
  return expectShortest(reader, readByte(reader), least)
}

function read16(reader: Reader, least: number): number {
  const at = take(reader, 2)
  const value = ((reader.bytes[at] as number) << 8) | (reader.bytes[at + 1] as number)
  return expectShortest(reader, value, least)
}

function read32(reader: Reader): number {
  return expectShortest(reader, uint32At(reader.bytes, take(reader, 4)), 0x10000)
}

function expectShortest(reader: Reader, value: number, least: number): number {
  if (value < least) throw notShortest(reader)
  return value
}

function notShortest(reader: Reader): VaultError {
  return refuse(reader.position, 'expected each number and length in its shortest form')
}

function readSigned(reader: Reader, head: number): number {
  switch (head) {
    case 0xd0:
      return expectBelow(reader, (readByte(reader) << 24) >> 24, -0x20)
    case 0xd1: {
      const at = take(reader, 2)
      return expectBelow(reader, reader.bytes.readInt16BE(at), -0x80)
    }
    case 0xd2:
      return expectBelow(reader, uint32At(reader.bytes, take(reader, 4)) | 0, -0x8000)
    case 0xd3: {
      const value = readInt64(reader)
      if (value >= -0x80000000 && value <= 0xffffffff) throw notShortest(reader)
      return value
    }
    default:
      throw refuse(reader.position, `expected no msgpack 0x${head.toString(16)}`)
  }
}

function expectBelow(reader: Reader, value: number, limit: number): number {
  if (value >= limit) throw notShortest(reader)
  return value
}

/** The eight bytes of an i64 that a number holds exactly. */
export function readInt64(reader: Reader): number {
  const at = take(reader, 8)
  const high = uint32At(reader.bytes, at) | 0
  const value = high * 0x100000000 + uint32At(reader.bytes, at + 4)
  if (!Number.isSafeInteger(value)) {
    throw refuse(reader.position, 'expected an integer within ±(2^53 - 1)')
  }
  return value
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}

function readBytes(reader: Reader, size: number): Uint8Array {
  const start = take(reader, size)
  const copy = new Uint8Array(size)
  copy.set(reader.bytes.subarray(start, start + size))
  return copy
}

function readList(reader: Reader, length: number, depth: number): readonly Value[] {
  expectDepth(reader, depth)
  const list: Value[] = []
  for (let i = 0; i < length; i++) list.push(readValue(reader, depth))
  return list
}

function readMap(reader: Reader, size: number, depth: number): { readonly [key: string]: Value } {
  expectDepth(reader, depth)
  const map: Record<string, Value> = {}
  for (let i = 0; i < size; i++) {
    const key = readText(reader)
    if (key === '__proto__') throw refuse(reader.position, 'expected another key than __proto__')
    map[key] = readValue(reader, depth)
  }
  // The last of two equal keys would win here and the first elsewhere.
  if (Object.keys(map).length !== size) throw refuse(reader.position, 'expected distinct keys')
  return map
}

function expectDepth(reader: Reader, depth: number): void {
  if (depth <= eventDepthMax) return
  throw refuse(reader.position, `expected at most ${eventDepthMax} levels of lists and maps`)
}

/** Reads a value that has to be text. */
export function readText(reader: Reader): string {
  const head = readByte(reader)
  if (head >= 0xa0 && head < 0xc0) return readChars(reader, head & 0x1f)
  if (head === 0xd9) return readChars(reader, read8(reader, 0x20))
  if (head === 0xda) return readChars(reader, read16(reader, 0x100))
  throw refuse(reader.position, 'expected text')
}

/**
 * Texts that come again and again: types, actors, subjects, keys. One object for each spares the decoding, and the
 * hashing in the maps that folds look them up in. Slots are overwritten, so that the table never grows: at most
 * `internSlots` texts of `internedBytesMax` ASCII characters.
 */
const internSlots = 16_384
const internedBytesMax = 64
const interned: string[] = new Array(internSlots).fill('')

function readChars(reader: Reader, size: number): string {
  const start = take(reader, size)
  const { bytes, at: end } = reader
  if (size > internedBytesMax) return decodeUtf8(reader, start)
  let hash = size
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0
  const slot = (hash ^ (hash >>> 15)) & (internSlots - 1)
  const known = interned[slot] as string
  if (known.length === size && equals(known, bytes, start)) return known
  const text = decodeUtf8(reader, start)
  // Of other text no character is a byte, so that the comparison above could take it for what it is not.
  if (text.length === size) interned[slot] = text
  return text
}

function equals(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false
  }
  return true
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(reader: Reader, start: number): string {
  const { bytes, at: end } = reader
  const text = bytes.toString('utf8', start, end)
  // Where bytes are no UTF-8, Node puts U+FFFD, which well-formed text may hold as well.
  if (!text.includes('\ufffd')) return text
  try {
    return strictUtf8.decode(bytes.subarray(start, end))
  } catch {
    throw refuse(reader.position, 'expected text in well-formed UTF-8')
  }
}

/** Steps over one value, deciding no more than where it ends. */
export function skipValue(reader: Reader): void {
  for (let left = 1; left > 0; left--) left += skipHead(reader)
}

/** Steps over a head and what has a length; returns how many values belong to it. */
function skipHead(reader: Reader): number {
  const head = readByte(reader)
  if (head < 0x80 || head >= 0xe0) return 0
  if (head < 0x90) return 2 * (head & 0x0f)
  if (head < 0xa0) return head & 0x0f
  if (head < 0xc0) return skip(reader, head & 0x1f)
  switch (head) {
    case 0xc2:
    case 0xc3:
      return 0
    case 0xc4:
    case 0xd9:
      return skip(reader, read8(reader, 0))
    case 0xc5:
    case 0xda:
      return skip(reader, read16(reader, 0))
    case 0xc6:
    case 0xdb:
      return skip(reader, read32(reader))
    case 0xcc:
    case 0xd0:
      return skip(reader, 1)
    case 0xcd:
    case 0xd1:
      return skip(reader, 2)
    case 0xce:
    case 0xd2:
      return skip(reader, 4)
    case 0xd3:
      return skip(reader, 8)
    case 0xdc:
      return read16(reader, 0)
    case 0xdd:
      return read32(reader)
    case 0xde:
      return 2 * read16(reader, 0)
    case 0xdf:
      return 2 * read32(reader)
    default:
      throw refuse(reader.position, `expected no msgpack 0x${head.toString(16)}`)
  }
}

function skip(reader: Reader, count: number): 0 {
  take(reader, count)
  return 0
}
