import { quote, refusal } from './refusal.ts'
import type { Statement } from './statement.ts'

/**
 * A path as Vault's policies write it.
 *
 * path := segment ("/" segment)* ["/"] | (segment "/")* "*"
 *
 * A segment is literal or `+`, which is any one. A path that ends in `*` is every request path that begins so. Vault takes
 * any prefix; only whole segments are taken here, since our patterns know nothing else.
 */
export interface VaultPath {
  /** Without the `*` or the slash that ends it. */
  readonly segments: readonly string[]
  /** `folder`: it ends in a slash, which no request but LIST has. */
  readonly end: 'exact' | 'folder' | 'glob'
  readonly rank: Rank
}

/** What decides which of two paths is the more specific. */
interface Rank {
  readonly isExact: boolean
  /** Of the first `+`, or of the `*`, in bytes. */
  readonly firstWildcard: number
  readonly isGlob: boolean
  readonly wildcards: number
  /** Without the `*`. */
  readonly bytes: Buffer
}

/** The path of a statement, taken apart. Throws `INVALID` for what our patterns cannot say. */
export function vaultPathOf(text: string, { path, at }: Statement): VaultPath {
  if (path.includes('{{')) {
    throw refusal(text, at, `expected a path as it is meant, found the template ${quote(path)}`)
  }
  const segments = path.split('/')
  const last = segments.at(-1)
  const end = last === '*' ? 'glob' : last === '' ? 'folder' : 'exact'
  if (end !== 'exact') segments.pop()
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1 && end === 'exact'
    checkSegment(text, { at, path, segment, isLast })
  }
  return { segments, end, rank: rankOf(path, segments, end === 'glob') }
}

interface Checked {
  readonly at: number
  readonly path: string
  readonly segment: string
  readonly isLast: boolean
}

function checkSegment(text: string, { at, path, segment, isLast }: Checked): void {
  if (segment === '') throw refusal(text, at, `${quote(path)}: expected no empty segment`)
  const star = segment.indexOf('*')
  if (star === -1) return
  if (!isLast || star === 0 || star < segment.length - 1) {
    throw refusal(text, at, `${quote(path)}: expected "*" at the end alone; "+" is any one segment`)
  }
  const why = 'expected "*" as a segment of its own, since rules go by whole segments'
  const advice = `write ${quote(`${path.slice(0, -1)}/*`)}, or each path that is meant`
  throw refusal(text, at, `${quote(path)}: ${why}; ${advice}`)
}

function rankOf(path: string, segments: readonly string[], isGlob: boolean): Rank {
  const bytes = Buffer.from(isGlob ? path.slice(0, -1) : path)
  const wildcards = segments.filter((segment) => segment === '+').length
  const first = wildcards === 0 ? bytes.length : bytes.indexOf('+')
  return { isExact: wildcards === 0 && !isGlob, firstWildcard: first, isGlob, wildcards, bytes }
}

/**
 * Whether one path decides before another where both match, by Vault's order of priority
 * (https://developer.hashicorp.com/vault/docs/concepts/policies#priority-matching): one without wildcards before all
 * others; then that whose first wildcard comes later, that does not end in `*`, that has fewer `+`, that is longer, that
 * is greater. A folder written with its slash comes before the same one without.
 */
export function decidesBefore({ rank: a }: VaultPath, { rank: b }: VaultPath): boolean {
  if (a.isExact !== b.isExact) return a.isExact
  if (!a.isExact && a.firstWildcard !== b.firstWildcard) return a.firstWildcard > b.firstWildcard
  if (a.isGlob !== b.isGlob) return b.isGlob
  if (a.wildcards !== b.wildcards) return a.wildcards < b.wildcards
  if (a.bytes.length !== b.bytes.length) return a.bytes.length > b.bytes.length
  return a.bytes.compare(b.bytes) > 0
}
