import type { Capability } from '../../index.ts'
import type { Claim, ClaimsBy } from './claim.ts'
import { covers, overlaps, textOf } from './reach.ts'
import { lineOf, quote, refusal } from './refusal.ts'
import { decidesBefore } from './vault-path.ts'

/** One capability at one pattern. */
export interface Said {
  readonly effect: 'allow' | 'deny'
  readonly capability: Capability
  readonly pattern: string
  /** Of the statement that says it. */
  readonly at: number
}

/*
 * In Vault the most specific path that matches decides alone; here every rule counts, and a denial wins. So a path that
 * leaves a capability out, and decides before one that allows it, becomes a denial. Where a yet more specific path
 * allows it again, that denial would win over it: this cannot be said, and is refused.
 *
 * One capability may come from two endpoints: it is there where either gives it.
 */

/** What the claims come to under our rules. Throws `INVALID` where nothing of ours says the same. */
export function settle(text: string, claims: ClaimsBy): readonly Said[] {
  const about = { text, claims }
  return claims.all.flatMap((claim) => {
    if (claim.says === 'allow') return saidOf('allow', claim)
    if (claim.says === 'silent') return isMasking(about, claim) ? saidOf('deny', claim) : []
    expectLast(about, claim)
    expectUseful(about, claim)
    return saidOf('deny', claim)
  })
}

interface About {
  readonly text: string
  readonly claims: ClaimsBy
}

function saidOf(effect: Said['effect'], { capability, place, reaches }: Claim): readonly Said[] {
  const { at } = place.statement
  return reaches.map((reach) => ({ effect, capability, pattern: textOf(reach), at }))
}

/** Whether a claim that leaves a capability out takes it away from where another one gives it. */
function isMasking(about: About, claim: Claim): boolean {
  const { text, claims } = about
  const allowing = claims.that('allow', claim.capability)
  const masks = allowing.some(
    (other) => other.endpoint === claim.endpoint && isBefore(claim, other) && meet(claim, other),
  )
  if (!masks) return false
  const elsewhere = allowing.filter(
    (other) => other.endpoint !== claim.endpoint && meet(claim, other),
  )
  if (elsewhere.some((other) => givesAll(about, other, claim))) return false
  const [half] = elsewhere
  if (half !== undefined) {
    const why = `${lineOf(text, half.place.statement.at)} gives it in part at ${half.endpoint}/`
    throw cannotSay(text, claim, `leaves out ${claim.capability}, while line ${why}`)
  }
  expectLast(about, claim)
  return true
}

/** Whether another endpoint's claim gives the capability wherever this one leaves it out. */
function givesAll({ claims }: About, other: Claim, claim: Claim): boolean {
  const isCovered = claim.reaches.every((reach) =>
    other.reaches.some((wide) => covers(wide, reach)),
  )
  const against = (['silent', 'deny'] as const).flatMap((says) => {
    return claims.that(says, claim.capability)
  })
  return (
    isCovered &&
    !against.some((third) => {
      return third.endpoint === other.endpoint && isBefore(third, other) && meet(third, claim)
    })
  )
}

/** A denial of ours is the last word: no more specific path may allow what it covers. */
function expectLast({ text, claims }: About, claim: Claim): void {
  const over = claims
    .that('allow', claim.capability)
    .find(
      (other) => other.endpoint === claim.endpoint && isBefore(other, claim) && meet(claim, other),
    )
  if (over === undefined) return
  const { path, at } = over.place.statement
  const does = claim.says === 'deny' ? 'denies' : 'leaves out'
  const why = `line ${lineOf(text, at)} allows it again at ${quote(path)}`
  throw cannotSay(text, claim, `${does} ${claim.capability}, and ${why}`)
}

/** A denial at one endpoint that leaves nothing of what another endpoint is to give. */
function expectUseful({ text, claims }: About, claim: Claim): void {
  const undone = claims
    .that('allow', claim.capability)
    .find(
      (other) =>
        other.endpoint !== claim.endpoint &&
        other.reaches.some((reach) => claim.reaches.some((wide) => covers(wide, reach))),
    )
  if (undone === undefined) return
  const { path, at } = undone.place.statement
  const why = `line ${lineOf(text, at)} allows it at ${quote(path)}, which is one right here`
  throw cannotSay(text, claim, `denies ${claim.capability}, and ${why}`)
}

function cannotSay(text: string, { place }: Claim, what: string) {
  const { path, at } = place.statement
  const why = 'there Vault goes by the most specific path, and here every rule counts'
  const advice = 'name the paths that are meant instead of a wider one'
  return refusal(text, at, `${quote(path)} ${what}: ${why}; ${advice}`)
}

function isBefore(a: Claim, b: Claim): boolean {
  return decidesBefore(a.place.path, b.place.path)
}

/** Whether there is a secret that both claims are about. */
function meet(a: Claim, b: Claim): boolean {
  return a.reaches.some((one) => b.reaches.some((other) => overlaps(one, other)))
}
