import type { ExportEvent, ExportedPrefix, Exposure, Handed } from './exposure-fold.ts'
import { type LivingValue, offersOf } from './exposure-values.ts'
import { firstIndex } from './first-index.ts'

/** A value that exports handed out and that is the secret's still. */
export interface ExportedValue extends Handed {
  readonly path: string
  /** Of the last time. */
  readonly version: number
  readonly state: LivingValue['state']
}

/** The exports of a prefix as a whole. */
export function wholeOf({ actor, events }: ExportedPrefix): Handed | undefined {
  const [first, last] = [events[0], events.at(-1)]
  return first && last && handedBetween(actor, { first, last, count: events.length })
}

/** The secrets below an exported prefix that still have a value that was handed out, in the order of their paths. */
export function* stillExported(
  { values }: Pick<Exposure, 'values'>,
  { actor, prefix, events }: ExportedPrefix,
): Generator<ExportedValue, void, void> {
  for (const [path, value] of values.below(prefix)) {
    if (value.state === 'destroyed') continue
    const times = timesOf(value, events)
    if (times === undefined) continue
    const { version, ...range } = times
    yield { ...handedBetween(actor, range), path, version, state: value.state }
  }
}

interface Times {
  readonly first: ExportEvent
  readonly last: ExportEvent
  readonly count: number
}

/** The exports at whose time some version of a value was there to be handed out, and the version of the last. */
function timesOf(
  value: LivingValue,
  events: readonly ExportEvent[],
): (Times & { readonly version: number }) | undefined {
  let times: (Times & { readonly version: number }) | undefined
  let until = events.length
  // Newest first: an offer holds until the one after it.
  for (const { position, version } of offersOf(value)) {
    const begin = firstIndex(events, (event) => event.position > position)
    const [first, last] = [events[begin], events[until - 1]]
    if (version !== undefined && begin < until && first && last) {
      const count = until - begin
      times = times
        ? { ...times, first, count: times.count + count }
        : { first, last, count, version }
    }
    until = begin
  }
  return times
}

function handedBetween(actor: string, { first, last, count }: Times): Handed {
  const { authentication, position, time } = last
  return { actor, authentication, count, first: first.time, last: time, position }
}
