import { parse } from 'dotenv'
import { valueBytesMax } from '../limits.ts'
import { type FoundRow, simpleEntry } from './admit.ts'
import { refuseFile } from './text.ts'

/**
 * row   := [ "export " ] name "=" value [ "#" comment ]     a value may go on over lines inside its quotes
 * name  := one or more of A-Z a-z 0-9 "_" "." "-"
 * value := "'" text "'" | '"' text '"' | "`" text "`" | text without "#" and line breaks, trimmed
 *
 * Each row is read by `dotenv`'s own parser (https://github.com/motdotla/dotenv#readme), so that a value is what a
 * program that loads the file sees: `\n` and `\r` mean something inside double quotes alone, `$NAME` is not expanded,
 * and CRLF is read as LF. It passes over what it cannot read, and of two rows of one name takes the last; here both
 * are reported. A quote that begins a value is closed, and "=" stands on the line of its name.
 */
export function* readDotenv(text: string): Generator<FoundRow> {
  const rows = new Map<string, { readonly row: string; readonly value: string }>()
  let unread = 0
  for (const { row, source } of chunksOf(text)) {
    const read = readRow(source)
    if (read === undefined) continue
    const { name = '' } = read
    const earlier = rows.get(name)
    if (earlier !== undefined) {
      yield { row: earlier.row, reason: `its name comes again on ${row}, which holds` }
      rows.delete(name)
    }
    if ('value' in read) rows.set(name, { row, value: read.value })
    else {
      unread += 1
      yield { row, reason: read.reason }
    }
  }
  if (rows.size === 0 && unread > 0) {
    throw refuseFile('dotenv', '', `expected lines of NAME=value, found none in ${unread}`)
  }
  for (const [name, { row, value }] of rows) yield { row, entry: simpleEntry(name, value) }
}

interface Chunk {
  readonly row: string
  readonly source: string
}

/** A row whose value begins with a quote, which may stand on a later line when nothing else does before it. */
const opening = /^[^\S\n]*(?:export\s+)?([\w.-]+)(?:\s*=|:\s)\s*(['"`])/
/** More than the largest value needs, and less than what dotenv's pattern can take. */
const rowCharsMax = 2 * valueBytesMax
const nameCharsMax = 4096

/** The lines that make one row each, those of a value that goes on inside its quotes together. */
function* chunksOf(text: string): Generator<Chunk> {
  const normal = text.replace(/\r\n?/g, '\n')
  let line = 1
  for (let start = 0; start < normal.length; ) {
    const lineEnd = endOfLine(normal, start)
    const blank = lineEnd === start
    const opened = blank ? null : opening.exec(normal.slice(start, start + nameCharsMax))
    const end = opened ? (closedAt(normal, start + opened[0].length) ?? lineEnd) : lineEnd
    const source = normal.slice(start, end)
    if (!blank) yield { row: `line ${line}`, source }
    line += source.split('\n').length
    start = end + 1
  }
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\n', from)
  return at === -1 ? text.length : at
}

/**
 * The end of the line on which the quote before `from` is closed, as dotenv's pattern finds it: at the first one
 * without a backslash before it, if nothing but a comment follows, else at the last before with one where that is so.
 * The next row that begins with the same quote ends the search, so that no file makes it long for each of its rows.
 */
function closedAt(text: string, from: number): number | undefined {
  const quote = text.charAt(from - 1)
  let closed: number | undefined
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    const next = /[^\s]|\n|$/g
    next.lastIndex = at + 1
    const after = next.exec(text)?.[0]
    if (after === '' || after === '\n' || after === '#') closed = endOfLine(text, at)
    if (text[at - 1] !== '\\') break
  }
  return closed
}

type Read =
  | { readonly name: string; readonly value: string }
  | { readonly name?: string; readonly reason: string }

/** What a row says, or why it says nothing; undefined for a blank line and a comment. */
function readRow(source: string): Read | undefined {
  if (source.length > rowCharsMax) return { reason: 'its line is longer than any value' }
  const [pair, ...more] = Object.entries(parse(source))
  const silent = /^\s*(?:#|$)/.test(source)
  if (pair === undefined) return silent ? undefined : { reason: 'expected NAME=value' }
  if (silent || more.length > 0) return { reason: 'expected one NAME=value' }
  const [name, value] = pair
  const opened = opening.exec(source)
  if (opened === null) return { name, value }
  const [before, openedName, quote = ''] = opened
  if (openedName !== name) return { reason: 'expected one NAME=value' }
  // dotenv would take the quote for a part of the value.
  if (source.indexOf(quote, before.length) === -1) {
    return { name, reason: 'its quote is not closed' }
  }
  return { name, value }
}
