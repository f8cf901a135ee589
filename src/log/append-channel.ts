import { channel } from 'node:diagnostics_channel'
import type { Moment } from './clock.ts'
import type { Commit } from './reader.ts'

/** A durable commit, as `muniment:append` tells of it. Nothing here holds a value, or a path. */
export interface Appended {
  /** Of the store. */
  readonly location: string
  /** The vault's id: 32 hex digits. */
  readonly vault: string
  /** Position of its first event. */
  readonly first: number
  /** How many events the log holds with it. */
  readonly size: number
  /** Milliseconds since the epoch, as its events bear it. */
  readonly time: number
  /** How far the clock reads below the newest event, in milliseconds. */
  readonly clockSkewMs: number
  /** Milliseconds from the moment in which the writer took what was waiting until it was durable. */
  readonly appendMs: number
  /** Milliseconds that the store took of them, its sync of the disk with it. */
  readonly storeMs: number
  /** Of the requests that its events are part of, each once. */
  readonly correlationIds: readonly string[]
}

const appended = channel('muniment:append')

/** Times one append. */
export interface AppendWatch {
  /** The commit is handed to the store, which settles that promise once it has it. */
  sent(stored: Promise<void>): void
  /** The commit is durable. */
  durable(commit: Commit, about: About): void
}

interface About extends Moment, Pick<Appended, 'location'> {
  readonly vaultId: Uint8Array
}

/** Begins to time an append; undefined where nobody listens, which then costs nothing. */
export function watchAppend(): AppendWatch | undefined {
  if (!appended.hasSubscribers) return undefined
  const began = performance.now()
  let storeMs = 0
  return {
    sent: (stored) => {
      const at = performance.now()
      const mark = () => {
        storeMs = performance.now() - at
      }
      stored.then(mark, mark)
    },
    durable: ({ first, end, events }, { location, vaultId, time, skewMs }) => {
      const ids = new Set<string>()
      for (const { context } of events) {
        if (context.correlationId !== undefined) ids.add(context.correlationId)
      }
      const message: Appended = {
        location,
        vault: Buffer.from(vaultId).toString('hex'),
        first,
        size: end,
        time,
        clockSkewMs: skewMs,
        appendMs: performance.now() - began,
        storeMs,
        correlationIds: [...ids],
      }
      appended.publish(message)
    },
  }
}
