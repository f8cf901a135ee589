import { setImmediate as turn } from 'node:timers/promises'

/** Work on the event loop that goes on for longer than this keeps others waiting. */
const sliceMs = 4

/**
 * Gives way to timers, sockets and other callers once a few milliseconds have gone by: to be awaited between small
 * pieces of a long work.
 *
 * @example
 * const breathe = breather()
 * for (const row of rows) { write(row); await breathe() }
 */
export function breather(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < sliceMs) return undefined
    return turn().then(() => {
      since = performance.now()
    })
  }
}
