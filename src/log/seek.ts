import { commitAt, type LogSource } from './reader.ts'

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

/**
 * The first position whose event is at or after a time, whichever stretch of time that is in; the size where there is
 * none. Where an owner set the time back, what follows may be of before the time: a range takes too much rather than
 * too little.
 */
export async function firstFrom(
  { source, size, corrections }: Dated,
  time: number,
): Promise<number> {
  const starts = [0, ...corrections.filter((position) => position > 0)]
  for (const [i, start] of starts.entries()) {
    const end = Math.min(starts[i + 1] ?? size, size)
    if (start >= end) break
    const first = await firstLater(source, { start, end }, time - 1)
    if (first < end) return first
  }
  return size
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
    const commit = await commitAt(source, Math.floor((low + high) / 2))
    const from = Math.max(low, commit.first)
    const to = Math.min(high, commit.end)
    if (commit.event(from).time > time) high = from
    else if (commit.event(to - 1).time <= time) low = to
    else {
      for (let position = from + 1; ; position++) {
        if (commit.event(position).time > time) return position
      }
    }
  }
  return low
}
