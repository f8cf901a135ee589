import { VaultError } from './errors.ts'

/** Throws `ABORTED` once the caller has given up: to be asked between small pieces of a long work. */
export function expectOngoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new VaultError('ABORTED', 'the caller aborted', { cause: signal.reason })
}
