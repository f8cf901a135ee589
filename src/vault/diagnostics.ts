import { channel } from 'node:diagnostics_channel'
import { VaultError } from '../errors.ts'
import type { Commit } from '../log/reader.ts'

/**
 * What a host can log or count, by `diagnostics_channel.subscribe(name, listener)`. No message holds a value.
 *
 * - `muniment:append`: `{ location, vault, first, size, time, clockSkewMs, appendMs, storeMs, correlationIds }` for each
 *   durable commit (`src/log/append-channel.ts`)
 * - `muniment:denied`: `{ location, position, subject, actor, operation, cause }` for each refusal
 * - `muniment:failed`: `{ location, code, message }` when a write failed and the vault waits for a reopen
 */
const denied = channel('muniment:denied')
const failed = channel('muniment:failed')

export function publishCommit(location: string, { events }: Commit): void {
  if (!denied.hasSubscribers) return
  for (const { type, position, subject, actor, data } of events) {
    if (type === 'secret.denied') denied.publish({ location, position, subject, actor, ...data })
  }
}

export function publishFailure(
  location: string,
  { code, message }: { code: string; message: string },
): void {
  if (failed.hasSubscribers) failed.publish({ location, code, message })
}

/** What may be said of a failure whose cause can be anything. */
export function failureOf(cause: unknown): { code: string; message: string } {
  if (cause instanceof VaultError) return cause
  return { code: 'FAILED', message: cause instanceof Error ? cause.message : 'unknown' }
}
