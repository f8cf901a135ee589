import { VaultError } from '../errors.ts'
import { pathBytesMax } from '../limits.ts'
import { checkPathSegment } from './path.ts'

/**
 * pattern := part ("/" part)* ["/**"] | "**"
 * part    := segment | "*"
 *
 * A segment (see `path.ts`) matches itself, `*` exactly one segment, and a trailing `**` one or more: `prod/**` is
 * everything below `prod` and not `prod` itself, `**` is every path and every actor. The empty subject of events about
 * the vault itself has no segment, and no pattern matches it.
 */
export interface Pattern {
  readonly text: string
  /** Without the trailing `**`. */
  readonly parts: readonly string[]
  /** Whether a `**` ends it. */
  readonly deep: boolean
}

/**
 * Parses a pattern for subjects or actors.
 *
 * @param argument what errors call it
 * @throws VaultError `INVALID` for a `*` beside other characters, a `**` that is not last, and whatever no path can
 *   match; `TOO_LARGE` beyond 512 bytes, or 128 a segment
 * @example
 * matches(parsePattern('prod/**'), 'prod/db/password') // true
 */
export function parsePattern(text: string, argument = 'pattern'): Pattern {
  if (typeof text !== 'string') throw new VaultError('INVALID', `${argument}: expected a string`)
  const size = Buffer.byteLength(text, 'utf8')
  if (size > pathBytesMax) {
    const message = `${argument}: expected at most ${pathBytesMax} bytes, found ${size}`
    throw new VaultError('TOO_LARGE', message, { expected: pathBytesMax, found: size })
  }
  const parts = text.split('/')
  const deep = parts.at(-1) === '**'
  if (deep) parts.pop()
  for (const part of parts) {
    if (part !== '*') checkPathSegment(part, argument)
  }
  return { text, parts, deep }
}

/** Whether a pattern matches a subject or actor. Takes time in proportion to their length, whatever they hold. */
export function matches({ parts, deep }: Pattern, subject: string): boolean {
  if (subject === '') return false
  let start = 0
  for (const part of parts) {
    if (start > subject.length) return false
    const slash = subject.indexOf('/', start)
    const end = slash === -1 ? subject.length : slash
    if (part !== '*' && !(part.length === end - start && subject.startsWith(part, start)))
      return false
    start = end + 1
  }
  return deep ? start < subject.length : start > subject.length
}
