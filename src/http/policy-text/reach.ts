import type { VaultPath } from './vault-path.ts'

/** A pattern of ours: segments, `*` for any one, and whether it goes on below them. */
export interface Reach {
  readonly parts: readonly string[]
  readonly deep: boolean
}

/** Below which of a mount's endpoints a path stands, of which `rest` is what follows the endpoint's name. */
export type Rest = Pick<VaultPath, 'segments' | 'end'>

/** The secrets that a path means. One that ends in a slash means none. */
export function secretsOf({ segments, end }: Rest): readonly Reach[] {
  if (end === 'folder' || (segments.length === 0 && end === 'exact')) return []
  return [{ parts: parts(segments), deep: end === 'glob' }]
}

/**
 * The secrets that the listings which a path means name. A folder may be written with its slash or without, and names
 * what is in it; a `+` that ends a path is any folder there, and also the empty segment that ends the folder above.
 */
export function namedIn({ segments, end }: Rest): readonly Reach[] {
  const own = parts(segments)
  if (end === 'glob') return [{ parts: own, deep: true }]
  const within = { parts: [...own, '*'], deep: false }
  return end === 'exact' && own.at(-1) === '*' ? [{ parts: own, deep: false }, within] : [within]
}

function parts(segments: readonly string[]): string[] {
  return segments.map((segment) => (segment === '+' ? '*' : segment))
}

export function textOf({ parts, deep }: Reach): string {
  return (deep ? [...parts, '**'] : parts).join('/')
}

/** Whether there is a path that both match. */
export function overlaps(a: Reach, b: Reach): boolean {
  const [short, long] = a.parts.length <= b.parts.length ? [a, b] : [b, a]
  for (let i = 0; i < short.parts.length; i++) {
    const part = short.parts[i]
    const other = long.parts[i]
    if (part !== other && part !== '*' && other !== '*') return false
  }
  return short.parts.length < long.parts.length ? short.deep : short.deep === long.deep
}

/** Whether the first matches every path that the second does. */
export function covers(a: Reach, b: Reach): boolean {
  if (a.parts.length > b.parts.length) return false
  if (!a.parts.every((part, i) => part === '*' || part === b.parts[i])) return false
  return a.parts.length < b.parts.length ? a.deep : a.deep === b.deep
}
