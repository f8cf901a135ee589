import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import type { EventData, EventType, VaultEvent } from '../events/catalogue.ts'
import { plainEvent } from '../events/decode.ts'
import type { Awaited } from '../log/awaited.ts'
import { type Followed, type Following, follow } from '../log/follow.ts'
import { commitAt, type OpenedCommit, readCommits } from '../log/reader.ts'
import { firstFrom, sizeAt } from '../log/seek.ts'
import { expectOngoing } from '../ongoing.ts'
import type { CommitFinder } from '../projections/derived/commit-finder.ts'
import { type AuditFilter, type ReadFilter, readFilter } from './audit-filter.ts'
import type { CallContext } from './call.ts'
import type { FoldedLog } from './folded-log.ts'
import { date } from './meta-options.ts'

/** Bytes are shown in hex. */
type Shown<T> = T extends Uint8Array
  ? string
  : T extends object
    ? { readonly [K in keyof T]: Shown<T[K]> }
    : T

/** An event as the audit trail shows it: plain JSON, and all of it but the sealed box. */
export type AuditEvent = {
  [T in EventType]: Omit<Extract<VaultEvent, { readonly type: T }>, 'data'> & {
    readonly type: T
    readonly data: Shown<Omit<EventData[T], 'box'>>
  }
}[EventType]

export interface AuditQuery extends AuditFilter, CallContext {
  /** From this time on: a `Date`, or an ISO 8601 text. */
  readonly from?: Date | string
  /** Up to and with this time. */
  readonly to?: Date | string
  /** Positions above this one: the `next` of a page goes on from there. With `newest` first, positions below. */
  readonly after?: number
  readonly order?: 'oldest' | 'newest'
  /** Of the log as it was when it held so many events: the `size` of a page that is gone on from; as it is unless said. */
  readonly size?: number
  /** Events a page, 1 to 1,000; 100 unless said. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

export interface AuditPage {
  readonly events: readonly AuditEvent[]
  /** How many events the log held when the query began: what the pages are about. */
  readonly size: number
  /** Where to go on with `after`; absent on the last page. */
  readonly next?: number
}

export interface AuditFollow extends AuditFilter, CallContext {
  /** Positions above this one; from the first event on unless said. */
  readonly after?: number
  /** Told once it has begun: it is let through and, where looks are, on record. */
  readonly onBegin?: () => void
  /**
   * Told whenever all that there is was given, and more is waited for: `after` may then be this position. Where there is
   * nothing to give for long it is told now and then.
   */
  readonly onCaughtUp?: (position: number) => void
  readonly signal?: AbortSignal
}

const pageMax = 1000
/** Events a page, unless said. */
export const pageDefault = 100

/** Checks a query's arguments. Throws `INVALID`. */
export function checkQuery(query: AuditQuery): void {
  readFilter(query)
  const { limit = pageDefault, after, size, order = 'oldest' } = query
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > pageMax) {
    throw new VaultError('INVALID', `limit must be an integer from 1 to ${pageMax}`)
  }
  checkPosition('after', after)
  checkPosition('size', size)
  if (order !== 'oldest' && order !== 'newest')
    throw new VaultError('INVALID', 'order must be oldest or newest')
  for (const name of ['from', 'to'] as const) if (query[name] !== undefined) date(name, query[name])
}

/** Checks a follower's arguments. Throws `INVALID`. */
export function checkFollow(query: AuditFollow): void {
  readFilter(query)
  checkPosition('after', query.after)
}

/** What is recorded of a query, or of a follower: which events it is about. */
export function recordedOf(query: AuditQuery | AuditFollow): EventData['audit.read']['filter'] {
  const { from, to }: AuditQuery = query
  return {
    ...readFilter(query).recorded,
    ...(from !== undefined && { from: date('from', from) }),
    ...(to !== undefined && { to: date('to', to) }),
  }
}

export function checkPosition(name: string, position: number | undefined): void {
  if (position === undefined || (Number.isSafeInteger(position) && position >= 0)) return
  throw new VaultError('INVALID', `${name} must be a position: an integer from 0`)
}

/** Pages of the events that match, of the log as it was when the query began. */
export async function* queryAudit(
  log: FoldedLog,
  query: AuditQuery,
): AsyncGenerator<AuditPage, void, void> {
  const { limit = pageDefault, order = 'oldest' } = query
  const filter = readFilter(query)
  const size = Math.min(query.size ?? log.size, log.size)
  const range = await rangeOf(log, query, size)
  let events: AuditEvent[] = []
  for await (const event of found(log, { filter, ...range, order, signal: query.signal })) {
    if (events.length === limit) {
      const next = events.at(-1)?.position ?? event.position
      yield { events, size, next }
      events = []
    }
    events.push(auditEventOf(event))
  }
  if (events.length > 0) yield { events, size }
}

/** Whoever is further behind is caught up by the index, where that tells which events are his. */
const farEvents = 256

interface FollowedAlong extends Pick<Following, 'onRest'> {
  /** The log as it is, with its index. */
  readonly log: FoldedLog
  /** Other events at which its follower wants to be asked again. */
  readonly besides?: Awaited
}

