import { VaultError } from '../errors.ts'
import { actorBytesMax, pathBytesMax, segmentBytesMax } from '../limits.ts'

/**
 * path    := segment ("/" segment)*     at most 512 bytes of UTF-8, in Unicode's normalisation form C
 * segment := character+                 1 to 128 bytes, neither "." nor ".."
 *
 * A character is nothing of `\p{C}` (controls, formats, surrogates, private, unassigned), no line or paragraph
 * separator, no space but U+0020, and none of `*` `+` `!` `\`, which patterns give a meaning, here or elsewhere. Names
 * are refused rather than normalised: the log says what the caller said.
 */
const forbidden = /[\p{C}\p{Zl}\p{Zp}*+!\\]|(?! )\p{Zs}/u

/** A name, what errors call it, and how long it may be. */
interface Named {
  readonly argument: string
  readonly name: string
  readonly bytesMax: number
}

/**
 * Returns a secret's path as it is, if it is one.
 *
 * @param argument what errors call it
 * @throws VaultError `INVALID`, or `TOO_LARGE` with `expected` and `found` in bytes
 * @example
 * checkPath('prod/db/password') // 'prod/db/password'
 * checkPath('prod//password') // INVALID: path "prod//password": expected no empty segment
 */
export function checkPath(path: string, argument = 'path'): string {
  return checkName({ argument, name: path, bytesMax: pathBytesMax })
}

/** Returns one segment of a path as it is, if it is one; errors call it the segment of `argument`. */
export function checkPathSegment(segment: string, argument: string): string {
  return checkName({
    argument: `segment of ${argument}`,
    name: segment,
    bytesMax: segmentBytesMax,
  })
}

/** Returns an actor as it is, if it is one, by the rules of a path: `svc/billing`, `user/ana`. */
export function checkActor(actor: string, argument = 'actor'): string {
  return checkName({ argument, name: actor, bytesMax: actorBytesMax })
}

/**
 * Returns what paths may begin with as it is: a path, `prod/`, or the empty string. Its last segment may go on, so
 * that it may be empty or dots.
 *
 * @throws VaultError as `checkPath` does
 */
export function checkPrefix(prefix: string, argument = 'prefix'): string {
  if (prefix === '') return prefix
  const named = { argument, name: prefix, bytesMax: pathBytesMax }
  checkText(named)
  const segments = prefix.split('/')
  const last = segments.pop() as string
  for (const segment of segments) checkSegment(named, segment)
  checkSegmentSize(named, last)
  return prefix
}

function checkName(named: Named): string {
  if (isPlain(named)) return named.name
  checkText(named)
  for (const segment of named.name.split('/')) checkSegment(named, segment)
  return named.name
}

/** Whether the characters of an ASCII code may stand in a name; "/" and "." are for the loop to judge. */
const plainCodes = Uint8Array.from({ length: 128 }, (_, code) =>
  forbidden.test(String.fromCharCode(code)) ? 0 : 1,
)

/** Whether a name is sound at first sight: all ASCII, short, and no segment beginning with a dot. */
function isPlain({ name }: Named): boolean {
  if (typeof name !== 'string' || name.length > segmentBytesMax) return false
  let segmentStart = 0
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code === 0x2f) {
      if (i === segmentStart) return false
      segmentStart = i + 1
    } else if (plainCodes[code] !== 1 || (code === 0x2e && i === segmentStart)) {
      return false
    }
  }
  return segmentStart < name.length
}

function checkText(named: Named): void {
  const { argument, name, bytesMax } = named
  if (typeof name !== 'string') throw refuse(named, 'a string')
  const size = Buffer.byteLength(name, 'utf8')
  if (size > bytesMax) throw tooLarge(argument, bytesMax, size)
  const found = forbidden.exec(name)
  if (found !== null) throw refuse(named, `no ${codePoint(found[0])}`)
  if (name.normalize('NFC') !== name) throw refuse(named, 'normalisation form C')
}

function checkSegment(named: Named, segment: string): void {
  if (segment === '') throw refuse(named, 'no empty segment')
  if (segment === '.' || segment === '..') throw refuse(named, `no segment "${segment}"`)
  checkSegmentSize(named, segment)
}

function checkSegmentSize({ argument }: Named, segment: string): void {
  const size = Buffer.byteLength(segment, 'utf8')
  if (size > segmentBytesMax) throw tooLarge(`segment of ${argument}`, segmentBytesMax, size)
}

function tooLarge(subject: string, most: number, size: number): VaultError {
  const message = `${subject}: expected at most ${most} bytes, found ${size}`
  return new VaultError('TOO_LARGE', message, { expected: most, found: size })
}

function refuse({ argument, name }: Named, expected: string): VaultError {
  return new VaultError('INVALID', `${argument} ${quote(name)}: expected ${expected}`)
}

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')
  return `U+${hex}`
}

/** Shows a refused name in ASCII, so that nothing in it can upset a terminal or pass for something else. */
function quote(name: unknown): string {
  if (typeof name !== 'string') return `of type ${typeof name}`
  return JSON.stringify(name).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
