import type { EventOf, EventType, VaultEvent } from '../../events/catalogue.ts'
import { defineProjection, type Projection } from '../../projections/projection.ts'
import { addBounded, type BoundedList, boundedList } from './bounded-list.ts'

/** How often something happened, and when first and last. */
export interface Tally {
  count: number
  first: number | null
  last: number | null
  /** Of the last event. */
  position: number | null
}

/** What is kept of an event, which itself would hold the bytes of its whole commit. */
export type Told<T extends EventType> = {
  readonly [K in T]: Pick<EventOf<K>, 'type' | 'position' | 'time' | 'data'>
}[T]

export type KeyChangeType = 'keys.rotated' | 'keys.shredded' | 'keyslot.added' | 'keyslot.removed'

export interface Integrity {
  readonly starts: Tally
  readonly stops: Tally
  readonly failedUnlocks: Tally
  readonly skewed: Tally
  skewMsMax: number
  readonly uncleanStarts: BoundedList<Told<'vault.opened'>>
  /** Without a closing before them, since a backup is made of a running vault: the first openings of restored ones. */
  readonly restoredStarts: BoundedList<Told<'vault.opened'>>
  /** Whether the vault was restored and not opened since. */
  isRestored: boolean
  readonly restores: BoundedList<Told<'vault.restored'>>
  readonly corrections: BoundedList<Told<'clock.corrected'>>
  readonly keyChanges: BoundedList<Told<KeyChangeType>>
  /** Those in force at the end, by target. */
  readonly anchors: Map<string, Told<'anchor.added'>>
  /** Of the lives that the vault has had before the present one. */
  readonly origins: Set<string>
}

/** Events that are told one by one; the rest of them are counted. */
export const toldMax = 1000

/** What the log says of its own keeping, from a position on. */
export function integrityOf(from: number): Projection<Integrity> {
  const counted = (tally: Tally, event: VaultEvent, count = 1) => {
    if (event.position < from) return
    tally.count += count
    tally.first ??= event.time
    tally.last = event.time
    tally.position = event.position
  }
  const told = <T extends EventType>(
    list: BoundedList<Told<T>>,
    event: EventOf<T> & VaultEvent,
  ) => {
    if (event.position >= from) addBounded(list, toldOf<T>(event), toldMax)
  }
  const keyChange = ({ keyChanges }: Integrity, event: EventOf<KeyChangeType>) =>
    told(keyChanges, event)
  return defineProjection<Integrity>({
    name: 'report-integrity',
    version: 1,
    initial,
    on: {
      'vault.opened': (state, event) => {
        counted(state.starts, event)
        const { uncleanStarts, restoredStarts, isRestored } = state
        if (!event.data.clean) told(isRestored ? restoredStarts : uncleanStarts, event)
        state.isRestored = false
      },
      'vault.closed': (state, event) => counted(state.stops, event),
      // What an open vault is shown opens no keyslot.
      'auth.failed': (state, event) => {
        const { method, count } = event.data
        if (method === 'keyslot') counted(state.failedUnlocks, event, count)
      },
      'vault.restored': (state, event) => {
        state.origins.add(event.data.origin)
        state.isRestored = true
        told(state.restores, event)
      },
      'clock.corrected': (state, event) => told(state.corrections, event),
      'anchor.added': ({ anchors }, event) => {
        anchors.set(event.data.target, toldOf<'anchor.added'>(event))
      },
      'anchor.removed': ({ anchors }, { data }) => {
        anchors.delete(data.target)
      },
      'keys.rotated': keyChange,
      'keys.shredded': keyChange,
      'keyslot.added': keyChange,
      'keyslot.removed': keyChange,
    },
    each: (state, event) => {
      const { clockSkewMs } = event.context
      if (clockSkewMs === undefined || event.position < from) return
      counted(state.skewed, event)
      state.skewMsMax = Math.max(state.skewMsMax, clockSkewMs)
    },
  })
}

function toldOf<T extends EventType>({ type, position, time, data }: VaultEvent): Told<T> {
  return { type, position, time, data } as unknown as Told<T>
}

function initial(): Integrity {
  const tally = (): Tally => ({ count: 0, first: null, last: null, position: null })
  return {
    starts: tally(),
    stops: tally(),
    failedUnlocks: tally(),
    skewed: tally(),
    skewMsMax: 0,
    uncleanStarts: boundedList(),
    restoredStarts: boundedList(),
    isRestored: false,
    restores: boundedList(),
    corrections: boundedList(),
    keyChanges: boundedList(),
    anchors: new Map(),
    origins: new Set(),
  }
}
