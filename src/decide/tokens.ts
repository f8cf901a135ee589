import { inForce } from '../access/rule-set.ts'
import { defined } from '../defined.ts'
import { VaultError } from '../errors.ts'
import type { EventData } from '../events/catalogue.ts'
import type { AuthFailure } from '../events/words.ts'
import {
  handedOutMax,
  renewalMsMax,
  segmentsPerRoleMax,
  timeMsMax,
  tokenDepthMax,
} from '../limits.ts'
import type { AccessState } from '../projections/access.ts'
import { hasRoom } from '../projections/handed-out.ts'
import { isDead, isUsable, type TokenRow, tokenDepth, tokenEnd } from '../projections/tokens.ts'
import type { At, Outcome } from './outcome.ts'

type Tokens = ReadonlyMap<string, TokenRow>

/** What the log holds of a text that is handed out, and the accessors that it would have by keys of any epoch. */
export interface Marked {
  readonly mark: Pick<EventData['token.issued'], 'accessor' | 'hash' | 'epoch'>
  readonly accessors: readonly string[]
}

/** How long something lasts that is handed out. All but the last are milliseconds. */
export interface Lasting {
  readonly ttl?: number
  readonly maxTtl?: number
  readonly renewable: boolean
  /** It ends by then at the latest: milliseconds since the epoch. */
  readonly until?: number
}

type Said = Pick<
  EventData['token.issued'],
  'actor' | 'policies' | 'uses' | 'label' | 'meta' | 'approle'
>

export interface IssueIntent extends Said, Marked, Lasting {
  /** The token that it is issued through, and is to end with. */
  readonly parent?: TokenRow | undefined
}

/** What a token is decided against. */
export interface TokenStates {
  readonly tokens: Tokens
  readonly access: AccessState
}

/**
 * A token. Throws `EXISTS` where its text is another one's that still holds, `TOO_LARGE` where there are too many of them,
 * where too many were issued one through the other, or where its policies hold too much together.
 */
export function issueToken(
  { tokens, access }: TokenStates,
  intent: IssueIntent,
  { now }: At,
): Outcome {
  const { mark, accessors, parent, ttl, maxTtl, renewable, until, ...said } = intent
  expectUnused(tokens, accessors, now)
  if (!hasRoom(tokens, now, (row) => isDead(tokens, row, now))) throw tooMany('tokens')
  if (parent !== undefined) expectShallow(tokens, parent)
  expectCompilable(access, said.policies)
  const data = {
    ...mark,
    ...said,
    ...timesOf({ renewable, ...defined({ ttl, maxTtl, until }) }, now),
    ...(parent !== undefined && { parent: parent.accessor }),
  }
  return { facts: [{ type: 'token.issued', subject: '', data }] }
}

function expectUnused(tokens: Tokens, accessors: readonly string[], now: number): void {
  for (const accessor of accessors) {
    const row = tokens.get(accessor)
    if (row === undefined || !isUsable(tokens, row, now)) continue
    throw new VaultError('EXISTS', 'token: expected a text that is no other token')
  }
}

export function tooMany(what: string): VaultError {
  const message = `expected at most ${handedOutMax} ${what} that hold, found as many`
  return new VaultError('TOO_LARGE', message, { expected: handedOutMax, found: handedOutMax })
}

function expectShallow(tokens: Tokens, parent: TokenRow): void {
  const depth = tokenDepth(tokens, parent) + 1
  if (depth <= tokenDepthMax) return
  const most = `at most ${tokenDepthMax} tokens issued one through the other`
  const message = `expected ${most}, found ${depth}`
  throw new VaultError('TOO_LARGE', message, { expected: tokenDepthMax, found: depth })
}

/** Throws `TOO_LARGE` where policies hold more together than may be compiled while everybody waits. */
export function expectCompilable(
  access: AccessState,
  policies: readonly string[] | undefined,
): void {
  if (policies === undefined || inForce(access, policies).length === policies.length) return
  const message = `policies: expected at most ${segmentsPerRoleMax} segments of paths, found more`
  throw new VaultError('TOO_LARGE', message, { expected: segmentsPerRoleMax })
}

/** When something ends, and how far it can be renewed. */
function timesOf({ ttl, maxTtl, renewable, until }: Lasting, now: number) {
  const renewableUntil = earliest(after(now, maxTtl), until)
  const expiresAt = earliest(after(now, ttl), renewableUntil)
  const renewFor = renewable ? (ttl ?? maxTtl) : undefined
  return defined({ expiresAt, renewFor, renewableUntil: renewFor && renewableUntil })
}

function after(now: number, ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(now + ms, timeMsMax)
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
}

/** A token as it is by then, by its accessor. Throws `NOT_FOUND` for one that lets nobody in any more, too. */
export function existingToken(tokens: Tokens, accessor: string, now: number): TokenRow {
  const row = tokens.get(accessor)
  if (row !== undefined && isUsable(tokens, row, now)) return row
  throw new VaultError('NOT_FOUND', `there is no token ${accessor}`)
}

/**
 * Another end for a token: `ttl` from now on, or what it was issued with; never beyond its `renewableUntil` or, where it
 * has none, no further from now than it was issued for, or 32 days. It may be earlier than the one it has. Throws `INVALID` where it has none to put off.
 */
export function renewToken(
  row: TokenRow,
  { ttl }: { readonly ttl?: number | undefined },
  { now }: At,
): Outcome & { readonly expiresAt: number } {
  const { accessor, renewFor, renewableUntil } = row
  if (renewFor === undefined) {
    throw new VaultError('INVALID', `token ${accessor} cannot be renewed`)
  }
  // Without a bound on all renewals each of them has one: a token that was to end is not made one for good.
  const most = renewableUntil ?? Math.min(now + Math.max(renewFor, renewalMsMax), timeMsMax)
  const expiresAt = Math.min(now + (ttl ?? renewFor), most)
  return {
    facts: [{ type: 'token.renewed', subject: '', data: { accessor, expiresAt } }],
    expiresAt,
  }
}

/** Ends a token that is there, one that has ended by time as well. */
export function revokeToken(tokens: Tokens, accessor: string): Outcome {
  const row = tokens.get(accessor)
  if (row === undefined) return { facts: [] }
  const data = { accessor, actor: row.actor }
  return { facts: [{ type: 'token.revoked', subject: '', data }] }
}

/** What a credential gives: facts, or nothing and why. */
export type Admitted = Outcome | { readonly failed: AuthFailure }

/** One use of a token; of one whose uses nobody counts there is nothing to say. */
export function useToken(
  tokens: Tokens,
  { accessor, position }: Pick<TokenRow, 'accessor' | 'position'>,
  { now }: Pick<At, 'now'>,
): Admitted {
  const row = tokens.get(accessor)
  if (row?.position !== position) return { failed: 'unknown' }
  const end = tokenEnd(tokens, row, now)
  if (end !== undefined) return { failed: end }
  if (row.usesLeft === undefined) return { facts: [] }
  if (row.usesLeft === 0) return { failed: 'spent' }
  const data = { accessor, left: row.usesLeft - 1 }
  return { facts: [{ type: 'token.used', subject: '', data }] }
}
