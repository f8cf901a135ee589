import type { EventOf } from '../events/catalogue.ts'
import { tokenDepthMax } from '../limits.ts'
import { type HandedOutRow, handedOutRow, hasExpired, prune } from './handed-out.ts'
import { defineProjection } from './projection.ts'

export interface TokenRow extends HandedOutRow {
  readonly actor: string
  readonly policies?: readonly string[]
  /** The token that it was issued through: its accessor, and the event that issued it. */
  readonly parent?: { readonly accessor: string; readonly position: number }
  readonly label?: string
  /** Milliseconds. */
  readonly renewFor?: number
  /** Milliseconds since the epoch. */
  readonly renewableUntil?: number
  readonly approle?: string
  /** When its last use was made, in milliseconds since the epoch. */
  readonly spentAt?: number
}

/** By accessor. */
export type TokensState = Map<string, TokenRow>

/**
 * Tokens that were issued in this life of the vault and not revoked, the ones that have ended since among them. One that is revoked takes no row
 * but its own with it: what was issued through it is found to have lost its parent.
 */
export const tokens = defineProjection<TokensState>({
  name: 'tokens',
  version: 2,
  initial: () => new Map(),
  on: {
    'token.issued': (rows, event) => {
      rows.set(event.data.accessor, tokenRow(rows, event))
      prune(rows, (row) => isDead(rows, row, event.time))
    },
    'token.renewed': (rows, { data: { accessor, expiresAt } }) => {
      const row = rows.get(accessor)
      if (row !== undefined) rows.set(accessor, { ...row, expiresAt })
    },
    'token.used': (rows, { data: { accessor, left }, time }) => {
      const row = rows.get(accessor)
      if (row === undefined) return
      rows.set(accessor, { ...row, usesLeft: left, ...(left === 0 && { spentAt: time }) })
    },
    'token.revoked': (rows, { data }) => {
      rows.delete(data.accessor)
    },
    'approle.removed': (rows, { data }) => {
      for (const [accessor, row] of rows) if (row.approle === data.name) rows.delete(accessor)
    },
    // A restored vault is another life of it: what was handed out before the backup may have been revoked since, of which
    // this log knows nothing, and must not come back.
    'vault.restored': (rows) => {
      rows.clear()
    },
  },
})

export function tokenRow(
  rows: ReadonlyMap<string, TokenRow>,
  event: EventOf<'token.issued'>,
): TokenRow {
  const { actor, policies, parent, label, renewFor, renewableUntil, approle } = event.data
  return {
    ...handedOutRow(event),
    actor,
    ...(policies !== undefined && { policies }),
    ...(parent !== undefined && {
      parent: { accessor: parent, position: rows.get(parent)?.position ?? -1 },
    }),
    ...(label !== undefined && { label }),
    ...(renewFor !== undefined && { renewFor }),
    ...(renewableUntil !== undefined && { renewableUntil }),
    ...(approle !== undefined && { approle }),
  }
}

/** How a token has ended: by time, or with what it was issued through. */
export type TokenEnd = 'expired' | 'unknown'

/**
 * How a token has ended, if it has: itself, or any that it was issued through. One whose uses are used up has not, for
 * whoever was let in by the last of them.
 */
export function tokenEnd(
  rows: ReadonlyMap<string, TokenRow>,
  token: TokenRow,
  now: number,
): TokenEnd | undefined {
  let row: TokenRow = token
  for (let depth = 0; ; depth++) {
    if (hasExpired(row, now)) return 'expired'
    if (row.parent === undefined) return undefined
    const parent = rows.get(row.parent.accessor)
    // A text that was revoked and issued again has the accessor of before, and is another token.
    if (parent === undefined || parent.position !== row.parent.position) return 'unknown'
    if (parent.usesLeft === 0 || depth === tokenDepthMax) return 'unknown'
    row = parent
  }
}

/** Whether a token still lets somebody in. */
export function isUsable(
  rows: ReadonlyMap<string, TokenRow>,
  token: TokenRow,
  now: number,
): boolean {
  return token.usesLeft !== 0 && tokenEnd(rows, token, now) === undefined
}

/** When a token ends by itself, in milliseconds since the epoch: it, or the first that it was issued through. */
export function tokenHoldsUntil(rows: ReadonlyMap<string, TokenRow>, token: TokenRow): number {
  let until = token.expiresAt ?? Number.POSITIVE_INFINITY
  let row = token
  for (let depth = 0; row.parent !== undefined && depth < tokenDepthMax; depth++) {
    const parent = rows.get(row.parent.accessor)
    if (parent === undefined) return Number.NEGATIVE_INFINITY
    until = Math.min(until, parent.expiresAt ?? until)
    row = parent
  }
  return until
}

/** How many tokens a token was issued through, one by the other. */
export function tokenDepth(rows: ReadonlyMap<string, TokenRow>, token: TokenRow): number {
  let depth = 0
  let row: TokenRow | undefined = token
  while (row?.parent !== undefined && depth <= tokenDepthMax) {
    depth++
    row = rows.get(row.parent.accessor)
  }
  return depth
}

/** How long a token is kept once it is used up, for those whom it let in. */
const spentMs = 60_000

/** Whether a token is of no use to anybody any more. */
export function isDead(rows: ReadonlyMap<string, TokenRow>, row: TokenRow, now: number): boolean {
  if (row.spentAt !== undefined && row.spentAt + spentMs <= now) return true
  return tokenEnd(rows, row, now) !== undefined
}
