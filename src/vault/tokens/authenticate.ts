import { type Admitted, useToken } from '../../decide/tokens.ts'
import { VaultError } from '../../errors.ts'
import type { AuthFailure } from '../../events/words.ts'
import type { TokenRow } from '../../projections/tokens.ts'
import type { Calls } from '../calls.ts'
import type { Engine } from '../engine.ts'
import type { Session } from '../session.ts'
import { tokenAggregate } from './aggregates.ts'
import { rowOfText } from './marked.ts'
import { checkShown, type ShownOptions } from './shown.ts'

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
  const { signal, ...from } = checkShown(calls, options)
  const token = tokenOf(engine, text)
  if (typeof token === 'object') {
    const own = calls.shown(token, from)
    const failed = await used({ engine, calls: own }, token, signal)
    if (failed === undefined) {
      session.failures.succeeded(from.source)
      return { token, calls: own }
    }
    await session.failures.take({ method: 'token', cause: failed, ...from }, signal)
    throw new VaultError('DENIED', refusals[failed])
  }
  await session.failures.take({ method: 'token', cause: token, ...from }, signal)
  throw new VaultError('DENIED', refusals[token])
}

function tokenOf({ state, handedOut }: Engine, text: string | undefined): TokenRow | AuthFailure {
  if (text === undefined || text === '') return 'missing'
  return rowOfText(state.tokens.fold.state, handedOut, text) ?? 'unknown'
}

/** Why the token lets nobody in, if it does not; where it does, its use is on record. */
async function used(
  { engine, calls }: { readonly engine: Engine; readonly calls: Calls },
  token: TokenRow,
  signal: AbortSignal | undefined,
): Promise<AuthFailure | undefined> {
  const rows = engine.state.tokens.fold.state
  let found: Admitted = useToken(rows, token, { now: engine.time.judged() })
  if ('failed' in found || found.facts.length === 0) return failureOf(found)
  const { actor, context, limits } = calls.of(signal === undefined ? {} : { signal })
  const decide = (at: { readonly now: number }) => {
    found = useToken(rows, token, at)
    return 'failed' in found ? { facts: [] } : found
  }
  await engine.append({ actor, context, aggregate: tokenAggregate(token.accessor), decide }, limits)
  return failureOf(found)
}

export function failureOf(found: Admitted): AuthFailure | undefined {
  return 'failed' in found ? found.failed : undefined
}
