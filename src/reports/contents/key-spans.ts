import type { EventData, EventType, KeyslotFacts } from '../../events/catalogue.ts'
import type { KeysBegun } from '../../projections/lifecycle.ts'
import { defineProjection } from '../../projections/projection.ts'

/** What was done with the vault's keys from one change of them to the next. */
export interface KeySpan {
  readonly what: KeysBegun['what']
  /** The event that began it, and its time. */
  readonly position: number
  readonly time: number
  /** Events sealed, and when the last was. */
  events: number
  lastEventAt: number | undefined
  /** Value keys wrapped: those that survived a change of the wrapping key, and those made since. */
  wrapped: number
  lastWrappedAt: number | undefined
  /** Public half of the signing key that it began, alone or with a new root. */
  readonly publicKey: Uint8Array | undefined
}

export interface SlotUse extends KeyslotFacts {
  readonly position: number
  readonly addedAt: number
  readonly removed?: { readonly position: number; readonly time: number }
  readonly openings: number
  readonly lastOpenedAt?: number
}

export interface KeyUses {
  /** Oldest first. */
  readonly spans: KeySpan[]
  /** Every keyslot there ever was, by id, oldest first. */
  readonly slots: Map<string, SlotUse>
  /** Value keys that are not destroyed. */
  valueKeys: number
}

/** These events are the last that the keys before them seal; an event of any other type is one of the present keys. */
const endings: ReadonlySet<EventType> = new Set(['keys.rotated', 'keys.shredded'])

/** How much each key and keyslot was used, and when last. */
export const keyUses = defineProjection<KeyUses>({
  name: 'report-key-uses',
  version: 1,
  initial: () => ({ spans: [], slots: new Map(), valueKeys: 0 }),
  on: {
    'vault.created': (state, { data, position, time }) => {
      state.spans.push(span({ what: 'created', position, time }))
      for (const slot of data.keyslots) add(state, slot, { position, time })
    },
    'vault.opened': ({ slots }, { data, time }) => {
      const slot = slots.get(data.slot)
      if (slot === undefined) return
      slots.set(data.slot, { ...slot, openings: slot.openings + 1, lastOpenedAt: time })
    },
    'keyslot.added': (state, { data: { generation: _, ...slot }, position, time }) => {
      add(state, slot, { position, time })
    },
    'keyslot.removed': ({ slots }, { data, position, time }) => {
      const slot = slots.get(data.slot)
      if (slot !== undefined) slots.set(data.slot, { ...slot, removed: { position, time } })
    },
    'keys.rotated': (state, { data, position, time }) => {
      seal(state, time)
      const { what, key } = data
      // A new root comes with a new wrapping key, under which all that there is was wrapped anew.
      const wrapped = what === 'root' ? state.valueKeys : 0
      state.spans.push(span({ what, position, time, publicKey: key, wrapped }))
    },
    'keys.shredded': (state, { data, position, time }) => {
      seal(state, time)
      state.spans.push(span({ what: 'shredded', position, time, wrapped: data.keys }))
    },
    'secret.written': wrap,
    'secret.rotated': wrap,
    'secret.destroyed': (state, { data }) => {
      state.valueKeys -= data.versions.length
    },
  },
  each: (state, { type, time }) => {
    if (!endings.has(type)) seal(state, time)
  },
})

function span({
  what,
  position,
  time,
  publicKey,
  wrapped = 0,
}: KeysBegun & {
  readonly publicKey?: Uint8Array | undefined
  readonly wrapped?: number
}): KeySpan {
  const lastWrappedAt = wrapped > 0 ? time : undefined
  return {
    what,
    position,
    time,
    events: 0,
    lastEventAt: undefined,
    wrapped,
    lastWrappedAt,
    publicKey,
  }
}

function add(
  { slots }: KeyUses,
  { slot, kind, role, label }: KeyslotFacts,
  { position, time }: { readonly position: number; readonly time: number },
): void {
  slots.set(slot, { slot, kind, role, label, position, addedAt: time, openings: 0 })
}

function seal({ spans }: KeyUses, time: number): void {
  const span = spans.at(-1)
  if (span === undefined) return
  span.events++
  span.lastEventAt = time
}

function wrap(state: KeyUses, { time }: { readonly time: number }): void {
  state.valueKeys++
  const span = state.spans.at(-1)
  if (span === undefined) return
  span.wrapped++
  span.lastWrappedAt = time
}

/** One key from its beginning to its end, over as many spans as it lasted. */
export interface KeyTerm {
  /** From 1. */
  readonly epoch: number
  readonly begun: Pick<KeySpan, 'position' | 'time'>
  /** The event that put another in its place. */
  readonly ended: Pick<KeySpan, 'position' | 'time'> | undefined
  readonly events: number
  readonly lastEventAt: number | undefined
  readonly wrapped: number
  readonly lastWrappedAt: number | undefined
  /** Of the signing key that began with it. */
  readonly publicKey: Uint8Array | undefined
}

/** The keys of one kind, oldest first: each of these changes began one. */
export function termsOf(
  spans: readonly KeySpan[],
  begunBy: readonly ('created' | 'shredded' | EventData['keys.rotated']['what'])[],
): readonly KeyTerm[] {
  const starts = spans.flatMap(({ what }, at) => (begunBy.includes(what) ? [at] : []))
  return starts.flatMap((start, at) => {
    const own = spans.slice(start, starts[at + 1] ?? spans.length)
    const [begun] = own
    if (begun === undefined) return []
    const ended = spans[starts[at + 1] ?? spans.length]
    return [
      {
        epoch: at + 1,
        begun,
        ended,
        events: sum(own.map(({ events }) => events)),
        lastEventAt: own.findLast((each) => each.lastEventAt !== undefined)?.lastEventAt,
        wrapped: sum(own.map(({ wrapped }) => wrapped)),
        lastWrappedAt: own.findLast((each) => each.lastWrappedAt !== undefined)?.lastWrappedAt,
        publicKey: begun.publicKey,
      },
    ]
  })
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
