import { isUtf8 } from 'node:buffer'
import { WireError } from './wire-error.ts'

/** What a body may hold. Its objects have no member of the name `__proto__`. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json }

export type JsonObject = { readonly [name: string]: Json }

const depthMax = 64
/** Beyond it nothing can be accepted: a value's 1 MiB may be written in escapes of six characters a byte. */
const parsedBytesMax = 8 * 1024 * 1024
/** Members and items of one body: nobody else is answered while it is read and held to a schema. */
const valuesMax = 20_000

/**
 * Reads a request's body as the JSON object that it has to be; an empty one is `{}`. Throws WireError 400 for what
 * `JSON.parse` would let pass and then mean something else by than the sender: of two members of one name it takes the
 * last, and it rounds numbers that a double does not hold. Nesting beyond 64, bytes that are not UTF-8 and members of
 * the name `__proto__` are refused too, and 413 is thrown beyond 8 MiB. No message quotes the body. The work grows with
 * its length and no faster.
 */
export function parseBody(bytes: Buffer): JsonObject {
  if (bytes.length === 0) return {}
  if (bytes.length > parsedBytesMax) throw new WireError(413, [bodyTooLarge])
  if (!isUtf8(bytes)) throw refuse('it is not UTF-8')
  const text = bytes.toString('utf8')
  const names = namesIn(text)
  const body = parse(text)
  if (typeof body !== 'object' || body === null || isList(body)) throw refuse('expected an object')
  if (membersOf(body) !== names) throw refuse('an object names one of its members twice')
  return body
}

export const bodyTooLarge = 'request body too large'

function refuse(why: string): WireError {
  return new WireError(400, [`error parsing JSON: ${why}`])
}

function parse(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    // The message quotes the text.
    throw refuse('it is not JSON')
  }
}

/**
 * How many members a text has, if it is JSON: each of them has a colon, and no other colon stands outside a string. It
 * comes before the parser, which would take any depth and any number of values: all but the first of each object and
 * list have a comma.
 */
function namesIn(text: string): number {
  let names = 0
  let commas = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) at = endOfString(text, at)
    else if (code === 0x3a) names++
    else if (code === 0x2c) commas++
    else if (code === 0x7b || code === 0x5b) {
      depth++
      if (depth > depthMax) throw refuse(`expected nesting at most ${depthMax} deep`)
    } else if (code === 0x7d || code === 0x5d) depth--
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) at = endOfNumber(text, at)
  }
  if (commas > valuesMax) throw refuse(`expected at most ${valuesMax} values`)
  return names
}

/** The place of the quotation mark that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start; ; ) {
    at = text.indexOf('"', at + 1)
    if (at === -1) throw refuse('a string does not end')
    let before = at - 1
    while (text.charCodeAt(before) === 0x5c) before--
    // An even number of backslashes escapes itself.
    if ((at - before) % 2 === 1) return at
  }
}

/** No double needs as many. */
const numberCharsMax = 400
const exactDigits = 15

/** The place of the last character of the number which begins at `start`. */
function endOfNumber(text: string, start: number): number {
  let at = start + 1
  let plain = true
  for (; ; at++) {
    const code = text.charCodeAt(at)
    if (code >= 0x30 && code <= 0x39) continue
    if (!isOfNumber(code)) break
    plain = false
  }
  if (plain && at - start <= exactDigits) return at - 1
  if (isRounded(text.slice(start, at))) {
    throw refuse('a number has more digits than are kept: give it as a string')
  }
  return at - 1
}

/** `+ - . E e`, besides digits. */
function isOfNumber(code: number): boolean {
  return code === 0x2b || code === 0x2d || code === 0x2e || code === 0x45 || code === 0x65
}

function isRounded(decimals: string): boolean {
  if (decimals.length > numberCharsMax) return true
  const value = Number(decimals)
  if (String(value) === decimals) return false
  const mantissa = decimals.replace(/[eE].*/, '').replace(/[-.]/g, '')
  const digits = mantissa.replace(/^0+/, '').replace(/0+$/, '')
  if (value === 0) return digits !== ''
  return !Number.isFinite(value) || digits.length > exactDigits
}

function membersOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  if (isList(value)) return value.reduce((sum: number, item) => sum + membersOf(item), 0)
  const names = Object.keys(value)
  let members = names.length
  for (const name of names) {
    if (name === '__proto__') throw refuse('a member may not be named __proto__')
    members += membersOf(value[name] ?? null)
  }
  return members
}

/** `Array.isArray` does not tell a read-only list from an object. */
function isList(value: object): value is readonly Json[] {
  return Array.isArray(value)
}
