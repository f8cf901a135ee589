import { foundAt, refusal } from './refusal.ts'
import type { Cursor, ListTree, Member, ObjectTree, TextTree, Tree } from './tree.ts'

/** A policy's JSON is five deep. */
const depthMax = 8

/**
 * Reads a JSON text (RFC 8259), its places kept. Members that an object names twice are refused, and nesting beyond 8.
 * Takes time in proportion to the text's length.
 */
export function readJson(text: string): Tree {
  const cursor = { text, at: 0 }
  const tree = readValue(cursor, 1)
  skipSpace(cursor)
  if (cursor.at === text.length) return tree
  throw unexpected(cursor, 'the end of the text')
}

function readValue(cursor: Cursor, depth: number): Tree {
  skipSpace(cursor)
  const first = cursor.text[cursor.at]
  if (first === '"') return readString(cursor)
  if (first !== '{' && first !== '[') return readOther(cursor)
  if (depth > depthMax) {
    throw refusal(cursor.text, cursor.at, `expected nesting at most ${depthMax} deep`)
  }
  return first === '{' ? readObject(cursor, depth) : readList(cursor, depth)
}

function readObject(cursor: Cursor, depth: number): ObjectTree {
  const { text, at } = cursor
  const members: Member[] = []
  const names = new Set<string>()
  cursor.at++
  if (take(cursor, '}')) return { kind: 'object', at, members }
  do {
    skipSpace(cursor)
    if (text[cursor.at] !== '"') throw unexpected(cursor, 'the name of a member')
    const { at: place, text: name } = readString(cursor)
    if (names.has(name)) throw refusal(text, place, 'expected members of different names')
    names.add(name)
    if (!take(cursor, ':')) throw unexpected(cursor, '":"')
    members.push({ name, at: place, value: readValue(cursor, depth + 1) })
  } while (take(cursor, ','))
  if (!take(cursor, '}')) throw unexpected(cursor, '"," or "}"')
  return { kind: 'object', at, members }
}

function readList(cursor: Cursor, depth: number): ListTree {
  const { at } = cursor
  const items: Tree[] = []
  cursor.at++
  if (take(cursor, ']')) return { kind: 'list', at, items }
  do items.push(readValue(cursor, depth + 1))
  while (take(cursor, ','))
  if (!take(cursor, ']')) throw unexpected(cursor, '"," or "]"')
  return { kind: 'list', at, items }
}

function readString(cursor: Cursor): TextTree {
  const { text, at } = cursor
  let end = at + 1
  for (;;) {
    const code = text.charCodeAt(end)
    if (code === 0x22) break
    // Past the end the code is NaN, which is not above either.
    if (!(code >= 0x20)) throw refusal(text, at, 'expected the string to end on its line')
    end += code === 0x5c ? 2 : 1
  }
  cursor.at = end + 1
  try {
    return { kind: 'string', at, text: JSON.parse(text.slice(at, end + 1)) }
  } catch {
    // Its message quotes the string.
    throw refusal(text, at, 'expected a string whose escapes are those of JSON')
  }
}

const other = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/
/** None that means anything is as long. */
const otherCharsMax = 64

function readOther(cursor: Cursor): Tree {
  const { text, at } = cursor
  const found = other.exec(text.slice(at, at + otherCharsMax))?.[0]
  if (found === undefined) throw unexpected(cursor, 'a value')
  cursor.at += found.length
  return { kind: 'other', at }
}

function take(cursor: Cursor, character: string): boolean {
  skipSpace(cursor)
  if (cursor.text[cursor.at] !== character) return false
  cursor.at++
  return true
}

function skipSpace(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    cursor.at++
  }
}

function unexpected({ text, at }: Cursor, expected: string) {
  return refusal(text, at, `expected ${expected}, found ${foundAt(text, at)}`)
}
