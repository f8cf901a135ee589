import { unspoken } from '../../access/judge.ts'
import { denied } from '../../decide/permit.ts'
import { renewToken } from '../../decide/tokens.ts'
import type { Decision } from '../../log/queue.ts'
import type { TokenRow } from '../../projections/tokens.ts'
import type { AccessChange } from '../access-call.ts'
import type { Call } from '../call.ts'
import type { Engine } from '../engine.ts'
import { underPolicy } from '../permit.ts'
import { tokenAggregate } from './aggregates.ts'
import { checkDuration } from './checked.ts'
import { askedForTokens } from './looks.ts'
import { type TokenInfo, tokenInfoOf } from './token-info.ts'

export interface RenewOptions {
  /**
   * Milliseconds from now on; as many as the token's own `renewFor` unless said. Of a token without `renewableUntil` no
   * more than that or 32 days count, whichever is more.
   */
  readonly ttl?: number
}

/** Of a token that does not hold any more. */
export const ended: Decision = denied(askedForTokens, unspoken)

export async function renewOn(
  engine: Engine,
  call: Call,
  {
    accessor,
    find,
    options: { ttl },
  }: {
    readonly accessor: string
    /** The token as it is by then; none where it has ended, which is refused. */
    readonly find: (now: number) => TokenRow | undefined
    readonly options: RenewOptions
  },
): Promise<TokenInfo> {
  const lasting = { ttl: checkDuration('ttl', ttl) }
  const { actor, context, limits } = call
  let row: TokenRow | undefined
  const command = underPolicy(call, askedForTokens, {
    actor,
    context,
    aggregate: tokenAggregate(accessor),
    decide: (at) => {
      row = find(at.now)
      return row === undefined ? ended : renewToken(row, lasting, at)
    },
  })
  const [event] = await engine.append(command, limits)
  if (row === undefined || event?.type !== 'token.renewed') throw new Error('expected a renewal')
  return tokenInfoOf({ ...row, expiresAt: event.data.expiresAt })
}

export async function revokeOn(
  engine: Engine,
  call: Call,
  { accessor, decide }: { readonly accessor: string; readonly decide: Decide },
): Promise<AccessChange> {
  const { actor, context, limits } = call
  // It commits alone, so that every other decision has the tokens of its position.
  const command = underPolicy(call, askedForTokens, {
    actor,
    context,
    alone: true,
    aggregate: tokenAggregate(accessor),
    decide,
  })
  const [event] = await engine.append(command, limits)
  return event?.type === 'token.revoked' ? { position: event.position } : {}
}

type Decide = (at: { readonly now: number }) => Decision
