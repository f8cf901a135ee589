import type { VaultEvent } from '../../events/catalogue.ts'
import type { DenialCause } from '../../events/words.ts'
import { defineProjection, type Projection } from '../../projections/projection.ts'
import { countDay, type Days } from './days.ts'
import { type Filter, isBy, keeps } from './filter.ts'
import { SortedMap } from './sorted-map.ts'

/** Why something was refused; or what was let through although its date had passed; or a wrong credential. */
export type Refusal = DenialCause | 'read_although_expired' | 'failed_unlock'

export interface DenialGroup {
  readonly actor: string
  readonly reason: Refusal
  readonly count: number
  readonly first: number
  readonly last: number
  /** The first few of them, in the order in which they came. */
  readonly paths: readonly string[]
  /** Events about other paths. */
  readonly elsewhere: number
  /** Whether one of them made it so many within so short a time. */
  readonly isBurst: boolean
  /** Of the last event. */
  readonly position: number
}

export interface Denials {
  /** By actor and reason. */
  readonly groups: SortedMap<DenialGroup>
  /** When each actor was refused last, as many times as make a burst; oldest first. */
  readonly refused: Map<string, number[]>
  readonly unlocks: number[]
  readonly denied: Days
  readonly failed: Days
}

interface Burst {
  readonly count: number
  readonly withinMs: number
}

/** So many refusals of one actor within an hour are more than a mistake. */
export const denialBurst = { count: 10, withinMs: 3600 * 1000 } as const satisfies Burst
/** So many wrong credentials within ten minutes are somebody who guesses. */
export const unlockBurst = { count: 5, withinMs: 10 * 60 * 1000 } as const satisfies Burst

const pathsKeptMax = 10

/** Refusals from a position on, by actor and reason. */
export function denialsOf(filter: Filter, from: number): Projection<Denials> {
  return defineProjection<Denials>({
    name: 'report-denials',
    version: 1,
    initial: () => ({
      groups: new SortedMap(),
      refused: new Map(),
      unlocks: [],
      denied: new Map(),
      failed: new Map(),
    }),
    on: {
      'secret.denied': (state, event) => {
        if (event.position < from || !keeps(filter, event)) return
        const { actor, time, data } = event
        const times = state.refused.get(actor) ?? []
        state.refused.set(actor, times)
        countDay(state.denied, time)
        const isBurst = noted(times, { time, count: 1 }, denialBurst)
        add(state, event, { reason: data.cause, isBurst })
      },
      'secret.accessed': (state, event) => {
        if (event.position < from || event.data.allowExpired !== true) return
        if (keeps(filter, event)) add(state, event, { reason: 'read_although_expired' })
      },
      'auth.failed': (state, event) => {
        // They are about no secret: a report of some subjects leaves them out.
        if (event.position < from || filter.subject !== undefined) return
        if (!isBy(filter, event.actor)) return
        const { triedAt, count } = event.data
        countDay(state.failed, triedAt, count)
        const isBurst = noted(state.unlocks, { time: triedAt, count }, unlockBurst)
        add(state, event, { reason: 'failed_unlock', time: triedAt, count, isBurst })
      },
    },
  })
}

/** Notes what happened just now, and says whether that makes a burst. */
function noted(
  times: number[],
  { time, count }: { readonly time: number; readonly count: number },
  burst: Burst,
): boolean {
  // A clock that was set back says nothing of how long ago the others were.
  if (time < (times.at(-1) ?? time)) times.length = 0
  for (let added = 0; added < Math.min(count, burst.count); added++) times.push(time)
  times.splice(0, times.length - burst.count)
  const [oldest] = times
  return times.length === burst.count && oldest !== undefined && time - oldest <= burst.withinMs
}

function add(
  { groups }: Denials,
  { actor, subject, time: at, position }: VaultEvent,
  how: {
    readonly reason: Refusal
    readonly time?: number
    readonly count?: number
    readonly isBurst?: boolean
  },
): void {
  const { reason, time = at, count = 1, isBurst = false } = how
  const key = `${actor}\0${reason}`
  const before = groups.get(key)
  groups.set(key, {
    actor,
    reason,
    count: (before?.count ?? 0) + count,
    first: before?.first ?? time,
    last: time,
    ...placed(before, subject),
    isBurst: isBurst || before?.isBurst === true,
    position,
  })
}

function placed(before: DenialGroup | undefined, subject: string) {
  const { paths = [], elsewhere = 0 } = before ?? {}
  if (subject === '' || paths.includes(subject)) return { paths, elsewhere }
  if (paths.length < pathsKeptMax) return { paths: [...paths, subject], elsewhere }
  return { paths, elsewhere: elsewhere + 1 }
}
