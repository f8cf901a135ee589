import type { VaultEvent } from '../../events/catalogue.ts'

/**
 * What the audit index finds events by. `subject` and `actor` are whole paths; `under-subject` and `under-actor`
 * are ancestors: `prod/db` finds the events of `prod/db/password`, not those of `prod/db` itself.
 *
 * A term is kept as 32 bits of its hash. It may find events that do not have it and never misses one that has, so
 * whoever asks checks each event that it reads.
 */
export interface Term {
  readonly kind: 'subject' | 'under-subject' | 'actor' | 'under-actor' | 'type'
  readonly text: string
}

/** Deeper ancestors have no term of their own: the one of this depth finds their events, and some more. */
const ancestorsMax = 8

/** An event's type, its subject and actor, and the ancestors of both. */
const termsPerEventMax = 1 + 2 * (1 + ancestorsMax)

const kinds = {
  subject: 0x1b873593,
  'under-subject': 0x2545f491,
  actor: 0x38b34ae5,
  'under-actor': 0x4cf5ad43,
  type: 0x5bd1e995,
} as const satisfies Record<Term['kind'], number>

const slash = 0x2f

/** The hashes of one event at a time, in memory that is used again for the next. */
export interface TermHashes {
  /** Random and known to this index alone, so that nobody can prepare paths that collide. */
  readonly seed: number
  readonly hashes: Uint32Array
  count: number
}

export function termHashes(seed: number): TermHashes {
  return { seed, hashes: new Uint32Array(termsPerEventMax), count: 0 }
}

/** Replaces what `into` holds by the hashes of an event's terms. */
export function hashEvent(
  into: TermHashes,
  event: Pick<VaultEvent, 'type' | 'subject' | 'actor'>,
): void {
  into.count = 0
  push(into, finish(mixText(into.seed, event.type), kinds.type))
  pushPath(into, event.subject, 'subject')
  pushPath(into, event.actor, 'actor')
}

export function hashTerm(seed: number, { kind, text }: Term): number {
  const ancestor = kind === 'under-subject' || kind === 'under-actor'
  return finish(mixText(seed, ancestor ? shortened(text) : text), kinds[kind])
}

/** One pass over the path: at each slash, the hash so far is that of an ancestor. */
function pushPath(into: TermHashes, path: string, kind: 'subject' | 'actor'): void {
  const ancestor = kind === 'subject' ? kinds['under-subject'] : kinds['under-actor']
  let hash = into.seed
  let depth = 0
  for (let at = 0; at < path.length; at += 1) {
    const unit = path.charCodeAt(at)
    if (unit === slash && ++depth <= ancestorsMax) push(into, finish(hash, ancestor))
    hash = mix(hash, unit)
  }
  push(into, finish(hash, kinds[kind]))
}

function shortened(path: string): string {
  return path.split('/', ancestorsMax).join('/')
}

function push(into: TermHashes, hash: number): void {
  into.hashes[into.count++] = hash
}

function mixText(seed: number, text: string): number {
  let hash = seed
  for (let at = 0; at < text.length; at += 1) hash = mix(hash, text.charCodeAt(at))
  return hash
}

/** MurmurHash3_x86_32's body (github.com/aappleby/smhasher), a UTF-16 unit in place of four bytes. */
function mix(hash: number, unit: number): number {
  let bits = Math.imul(unit, 0xcc9e2d51)
  bits = Math.imul((bits << 15) | (bits >>> 17), 0x1b873593)
  bits ^= hash
  return (Math.imul((bits << 13) | (bits >>> 19), 5) + 0xe6546b64) | 0
}

/** Its finaliser, with the kind in the place of the length. */
function finish(hash: number, kind: number): number {
  let bits = hash ^ kind
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
