import type { Capability } from '../../index.ts'
import { namedIn, type Reach, type Rest, secretsOf } from './reach.ts'
import { refusal } from './refusal.ts'
import type { Statement, VaultWord } from './statement.ts'
import type { VaultPath } from './vault-path.ts'

/** A path of Vault's, with the endpoints of the mount that it means. */
export interface Place {
  readonly statement: Statement
  readonly path: VaultPath
  readonly endpoints: readonly Endpoint[]
  readonly rest: Rest
  /** It is the path of all paths. */
  readonly isEverything?: true
}

/** What a place says of one capability of ours, where it is the path that decides. */
export interface Claim {
  readonly place: Place
  readonly endpoint: Endpoint
  readonly capability: Capability
  /** `silent`: it leaves the capability out, which Vault takes for a refusal. */
  readonly says: 'allow' | 'silent' | 'deny'
  readonly reaches: readonly Reach[]
}

export const endpoints = ['data', 'metadata', 'delete', 'undelete', 'destroy', 'subkeys'] as const
export type Endpoint = (typeof endpoints)[number]

/** Which words a capability of ours takes, all of them. */
type Takes = Readonly<Partial<Record<Capability, readonly VaultWord[]>>>

/**
 * What each endpoint takes for what it does (https://developer.hashicorp.com/vault/docs/secrets/kv/kv-v2#acl-rules).
 * Those of delete and destroy know no `create`. `rotate` is no request of Vault's, and goes with the value.
 */
const takes: Readonly<Partial<Record<Endpoint, Takes>>> = {
  data: { read: ['read'], write: ['create', 'update'], delete: ['delete'] },
  metadata: {
    describe: ['read'],
    list: ['list'],
    annotate: ['create', 'update'],
    purge: ['delete'],
  },
  delete: { delete: ['update'] },
  destroy: { destroy: ['update'] },
}

/** All that the places of a text say. */
export interface ClaimsBy {
  /** In the order of the text. */
  readonly all: readonly Claim[]
  that(says: Claim['says'], capability: Capability): readonly Claim[]
}

export function claimsBy(all: readonly Claim[]): ClaimsBy {
  const sorted = new Map<string, Claim[]>()
  for (const claim of all) {
    const key = `${claim.says} ${claim.capability}`
    const known = sorted.get(key)
    if (known === undefined) sorted.set(key, [claim])
    else known.push(claim)
  }
  return { all, that: (says, capability) => sorted.get(`${says} ${capability}`) ?? [] }
}

/** What a place says. Throws `INVALID` where it says half of what one capability of ours is. */
export function claimsOf(text: string, place: Place): readonly Claim[] {
  return place.endpoints.flatMap((endpoint) => {
    expectWhole(text, place, endpoint)
    const { words } = place.statement
    const isDenied = words.has('deny')
    const claims = Object.entries(takes[endpoint] ?? {}).map(([name, needed]): Claim => {
      const capability = name as Capability
      const isAllowed = needed.every((word) => words.has(word))
      const says = isDenied ? 'deny' : isAllowed ? 'allow' : 'silent'
      const reaches = capability === 'list' ? namedIn(place.rest) : secretsOf(place.rest)
      return { place, endpoint, capability, says, reaches }
    })
    if (endpoint !== 'data') return claims
    const reaches = secretsOf(place.rest)
    const says = isDenied ? 'deny' : place.isEverything ? 'allow' : 'silent'
    return [...claims, { place, endpoint, capability: 'rotate' as const, says, reaches }]
  })
}

/**
 * Vault tells apart who may make a path, who may change it, and who may do so in part: `write` and `annotate` are all of
 * that. Whoever names some of it would be given more.
 */
function expectWhole(text: string, { statement }: Place, endpoint: Endpoint): void {
  const { words, at } = statement
  if (words.has('deny')) return
  if (endpoint === 'metadata' && words.has('scan') && !words.has('list')) {
    throw refusal(text, at, 'expected list beside scan, which are one right here')
  }
  if (endpoint !== 'data' && endpoint !== 'metadata') return
  const missing = (['create', 'update'] as const).filter((word) => !words.has(word))
  if (missing.length === 0 || (missing.length === 2 && !words.has('patch'))) return
  const why = 'making a secret and changing it are one right here'
  throw refusal(text, at, `expected ${missing.join(' and ')} as well at ${endpoint}/: ${why}`)
}