/** Matching events from a position on, then each as it lands. */
export async function* followAudit(
  followed: Followed,
  query: AuditFollow,
  { log, besides, onRest }: FollowedAlong,
): AsyncGenerator<AuditEvent, void, void> {
  const filter = readFilter(query)
  const { signal, after = -1 } = query
  let from = after + 1
  const { size } = log
  if (filter.groups.length > 0 && size - from > farEvents) {
    try {
      for await (const event of found(log, { filter, from, to: size, order: 'oldest', signal })) {
        from = event.position + 1
        yield auditEventOf(event)
      }
      from = size
    } catch (error) {
      // The store was closed under it, by a reopen or for good: a follower goes on from here, or ends.
      if (!(error instanceof VaultError) || error.code !== 'CLOSED') throw error
    }
  }
  const about = awaitedBy(filter, besides)
  for await (const commit of follow(followed, {
    from,
    about,
    ...(onRest && { onRest }),
    ...(signal && { signal }),
  })) {
    for (const event of commit.events) {
      if (event.position >= from && filter.matches(event)) yield auditEventOf(event)
    }
  }
}

/** The events that a filter lets through, found by whichever of its terms are the fewest: those of a path, mostly. */
function awaitedBy(filter: ReadFilter, besides: Awaited | undefined): Awaited {
  const [terms] = filter.groups
  if (terms === undefined) return {}
  return {
    traits: [...terms, ...(besides?.traits ?? [])],
    isMeant: (event) => filter.matches(event) || besides?.isMeant?.(event) === true,
  }
}

export function auditEventOf(event: VaultEvent): AuditEvent {
  const { data, ...envelope } = plainEvent(event)
  const { box: _, ...rest } = data as { readonly box?: Uint8Array }
  return { ...envelope, data: shown(rest) } as AuditEvent
}

function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(shown)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]))
}

interface Search {
  readonly filter: ReadFilter
  readonly from: number
  readonly to: number
  readonly order: 'oldest' | 'newest'
  readonly signal: AbortSignal | undefined
}

async function rangeOf(
  log: FoldedLog,
  { from, to, after, order = 'oldest' }: AuditQuery,
  size: number,
): Promise<{ from: number; to: number }> {
  const { corrections } = log.state.lifecycle.fold.state
  const dated = { source: log, size, corrections }
  const start = from === undefined ? 0 : await firstFrom(dated, date('from', from))
  const end = to === undefined ? size : await sizeAt(dated, date('to', to))
  if (after === undefined) return { from: start, to: end }
  return order === 'oldest'
    ? { from: Math.max(start, after + 1), to: end }
    : { from: start, to: Math.min(end, after) }
}

/** Matching events, in order. Gives way to other work, and is aborted, between any two that it looks at. */
async function* found(log: FoldedLog, search: Search): AsyncGenerator<VaultEvent, void, void> {
  const { filter, from, to, order, signal } = search
  expectOngoing(signal)
  if (from >= to) return
  if (filter.groups.length === 0 && order === 'oldest') {
    for await (const commit of readCommits(log, {
      from,
      to,
      ...(signal && { signal }),
    })) {
      for (const event of commit.events) {
        if (event.position >= from && event.position < to && filter.matches(event)) yield event
      }
    }
    return
  }
  const read = lastCommit(log)
  const breathe = breather()
  for await (const position of candidates(log, search)) {
    await breathe()
    expectOngoing(signal)
    const event = await read(position)
    // A term's hash may be that of another: the event itself decides.
    if (filter.matches(event)) yield event
  }
}

/** Positions to look at: those that the index names, and from where it turns out damaged, all of them. */
async function* candidates(
  log: FoldedLog,
  { filter, from, to, order }: Search,
): AsyncGenerator<number, void, void> {
  const query = { groups: filter.groups, from, to, order }
  const batches = log.state.audit.fold.state.candidates(query)[Symbol.asyncIterator]()
  let [low, high] = [from, to]
  for (;;) {
    const batch = await batches.next().catch((error: unknown) => doubtful(log, error))
    if (batch === undefined) break
    if (batch.done === true) return
    for (const position of batch.value) {
      if (order === 'oldest') low = position + 1
      else high = position
      yield position
    }
  }
  if (order === 'oldest') for (let position = low; position < high; position++) yield position
  else for (let position = high - 1; position >= low; position--) yield position
}

/** The index is disposable: what it lost costs this query time, and is built again by the next opening. */
async function doubtful(log: FoldedLog, error: unknown): Promise<undefined> {
  if (!(error instanceof VaultError) || error.code !== 'INTEGRITY') throw error
  await log.snapshots.distrust(error)
  return undefined
}

/** Reads events one at a time, opening a commit once for neighbours within it. */
function lastCommit(log: FoldedLog): (position: number) => Promise<VaultEvent> {
  const holding = commitHolding(log)
  let commit: OpenedCommit | undefined
  return async (position) => {
    if (commit === undefined || position < commit.first || position >= commit.end) {
      commit = await holding(position)
    }
    return commit.event(position)
  }
}

/** A store finds a commit by its first position at once, and by any other by a search: the index knows the first. */
function commitHolding(log: FoldedLog): (position: number) => Promise<OpenedCommit> {
  let find: CommitFinder | undefined = log.state.audit.fold.state.commits()
  return async (position) => {
    const first = await find?.(position).catch((error: unknown) => {
      find = undefined
      return doubtful(log, error)
    })
    const commit = await commitAt(log, first ?? position)
    return position < commit.end ? commit : commitAt(log, position)
  }
}
