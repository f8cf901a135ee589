import type { Holder } from '../../access/asked.ts'
import { standsUntil, unspoken } from '../../access/judge.ts'
import { permit } from '../../decide/permit.ts'
import type { EventContext } from '../../events/catalogue.ts'
import { type TokenRow, tokenEnd, tokenHoldsUntil } from '../../projections/tokens.ts'
import type { Permit } from '../permit.ts'
import type { Session } from '../session.ts'

/** As whom a token lets its bearer act. Rules are looked up by it: a row has one for as long as it stands. */
const holders = new WeakMap<TokenRow, Holder>()

function holderOf(token: TokenRow): Holder {
  const known = holders.get(token)
  if (known !== undefined) return known
  const { actor, policies } = token
  const holder = { actor, asserted: [], ...(policies !== undefined && { policies }) }
  holders.set(token, holder)
  return holder
}

/** How events say that their actor was established by a token. */
export function authOf({ accessor, approle }: TokenRow): NonNullable<EventContext['auth']> {
  return { method: approle === undefined ? 'token' : 'approle', id: accessor }
}

/**
 * What a token lets its bearer do, for as long as it holds: that is looked at whenever it is judged, so that from the event
 * of a revocation on, and from the moment of an end, nothing more is allowed.
 */
export function tokenPermit(session: Pick<Session, 'current'>, shown: TokenRow): Permit {
  const holder = holderOf(shown)
  return {
    holder,
    token: () => heldNow(session, shown),
    judge: (asked, now = session.current.time.judged()) => {
      if (heldNow(session, shown, now) === undefined) return unspoken
      return permit(session.current.state.access.fold.state, holder, { asked, now })
    },
    until: () => {
      const { state, time } = session.current
      const now = time.judged()
      // As it is by now: a renewal may have put its end off since it was shown, or brought it nearer.
      const row = heldNow(session, shown, now)
      if (row === undefined) return now
      const granted = standsUntil(state.access.fold.state, holder, now)
      return Math.min(granted, tokenHoldsUntil(state.tokens.fold.state, row))
    },
  }
}

/** The row of a token as it is by now, if it still holds. */
export function heldNow(
  { current }: Pick<Session, 'current'>,
  shown: TokenRow,
  now: number = current.time.judged(),
): TokenRow | undefined {
  const rows = current.state.tokens.fold.state
  const row = rows.get(shown.accessor)
  if (row?.position !== shown.position) return undefined
  return tokenEnd(rows, row, now) === undefined ? row : undefined
}
