import { VaultError } from '../errors.ts'
import type { VaultEvent } from '../events/catalogue.ts'
import { type LogSource, readCommits } from './reader.ts'

export interface Dated {
  readonly source: LogSource
  readonly size: number
  /** Positions at which an owner set the time back, ascending: time never decreases between two of them. */
  readonly corrections: readonly number[]
}

/**
 * How many events the log held at a time: the position behind the last event at or before it. The newest stretch
 * of time that has begun by then decides, so a date means what the clock in force at the end said.
 */
export async function sizeAt({ source, size, corrections }: Dated, time: number): Promise<number> {
  const starts = [0, ...corrections.filter((position) => position > 0)]
  for (const [i, start] of [...starts.entries()].reverse()) {
    const end = starts[i + 1] ?? size
    if (start >= end) continue
    const reached = await firstLater(source, { start, end }, time)
    if (reached > start) return reached
  }
  return 0
}

/** The positions of events that bear exactly this time: a run in each stretch of time that passed it. */
export async function* runsAt(
  { source, size, corrections }: Dated,
  time: number,
): AsyncGenerator<{ from: number; to: number }, void, void> {
  const starts = [0, ...corrections.filter((position) => position > 0)]
  for (const [i, start] of starts.entries()) {
    const stretch = { start, end: starts[i + 1] ?? size }
    const from = await firstLater(source, stretch, time - 1)
    const to = await firstLater(source, stretch, time)
    if (from < to) yield { from, to }
  }
}

/** The first position in a stretch whose time is later, or the stretch's end: a binary search over commits. */
async function firstLater(
  source: LogSource,
  stretch: { start: number; end: number },
  time: number,
): Promise<number> {
  let { start: low, end: high } = stretch
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const events = await commitAt(source, middle)
    const within = events.filter(({ position }) => position >= low && position < high)
    const later = within.find((event) => event.time > time)
    const newest = within.at(-1)
    if (later !== undefined && later !== within[0]) return later.position
    if (later !== undefined) high = later.position
    else low = (newest?.position ?? middle) + 1
  }
  return low
}

async function commitAt(source: LogSource, position: number): Promise<readonly VaultEvent[]> {
  for await (const commit of readCommits(source, { from: position, to: position + 1 }))
    return commit.events
  throw new VaultError('INTEGRITY', `position ${position} is missing`, { expected: position })
}
