import { defined } from '../../defined.ts'
import { VaultError } from '../../errors.ts'
import type { AuthFailure, AuthMethod } from '../../events/words.ts'
import type { Calls } from '../calls.ts'
import type { Session } from '../session.ts'

/** Where a token or a login comes from, and how long its sender waits for an answer. */
export interface ShownOptions {
  /** Address of whoever shows it. What fails is counted, and slowed down, by it. */
  readonly source?: string
  readonly correlationId?: string
  readonly signal?: AbortSignal
}

/** What an application logs in with. */
export interface LoginRequest {
  readonly roleId: string
  /** Where its role asks for one. */
  readonly secretId?: string
}

/** The options, each of them read once. Throws `INVALID`, `TOO_LARGE`, as a call with them would. */
export function checkShown(calls: Calls, options: ShownOptions): ShownOptions {
  const { source, correlationId, signal } = options
  const said: ShownOptions = defined({ source, correlationId, signal })
  calls.of(said)
  return said
}

/** What was shown, by whom, and what its refusals say. */
interface About {
  readonly method: AuthMethod
  readonly shown: ShownOptions
  readonly refusals: Readonly<Record<AuthFailure, string>>
}

/**
 * What is made for whoever showed something that holds. Throws `DENIED` where it does not, once the failure is on record
 * or counted and its answer is due, and `ABORTED`.
 */
export async function letIn<T extends object>(
  { failures }: Pick<Session, 'failures'>,
  made: T | AuthFailure,
  { method, shown: { signal, ...from }, refusals }: About,
): Promise<T> {
  if (typeof made === 'object') {
    failures.succeeded(from.source)
    return made
  }
  await failures.take({ method, cause: made, ...from }, signal)
  throw new VaultError('DENIED', refusals[made])
}
