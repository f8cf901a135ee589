import { defined } from '../../decide/tokens.ts'
import type { Calls } from '../calls.ts'

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
