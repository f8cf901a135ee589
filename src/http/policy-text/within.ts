import type { Capability } from '../../index.ts'
import type { ClaimsBy, Endpoint, Place } from './claim.ts'
import { covers, overlaps, type Reach, secretsOf } from './reach.ts'
import { quote, refusal } from './refusal.ts'
import type { VaultWord } from './statement.ts'

interface Within {
  readonly capability: Capability
  readonly word: VaultWord
}

/** Endpoints that do only what one of our capabilities does as well, and the word that they take. */
const within: Readonly<Partial<Record<Endpoint, Within>>> = {
  undelete: { capability: 'delete', word: 'update' },
  subkeys: { capability: 'read', word: 'read' },
}

/**
 * Holds what a place says at those endpoints to what the text says of the capability that they are within: they bring
 * nothing of their own. Throws `INVALID`.
 */
export function expectWithin(text: string, place: Place, claims: ClaimsBy): void {
  const { words } = place.statement
  const reaches = secretsOf(place.rest)
  for (const endpoint of place.endpoints) {
    const known = within[endpoint]
    if (known === undefined) continue
    const about = { text, place, claims, capability: known.capability, endpoint, reaches }
    if (words.has('deny')) expectDenied(about)
    else if (words.has(known.word)) expectGiven(about)
  }
}

interface About {
  readonly text: string
  readonly place: Place
  readonly claims: ClaimsBy
  readonly capability: Capability
  readonly endpoint: Endpoint
  readonly reaches: readonly Reach[]
}

function expectGiven({ text, place, claims, capability, endpoint, reaches }: About): void {
  const allowing = claims.that('allow', capability)
  const isGiven = (reach: Reach) =>
    allowing.some((claim) => claim.reaches.some((wide) => covers(wide, reach)))
  if (reaches.every(isGiven)) return
  const { at, path } = place.statement
  const why = `${endpoint} is within ${capability} here, which this text does not give there`
  throw refusal(text, at, `${quote(path)}: ${why}`)
}

function expectDenied({ text, place, claims, capability, endpoint, reaches }: About): void {
  const allowing = claims.that('allow', capability)
  const denying = claims.that('deny', capability)
  const isGiven = (reach: Reach) =>
    allowing.some((claim) => claim.reaches.some((other) => overlaps(other, reach)))
  const isDenied = (reach: Reach) =>
    denying.some((claim) => claim.reaches.some((wide) => covers(wide, reach)))
  if (reaches.every((reach) => isDenied(reach) || !isGiven(reach))) return
  const { at, path } = place.statement
  const why = `${endpoint} is within ${capability} here, which this text gives there`
  throw refusal(text, at, `expected no deny of ${quote(path)}: ${why}`)
}
