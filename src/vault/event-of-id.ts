import type { VaultEvent } from '../events/catalogue.ts'
import { knownUuidTime } from '../events/uuid.ts'
import { commitAt, eventAt, readCommits } from '../log/reader.ts'
import { runsAt } from '../log/seek.ts'
import { positionOfGiven } from '../projections/given-ids.ts'
import type { Engine } from './engine.ts'

/** The event that bears an id which its caller chose, for as long as that is known. */
export async function eventOfGiven(engine: Engine, id: string): Promise<VaultEvent | undefined> {
  const position = positionOfGiven(engine.state.givenIds.fold.state, id)
  return position === undefined ? undefined : (await eventAt(engine, position)).event
}

/** The event that bears an id of the vault's own making: its time is the id's. */
export async function eventOfOwn(engine: Engine, id: string): Promise<VaultEvent | undefined> {
  const time = knownUuidTime(id)
  const { size } = engine
  const recent = engine.times.rangeOf(time)
  const { corrections } = engine.state.lifecycle.fold.state
  if (corrections.length === 0) {
    if (recent !== undefined) return eventIn(engine, recent, { id, time })
    if (time > engine.time.newest) return undefined
    return eventIn(engine, { from: await beginningOf(engine, time), to: size }, { id, time })
  }
  for await (const run of runsAt({ source: engine, size, corrections }, time)) {
    const event = await eventIn(engine, run, { id, time })
    if (event !== undefined) return event
  }
  return undefined
}

async function eventIn(
  engine: Engine,
  range: { readonly from: number; readonly to: number },
  { id, time }: { readonly id: string; readonly time: number },
): Promise<VaultEvent | undefined> {
  if (range.from === range.to) return undefined
  for await (const { events } of readCommits(engine, range)) {
    const event = events.find((candidate) => candidate.id === id)
    if (event !== undefined) return event
    if ((events[0]?.time ?? 0) > time) break
  }
  return undefined
}

/**
 * A position behind which no event bears the time, or a later one, in a log whose time never went back. Most are asked for
 * soon: it is looked for from the log's end, in steps that double, and then between the last two.
 */
async function beginningOf(engine: Engine, time: number): Promise<number> {
  const { size } = engine
  let [low, high] = [0, size]
  for (let back = 1; back < size; back *= 2) {
    const { first, event } = await commitAt(engine, size - back)
    if (event(first).time < time) {
      low = first
      break
    }
    high = first
  }
  while (low < high) {
    const { first, event } = await commitAt(engine, Math.floor((low + high) / 2))
    // What is left is as long as a commit.
    if (first <= low) break
    if (event(first).time < time) low = first
    else high = first
  }
  return low
}
