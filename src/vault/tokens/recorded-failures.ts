import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../log/clock.ts'
import type { CallLimits, Command } from '../../log/queue.ts'
import { FailedAuth, type FailureRecord } from './failed-auth.ts'

interface Recorder {
  readonly options: { readonly timeout: number; readonly clock: Clock }
  readonly current: { append(command: Command, limits: CallLimits): Promise<unknown> }
}

/** The failures to be let into a vault, on its record. Who failed is not known. */
export function recordedFailures(vault: Recorder): FailedAuth {
  const { clock, timeout } = vault.options
  return new FailedAuth({
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    record: (record) => vault.current.append(recording(record), { timeout }),
    wait:
      clock.wait?.bind(clock) ??
      ((ms, signal) => wait(ms, undefined, { ...(signal && { signal }) })),
    later: (ms, work) => {
      const timer = setTimeout(work, ms).unref()
      return () => clearTimeout(timer)
    },
  })
}

function recording(record: FailureRecord): Command {
  const { method, cause, triedAt, count, source, correlationId } = record
  const data = { method, cause, triedAt, count }
  return {
    actor: 'unknown',
    context: {
      ...(source !== undefined && { source }),
      ...(correlationId !== undefined && { correlationId }),
    },
    decide: () => ({ facts: [{ type: 'auth.failed', subject: '', data }] }),
  }
}
