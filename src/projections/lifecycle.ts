import type { Anchor, EventData, KeyslotFacts } from '../events/catalogue.ts'
import { defineProjection } from './projection.ts'

/** When keys of the vault began: at its creation, or where the log says that they replaced others. */
export interface KeysBegun {
  readonly what: 'created' | 'shredded' | EventData['keys.rotated']['what']
  readonly position: number
  /** Milliseconds since the epoch. */
  readonly time: number
}

/** What the log says of the vault itself. */
export interface Lifecycle {
  /** Whether the newest opening has been closed; true before the first. */
  clean: boolean
  /** The newest generation of the keyring that an event speaks of. */
  generation: number
  readonly keyslots: Map<string, KeyslotFacts>
  /** Oldest first. */
  readonly keys: KeysBegun[]
  /** Positions at which an owner set the log's time back. */
  readonly corrections: number[]
  /** Wrong passphrases and recovery keys; not what was shown to an open vault. */
  failedUnlocks: number
  /** Id of the event that began the vault's present life: its creation, or its newest restore from a backup. */
  incarnation: string
  /** Where checkpoints go besides, by target. */
  readonly anchors: Map<string, Anchor>
}

interface Encoded extends Omit<Lifecycle, 'keyslots' | 'anchors'> {
  readonly keyslots: readonly KeyslotFacts[]
  readonly anchors: readonly Anchor[]
}

/** Openings, keyslots, keys, anchors, corrections of the clock: what opening a vault checks its keyring and clock against. */
export const lifecycle = defineProjection<Lifecycle>({
  name: 'lifecycle',
  version: 5,
  initial: () => ({
    clean: true,
    generation: 0,
    keyslots: new Map(),
    keys: [],
    corrections: [],
    failedUnlocks: 0,
    incarnation: '',
    anchors: new Map(),
  }),
  on: {
    'vault.created': (state, { id, data, position, time }) => {
      state.incarnation = id
      state.keys.push({ what: 'created', position, time })
      state.generation = data.generation
      for (const slot of data.keyslots) state.keyslots.set(slot.slot, slot)
    },
    'vault.restored': (state, { id }) => {
      state.incarnation = id
    },
    'vault.opened': (state) => {
      state.clean = false
    },
    'vault.closed': (state) => {
      state.clean = true
    },
    'auth.failed': (state, { data }) => {
      if (data.method === 'keyslot') state.failedUnlocks += data.count
    },
    'keyslot.added': (state, { data: { generation, ...slot } }) => {
      state.generation = generation
      state.keyslots.set(slot.slot, slot)
    },
    'keyslot.removed': (state, { data }) => {
      state.generation = data.generation
      state.keyslots.delete(data.slot)
    },
    'keys.rotated': (state, { data, position, time }) => {
      state.generation = data.generation
      state.keys.push({ what: data.what, position, time })
    },
    'keys.shredded': (state, { data, position, time }) => {
      state.generation = data.generation
      state.keys.push({ what: 'shredded', position, time })
    },
    'anchor.added': (state, { data }) => {
      state.anchors.set(data.target, data)
    },
    'anchor.removed': (state, { data }) => {
      state.anchors.delete(data.target)
    },
    'clock.corrected': (state, event) => {
      state.corrections.push(event.position)
    },
  },
  encode: (state) => ({
    ...state,
    keyslots: [...state.keyslots.values()],
    anchors: [...state.anchors.values()],
  }),
  decode: (encoded) => {
    const state = encoded as Encoded
    return {
      ...state,
      keyslots: new Map(state.keyslots.map((slot) => [slot.slot, slot])),
      anchors: new Map(state.anchors.map((anchor) => [anchor.target, anchor])),
    }
  },
})
