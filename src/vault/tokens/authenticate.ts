import { type Admitted, useToken } from '../../decide/tokens.ts'
import { defined } from '../../defined.ts'
import type { AuthFailure } from '../../events/words.ts'
import type { TokenRow } from '../../projections/tokens.ts'
import type { Calls } from '../calls.ts'
import type { Engine } from '../engine.ts'
import type { Session } from '../session.ts'
import { tokenAggregate } from './aggregates.ts'
import { rowOfText } from './marked.ts'
import { checkShown, letIn, type ShownOptions } from './shown.ts'

const refusals = {
  missing: 'no token was shown',
  unknown: 'the token is not known, or was revoked',
  expired: 'the token has expired',
  spent: 'the token is used up',
} as const satisfies Record<AuthFailure, string>

/** A token that was shown and holds, and the calls of its bearer. */
export interface Shown {
  readonly token: TokenRow
  readonly calls: Calls
}

/**
 * The token that this is the text of, with one use of it on record where its uses are counted. Throws `DENIED` once the
 * failure is on record or counted and its answer is due, `ABORTED`, and `INVALID` about the options.
 */
export async function showToken(
  { session, calls }: { readonly session: Session; readonly calls: Calls },
  text: string | undefined,
  options: ShownOptions,
): Promise<Shown> {
  const engine = session.engine()
  const shown = checkShown(calls, options)
  const token = tokenOf(engine, text)
  const made = typeof token === 'string' ? token : await used({ engine, calls }, token, shown)
  return letIn(session, made, { method: 'token', shown, refusals })
}

function tokenOf({ state, handedOut }: Engine, text: string | undefined): TokenRow | AuthFailure {
  if (text === undefined || text === '') return 'missing'
  return rowOfText(state.tokens.fold.state, handedOut, text) ?? 'unknown'
}

/** The calls of the token's bearer, its use on record, or why it lets nobody in. */
async function used(
  { engine, calls }: { readonly engine: Engine; readonly calls: Calls },
  token: TokenRow,
  shown: ShownOptions,
): Promise<Shown | AuthFailure> {
  const own = calls.shown(token, shown)
  const admitted = { token, calls: own }
  const rows = engine.state.tokens.fold.state
  let found: Admitted = useToken(rows, token, { now: engine.time.judged() })
  if ('failed' in found || found.facts.length === 0) return failureOf(found) ?? admitted
  const { actor, context, limits } = own.of(defined({ signal: shown.signal }))
  const decide = (at: { readonly now: number }) => {
    found = useToken(rows, token, at)
    return 'failed' in found ? { facts: [] } : found
  }
  await engine.append({ actor, context, aggregate: tokenAggregate(token.accessor), decide }, limits)
  return failureOf(found) ?? admitted
}

export function failureOf(found: Admitted): AuthFailure | undefined {
  return 'failed' in found ? found.failed : undefined
}
