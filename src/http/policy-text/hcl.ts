import { foundAt, quote, refusal } from './refusal.ts'
import { expectField, type Statement, statementOf } from './statement.ts'
import type { Cursor, ListTree, Member, TextTree, Tree } from './tree.ts'

/*
 * text   := (name | path)*
 * name   := "name" "=" string                       said of itself: Vault ignores it
 * path   := "path" string "{" (field ","?)* "}"
 * field  := word "=" (string | list)
 * list   := "[" (string ("," string)*)? ","? "]"
 * word   := letter (letter | digit | "_" | "-")* | string
 * string := '"' (character | escape)* '"'           on one line, no "${"
 * escape := "\" ('"' | "\" | "n" | "r" | "t" | "u" hex hex hex hex)
 *
 * Comments begin with "#" or "//" and end with the line, or are those of C. This is what policies need of HCL
 * (https://github.com/hashicorp/hcl/tree/hcl1); whatever else it has is refused. Nothing here is recursive.
 */

/** The paths of a policy in HCL, as they stand. Throws `INVALID`; takes time in proportion to the text's length. */
export function readHcl(text: string): readonly Statement[] {
  const cursor = { text, at: 0 }
  const statements: Statement[] = []
  for (;;) {
    skipBlank(cursor)
    if (cursor.at === text.length) return statements
    const { at } = cursor
    const word = readWord(cursor, '"path"')
    if (word === 'path') statements.push(readPath(cursor))
    else if (word === 'name') readName(cursor)
    else throw refusal(text, at, `expected "path", found ${quote(word)}`)
  }
}

function readName(cursor: Cursor): void {
  expectNext(cursor, '=')
  skipBlank(cursor)
  readString(cursor, 'a name in quotation marks')
}

function readPath(cursor: Cursor): Statement {
  skipBlank(cursor)
  const path = readString(cursor, 'a path in quotation marks')
  expectNext(cursor, '{')
  const members: Member[] = []
  while (!takeNext(cursor, '}')) {
    const { at } = cursor
    const name = readWord(cursor, 'a field or "}"')
    expectField(cursor.text, { name, at })
    expectNext(cursor, '=')
    members.push({ name, at, value: readValue(cursor) })
    takeNext(cursor, ',')
  }
  return statementOf(cursor.text, path, members)
}

function readValue(cursor: Cursor): Tree {
  skipBlank(cursor)
  if (cursor.text.startsWith('<<', cursor.at)) {
    throw refusal(cursor.text, cursor.at, 'expected a string in quotation marks, found a heredoc')
  }
  if (cursor.text[cursor.at] === '[') return readList(cursor)
  return readString(cursor, 'a string or a list of strings')
}

function readList(cursor: Cursor): ListTree {
  const { at } = cursor
  const items: Tree[] = []
  cursor.at++
  while (!takeNext(cursor, ']')) {
    items.push(readString(cursor, 'a string or "]"'))
    if (takeNext(cursor, ',')) continue
    expectNext(cursor, ']')
    break
  }
  return { kind: 'list', at, items }
}

const wordPattern = /[A-Za-z_][\w-]*/y

/** A word stands bare or in quotation marks. */
function readWord(cursor: Cursor, expected: string): string {
  if (cursor.text[cursor.at] === '"') return readString(cursor, expected).text
  wordPattern.lastIndex = cursor.at
  const word = wordPattern.exec(cursor.text)?.[0]
  if (word === undefined) throw unexpected(cursor, expected)
  cursor.at += word.length
  return word
}

function readString(cursor: Cursor, expected: string): TextTree {
  const { text, at } = cursor
  if (text[at] !== '"') throw unexpected(cursor, expected)
  let read = ''
  let from = at + 1
  for (let end = from; ; ) {
    const character = text[end]
    if (character === undefined || character === '\n') {
      throw refusal(text, at, 'expected the string to end on its line')
    }
    if (character === '"') {
      cursor.at = end + 1
      return { kind: 'string', at, text: read + text.slice(from, end) }
    }
    if (character === '$' && text[end + 1] === '{') {
      throw refusal(text, end, 'expected a string as it is meant, found an interpolation')
    }
    if (character !== '\\') end++
    else {
      const { means, length } = escapeAt(text, end)
      read += text.slice(from, end) + means
      end += length
      from = end
    }
  }
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  n: '\n',
  r: '\r',
  t: '\t',
}

function escapeAt(text: string, at: number): { readonly means: string; readonly length: number } {
  const means = escapes[text[at + 1] ?? '']
  if (means !== undefined) return { means, length: 2 }
  const hex = /^\\u([0-9a-fA-F]{4})/.exec(text.slice(at, at + 6))?.[1]
  if (hex !== undefined) return { means: String.fromCharCode(Number.parseInt(hex, 16)), length: 6 }
  throw refusal(text, at, 'expected an escape of \\" \\\\ \\n \\r \\t or \\u with four hex digits')
}

function takeNext(cursor: Cursor, character: string): boolean {
  skipBlank(cursor)
  if (cursor.text[cursor.at] !== character) return false
  cursor.at++
  return true
}

function expectNext(cursor: Cursor, character: string): void {
  if (!takeNext(cursor, character)) throw unexpected(cursor, quote(character))
}

/** Passes over white space and comments. */
function skipBlank(cursor: Cursor): void {
  const { text } = cursor
  for (;;) {
    const character = text[cursor.at]
    if (character === ' ' || character === '\n' || character === '\t' || character === '\r') {
      cursor.at++
    } else if (character === '#' || text.startsWith('//', cursor.at)) {
      const end = text.indexOf('\n', cursor.at)
      cursor.at = end === -1 ? text.length : end
    } else if (text.startsWith('/*', cursor.at)) {
      const end = text.indexOf('*/', cursor.at + 2)
      if (end === -1) throw refusal(text, cursor.at, 'expected the comment to end')
      cursor.at = end + 2
    } else return
  }
}

function unexpected({ text, at }: Cursor, expected: string) {
  return refusal(text, at, `expected ${expected}, found ${foundAt(text, at)}`)
}
