import type { Asked, Wanted } from '../../access/asked.ts'
import { type HandedOn, isBeyond } from '../../decide/token-rights.ts'
import { VaultError } from '../../errors.ts'
import type { Call } from '../call.ts'
import type { Engine } from '../engine.ts'
import { askedForTokens } from './looks.ts'

const beyond: Asked = {
  operation: 'policy',
  subject: '',
  purpose: 'to hand out more than one has',
}

/**
 * What it takes to hand something out: the right to `token`; and, for whoever hands on more than it has, the right to
 * `policy`, with which it could give itself as much.
 */
export function askedToHandOn(
  engine: Pick<Engine, 'state' | 'time'>,
  { permit }: Call,
  given: () => HandedOn,
): Wanted {
  if (permit === undefined) return askedForTokens
  const issuer = { holder: permit.holder, hasToken: permit.token !== undefined }
  return {
    ...askedForTokens,
    besides: (now = engine.time.judged()) => {
      const { state } = engine.state.access.fold
      return isBeyond(state, issuer, { given: given(), now }) ? [beyond] : []
    },
  }
}

/**
 * Throws `INVALID` for a call by a token whose uses are counted: each of them is one of its bearer's, and none goes on by
 * what it hands out.
 */
export function expectUncounted({ permit }: Call, does: string): void {
  if (permit?.token?.()?.usesLeft === undefined) return
  throw new VaultError('INVALID', `a token whose uses are counted ${does}`)
}

/**
 * When policies that a call hands on have to end, in milliseconds since the epoch: what it has of grants that run out, it
 * does not hand on beyond that; where it may write policies, there is no such end.
 */
export function handedOnUntil({ permit }: Call, now: number): number | undefined {
  // Policies of its own go on for as long as its token does, and so does what it issues.
  if (permit === undefined || permit.holder.policies !== undefined) return undefined
  if (permit.judge(beyond, now).allowed) return undefined
  const until = permit.until()
  return until === Number.POSITIVE_INFINITY ? undefined : until
}
