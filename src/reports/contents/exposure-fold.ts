import type { EventOf, VaultEvent } from '../../events/catalogue.ts'
import { defineProjection, type Projection } from '../../projections/projection.ts'
import type { VersionState } from '../../projections/secrets.ts'
import { authenticationOf } from './audit-trail.ts'
import {
  addVersion,
  destroyVersions,
  type LivingValue,
  markVersions,
  replacedBy,
} from './exposure-values.ts'
import { type Filter, isAbout, isBy, keeps } from './filter.ts'
import { SortedMap } from './sorted-map.ts'

/** What somebody was handed, how often, and when. */
export interface Handed {
  readonly actor: string
  /** Of the last time. */
  readonly authentication: string | null
  readonly count: number
  readonly first: number
  readonly last: number
  /** Of the last event. */
  readonly position: number
}

export interface ReadVersion extends Handed {
  readonly path: string
  readonly version: number
  /** What took its value out of use; absent while nothing has. */
  readonly ended?: Ending
}

export interface Ending {
  readonly how: 'changed' | 'destroyed' | 'purged'
  readonly time: number
  readonly position: number
}

/** One export of a prefix. */
export interface ExportEvent {
  readonly position: number
  readonly time: number
  readonly authentication: string | null
}

/** The exports of a prefix by one actor. */
export interface ExportedPrefix {
  readonly actor: string
  readonly prefix: string
  /** Oldest first. */
  readonly events: ExportEvent[]
}

export interface Exposure {
  /** Of the secrets that are asked about. */
  readonly values: SortedMap<LivingValue>
  /** By actor, path, life and version. */
  readonly reads: SortedMap<ReadVersion>
  /** Keys of the reads of each path that nothing has ended. */
  readonly open: Map<string, Set<string>>
  /** By actor and prefix. */
  readonly exports: SortedMap<ExportedPrefix>
}

/** What the actors of a filter read from a position on, and what ended it. */
export function exposureOf(filter: Filter, from: number): Projection<Exposure> {
  // What nobody asks about is left out here already: rows are then gone through without long stretches of none.
  const begun = (state: Exposure, event: EventOf<'secret.written' | 'secret.rotated'>) => {
    if (isAbout(filter, event.subject)) newVersion(state, event)
  }
  return defineProjection<Exposure>({
    name: 'report-exposure',
    version: 1,
    initial: () => ({
      values: new SortedMap(),
      reads: new SortedMap(),
      open: new Map(),
      exports: new SortedMap(),
    }),
    on: {
      'secret.written': begun,
      'secret.rotated': begun,
      'secret.deleted': (state, event) => mark(state, event, 'deleted'),
      'secret.restored': (state, event) => mark(state, event, 'live'),
      'secret.destroyed': destroyed,
      'secret.purged': (state, event) => {
        end(state, event, 'purged')
        state.values.delete(event.subject)
      },
      'secret.accessed': (state, event) => {
        if (event.position >= from && keeps(filter, event)) read(state, event)
      },
      'export.created': (state, event) => {
        if (event.position >= from && isBy(filter, event.actor)) exported(state, event)
      },
    },
  })
}

function newVersion(state: Exposure, event: EventOf<'secret.written' | 'secret.rotated'>): void {
  const { subject, position, time, data } = event
  if (data.changed) end(state, event, 'changed')
  const added = { version: data.version, changed: data.changed, position, time }
  state.values.set(subject, addVersion(state.values.get(subject), added))
}

function mark(
  { values }: Exposure,
  { subject, position, data }: EventOf<'secret.deleted' | 'secret.restored'>,
  to: VersionState,
): void {
  const value = values.get(subject)
  if (value !== undefined) markVersions(value, { versions: data.versions, to, position })
}

/** A value whose older versions alone are destroyed is in force as before. */
function destroyed(state: Exposure, event: EventOf<'secret.destroyed'>): void {
  const { subject, position, time, data } = event
  const value = state.values.get(subject)
  if (value === undefined) return
  const versions = data.versions.map(({ version }) => version)
  destroyVersions(value, { versions, position, time })
  if (value.state === 'destroyed') end(state, event, 'destroyed')
}

function end({ reads, open }: Exposure, event: VaultEvent, how: Ending['how']): void {
  const { subject, time, position } = event
  for (const key of open.get(subject) ?? []) {
    const row = reads.get(key)
    if (row !== undefined) reads.set(key, { ...row, ended: { how, time, position } })
  }
  open.delete(subject)
}

function read({ values, reads, open }: Exposure, event: EventOf<'secret.accessed'>): void {
  const { subject: path, actor, data } = event
  const { version } = data
  const value = values.get(path)
  const key = [actor, path, padded(value?.born ?? 0), padded(version)].join('\0')
  const before = reads.get(key)
  const ended = before === undefined ? endingOf(value, version) : before.ended
  reads.set(key, { ...handed(before, event), ...(ended && { ended }), path, version })
  if (before !== undefined || ended !== undefined) return
  const keys = open.get(path) ?? new Set()
  open.set(path, keys.add(key))
}

/** What had taken the value of a version out of use by now. */
function endingOf(value: LivingValue | undefined, version: number): Ending | undefined {
  const change = value && replacedBy(value, version)
  if (change !== undefined) {
    return { how: 'changed', time: change.time, position: change.position }
  }
  return value?.destroyed && { how: 'destroyed', ...value.destroyed }
}

function exported({ exports }: Exposure, event: EventOf<'export.created'>): void {
  const { actor, position, time, context, data } = event
  const key = `${actor}\0${data.prefix}`
  const row = exports.get(key) ?? { actor, prefix: data.prefix, events: [] }
  row.events.push({ position, time, authentication: authenticationOf(context) })
  exports.set(key, row)
}

function handed(
  before: Handed | undefined,
  { actor, time, position, context }: VaultEvent,
): Handed {
  return {
    actor,
    authentication: authenticationOf(context),
    count: (before?.count ?? 0) + 1,
    first: before?.first ?? time,
    last: time,
    position,
  }
}

/** Numbers in the order of texts: 16 digits hold every integer below 2⁵³. */
function padded(number: number): string {
  return String(number).padStart(16, '0')
}
