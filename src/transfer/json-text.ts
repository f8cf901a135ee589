import type { VaultError } from '../errors.ts'
import { transferDepthMax } from '../limits.ts'
import type { JsonValue } from '../secret/value.ts'
import { refuseFile } from './text.ts'

export interface JsonObject {
  readonly [member: string]: JsonValue
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a value of JSON is, for a message. */
export function kindOfJson(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return value === null ? 'null' : 'nothing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

interface Cursor {
  readonly text: string
  readonly format: string
  at: number
}

/**
 * Reads JSON (RFC 8259) as `JSON.parse` does, but for what that would do in silence or say too much of: its errors
 * quote the text, of two members of the same name it takes the last, and it rounds numbers. Here an error says where
 * and never what, a member that comes twice is refused, and so is nesting beyond `transferDepthMax`. A number that a
 * double does not hold reads as NaN: no value may hold that, so the row is skipped that it stands in.
 */
export function parseJson(text: string, format: string): JsonValue {
  const cursor: Cursor = { text, format, at: 0 }
  const value = readValue(cursor, 1)
  skipSpace(cursor)
  if (cursor.at < text.length) throw unexpected(cursor, 'the end of the file')
  return value
}

function readValue(cursor: Cursor, depth: number): JsonValue {
  skipSpace(cursor)
  const first = cursor.text[cursor.at]
  if (first === '"') return readString(cursor)
  if (first !== '{' && first !== '[') return readLiteral(cursor)
  if (depth > transferDepthMax) throw unexpected(cursor, `nesting at most ${transferDepthMax} deep`)
  cursor.at += 1
  return first === '{' ? readObject(cursor, depth) : readArray(cursor, depth)
}

function readObject(cursor: Cursor, depth: number): JsonValue {
  const members = new Map<string, JsonValue>()
  if (take(cursor, '}')) return {}
  do {
    skipSpace(cursor)
    if (cursor.text[cursor.at] !== '"') throw unexpected(cursor, 'the name of a member')
    const start = cursor.at
    const name = readString(cursor)
    if (members.has(name)) {
      throw unexpected({ ...cursor, at: start }, 'members of different names, found one twice')
    }
    if (!take(cursor, ':')) throw unexpected(cursor, '":"')
    members.set(name, readValue(cursor, depth + 1))
  } while (take(cursor, ','))
  if (!take(cursor, '}')) throw unexpected(cursor, '"," or "}"')
  // It defines each member, `__proto__` too, where an assignment would set the prototype.
  return Object.fromEntries(members)
}

function readArray(cursor: Cursor, depth: number): JsonValue {
  const items: JsonValue[] = []
  if (take(cursor, ']')) return items
  do items.push(readValue(cursor, depth + 1))
  while (take(cursor, ','))
  if (!take(cursor, ']')) throw unexpected(cursor, '"," or "]"')
  return items
}

function readString(cursor: Cursor): string {
  const { text } = cursor
  const start = cursor.at
  let escaped = false
  let at = start + 1
  for (;;) {
    const code = text.charCodeAt(at)
    if (code === 0x22) break
    // Past the end the code is NaN, which is not above either.
    if (!(code >= 0x20)) throw unexpected({ ...cursor, at }, 'the end of the string')
    if (code === 0x5c) escaped = true
    at += code === 0x5c ? 2 : 1
  }
  cursor.at = at + 1
  if (!escaped) return text.slice(start + 1, at)
  try {
    return JSON.parse(text.slice(start, at + 1))
  } catch {
    // Its message quotes the string.
    throw unexpected({ ...cursor, at: start }, 'a string whose escapes are those of JSON')
  }
}

const literal = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/
/** No double needs as many. */
const literalCharsMax = 400

function readLiteral(cursor: Cursor): JsonValue {
  const found = literal.exec(cursor.text.slice(cursor.at, cursor.at + literalCharsMax))?.[0]
  if (found === undefined) throw unexpected(cursor, 'a value')
  cursor.at += found.length
  const value: JsonValue = JSON.parse(found)
  return typeof value === 'number' && isRounded(found, value) ? Number.NaN : value
}

/** Whether a double is another number than its decimals say: those of up to 15 digits within its range never are. */
function isRounded(decimals: string, value: number): boolean {
  const mantissa = decimals.replace(/[eE].*/, '').replace(/[-.]/g, '')
  const digits = mantissa.replace(/^0+/, '').replace(/0+$/, '')
  if (value === 0) return digits !== ''
  return digits.length > 15 && String(value) !== decimals
}

function take(cursor: Cursor, character: string): boolean {
  skipSpace(cursor)
  if (cursor.text[cursor.at] !== character) return false
  cursor.at += 1
  return true
}

function skipSpace(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    cursor.at += 1
  }
}

function unexpected({ text, format, at }: Cursor, expected: string): VaultError {
  const before = text.slice(0, at)
  const line = before.split('\n').length
  const column = at - before.lastIndexOf('\n')
  return refuseFile(format, `, line ${line} column ${column}`, `expected ${expected}`)
}
