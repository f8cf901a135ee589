import type { EventOf, VaultEvent } from '../../events/catalogue.ts'
import type { AuthFailure, AuthMethod, DenialCause } from '../../events/words.ts'
import { defineProjection, type Projection } from '../../projections/projection.ts'
import { countDay, type Days } from './days.ts'
import { type Filter, isBy, keeps } from './filter.ts'
import { SortedMap } from './sorted-map.ts'

/** A credential that does not hold, by what was shown. */
export const failures = {
  keyslot: 'failed_unlock',
  token: 'failed_token',
  approle: 'failed_login',
} as const satisfies Record<AuthMethod, string>

export type Failure = (typeof failures)[AuthMethod]

/** Why something was refused; or what was let through although its date had passed; or a credential that does not hold. */
export type Refusal = DenialCause | 'read_although_expired' | Failure

export interface DenialGroup {
  readonly actor: string
  readonly reason: Refusal
  /** Of credentials that do not hold: where they came from. */
  readonly source: string | undefined
  /** Of the same, in the order in which they came. */
  readonly causes: readonly AuthFailure[]
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
  /** By actor, reason and source. */
  readonly groups: SortedMap<DenialGroup>
  /** When each actor was refused last, as many times as make a burst; oldest first. */
  readonly refused: Map<string, number[]>
  /** The same of credentials that do not hold: by what was shown and, of what an open vault is shown, by source. */
  readonly shown: Map<string, number[]>
  readonly denied: Days
  readonly failedUnlocks: Days
  /** Of tokens and logins. */
  readonly failed: Days
}

interface Burst {
  readonly count: number
  readonly withinMs: number
}

/** So many refusals of one actor within an hour are more than a mistake. */
export const denialBurst = { count: 10, withinMs: 3600 * 1000 } as const satisfies Burst
/** So many credentials that do not hold within ten minutes are somebody who guesses. */
export const failureBurst = { count: 5, withinMs: 10 * 60 * 1000 } as const satisfies Burst

const pathsKeptMax = 10

/** Refusals from a position on, by actor and reason. */
export function denialsOf(filter: Filter, from: number): Projection<Denials> {
  return defineProjection<Denials>({
    name: 'report-denials',
    version: 1,
    initial: () => ({
      groups: new SortedMap(),
      refused: new Map(),
      shown: new Map(),
      denied: new Map(),
      failedUnlocks: new Map(),
      failed: new Map(),
    }),
    on: {
      'secret.denied': (state, event) => {
        if (event.position < from || !keeps(filter, event)) return
        const { actor, time, data } = event
        countDay(state.denied, time)
        const isBurst = noted(timesOf(state.refused, actor), { time, count: 1 }, denialBurst)
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
        failed(state, event)
      },
    },
  })
}

function failed(state: Denials, event: EventOf<'auth.failed'>): void {
  const { method, triedAt: time, count, cause } = event.data
  const { source } = event.context
  const isUnlock = method === 'keyslot'
  countDay(isUnlock ? state.failedUnlocks : state.failed, time, count)
  // Who guesses a passphrase has the folder, whatever the address; tokens are shown by anybody, and one does not speak for all.
  const times = timesOf(state.shown, isUnlock ? method : `${method}\0${source ?? ''}`)
  const isBurst = noted(times, { time, count }, failureBurst)
  add(state, event, { reason: failures[method], time, count, isBurst, source, cause })
}

function timesOf(all: Map<string, number[]>, key: string): number[] {
  const times = all.get(key) ?? []
  all.set(key, times)
  return times
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
    readonly source?: string | undefined
    readonly cause?: AuthFailure | undefined
  },
): void {
  const { reason, time = at, count = 1, isBurst = false, source, cause } = how
  const key = `${actor}\0${reason}\0${source ?? ''}`
  const before = groups.get(key)
  groups.set(key, {
    actor,
    reason,
    source,
    causes: withCause(before?.causes ?? [], cause),
    count: (before?.count ?? 0) + count,
    // A count is told after what came later than the first that it counts.
    first: Math.min(time, before?.first ?? time),
    last: Math.max(time, before?.last ?? time),
    ...placed(before, subject),
    isBurst: isBurst || before?.isBurst === true,
    position,
  })
}

function withCause(
  causes: readonly AuthFailure[],
  cause: AuthFailure | undefined,
): readonly AuthFailure[] {
  return cause === undefined || causes.includes(cause) ? causes : [...causes, cause]
}

function placed(before: DenialGroup | undefined, subject: string) {
  const { paths = [], elsewhere = 0 } = before ?? {}
  if (subject === '' || paths.includes(subject)) return { paths, elsewhere }
  if (paths.length < pathsKeptMax) return { paths: [...paths, subject], elsewhere }
  return { paths, elsewhere: elsewhere + 1 }
}
