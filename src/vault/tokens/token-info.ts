import { defined } from '../../defined.ts'
import type { TokenRow } from '../../projections/tokens.ts'
import type { HandedOutText } from '../../secret/handed-out-text.ts'

/** What is known of a token, besides the token itself. */
export interface TokenInfo {
  /** Names it, and opens nothing. */
  readonly accessor: string
  /** Whoever shows the token acts as this one. */
  readonly actor: string
  /** What it is held to; without them, to the roles that its actor is granted. */
  readonly policies?: readonly string[]
  readonly issuedAt: Date
  /** From then on it is worth nothing; it may end earlier, with its parent. Absent: no end of its own. */
  readonly expiresAt?: Date
  /** No renewal goes beyond it. */
  readonly renewableUntil?: Date
  /** Milliseconds that a renewal adds where it says no others; absent where the token cannot be renewed. */
  readonly renewFor?: number
  /** Accessor of the token that it was issued through, with which it ends. */
  readonly parent?: string
  /** For people. */
  readonly label?: string
  /** How often it may still be shown; absent where nobody counts. */
  readonly usesLeft?: number
  readonly meta: Readonly<Record<string, string>>
  /** Of the login that it was issued for. */
  readonly approle?: string
  /** Of the event that issued it. */
  readonly position: number
}

/** A token, in the one moment in which it can be handed over. */
export interface IssuedToken extends TokenInfo {
  readonly token: HandedOutText
}

export function tokenInfoOf(row: TokenRow): TokenInfo {
  const { accessor, actor, policies, parent, label, usesLeft, meta, position } = row
  const { issuedAt, expiresAt, renewableUntil, renewFor, approle } = row
  return {
    accessor,
    actor,
    ...(policies !== undefined && { policies: [...policies] }),
    issuedAt: new Date(issuedAt),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
    ...(renewableUntil !== undefined && { renewableUntil: new Date(renewableUntil) }),
    ...(parent !== undefined && { parent: parent.accessor }),
    ...defined({ renewFor, label, usesLeft, approle }),
    meta: { ...meta },
    position,
  }
}
