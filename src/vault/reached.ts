import { VaultError } from '../errors.ts'
import { grown } from '../log/follow.ts'
import { expectOngoing } from '../ongoing.ts'
import { checkPosition } from './audit.ts'
import { checkTimeout } from './call.ts'
import type { Session } from './session.ts'

export interface ReachedOptions {
  readonly signal?: AbortSignal
  /** Milliseconds until it gives up, instead of the vault's own. */
  readonly timeout?: number
}

/**
 * Resolves once the log holds the event at a position, and every projection of the vault's own has seen it. It goes on
 * across a reopen. Throws `INVALID`, `TIMEOUT`, `ABORTED`, `CLOSED`.
 */
export async function reached(
  session: Session,
  position: number,
  { signal, timeout }: ReachedOptions = {},
): Promise<void> {
  if (position === undefined) throw new VaultError('INVALID', 'position must be an integer from 0')
  checkPosition('position', position)
  const most = checkTimeout(timeout ?? session.options.timeout)
  expectOngoing(signal)
  if (session.current.size > position) return
  const giveUp = new AbortController()
  const onAbort = () => giveUp.abort()
  const timer = setTimeout(onAbort, most)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await grownTo(session, position, giveUp.signal)
  } catch (error) {
    expectOngoing(signal)
    if (giveUp.signal.aborted) throw late(position, { most, size: session.current.size })
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

async function grownTo(session: Session, position: number, signal: AbortSignal): Promise<void> {
  while (session.current.size <= position) {
    if (session.closed || !(await grown(session.heads, position, signal))) {
      throw new VaultError('CLOSED', 'the vault is closed')
    }
  }
}

function late(position: number, { most, size }: { most: number; size: number }): VaultError {
  return new VaultError(
    'TIMEOUT',
    `the log did not reach position ${position} within ${most} ms: it ends at ${size - 1}`,
    { expected: position, found: size - 1 },
  )
}
