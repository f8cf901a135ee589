import { breather } from '../breather.ts'
import type { VaultEvent } from '../events/catalogue.ts'
import { commitAt, type LogSource } from '../log/reader.ts'
import { expectOngoing } from '../ongoing.ts'

/** Commits that are read at once: each waits for the disk. */
const readAtOnce = 8

/** Events that are held at once, to be given in order. */
const heldAtOnce = 256

/**
 * The events at ascending positions, in order; each commit is opened about once, however many of them it holds. Throws
 * `ABORTED`, `INTEGRITY`.
 */
export async function* eventsAt(
  source: LogSource,
  positions: readonly number[],
  signal?: AbortSignal,
): AsyncGenerator<VaultEvent, void, void> {
  for (let at = 0; at < positions.length; at += heldAtOnce) {
    expectOngoing(signal)
    yield* await readAll(source, positions.slice(at, at + heldAtOnce))
  }
}

/** Positions far from each other are read at once, so that those between them come with a commit that was opened. */
async function readAll(
  source: LogSource,
  positions: readonly number[],
): Promise<readonly VaultEvent[]> {
  const breathe = breather()
  const events: VaultEvent[] = []
  let left = positions
  while (left.length > 0) {
    const apart = Math.ceil(left.length / readAtOnce)
    const some = left.filter((_, n) => n % apart === 0)
    const commits = await Promise.all(some.map((position) => commitAt(source, position)))
    const others: number[] = []
    for (const position of left) {
      const commit = commits.find(({ first, end }) => first <= position && position < end)
      if (commit === undefined) others.push(position)
      else events.push(commit.event(position))
    }
    left = others
    await breathe()
  }
  return events.sort((a, b) => a.position - b.position)
}
