import type { KeyslotFacts } from '../events/catalogue.ts'
import { defineProjection } from './projection.ts'

/** What the log says of the vault itself. */
export interface Lifecycle {
  /** Whether the newest opening has been closed; true before the first. */
  clean: boolean
  /** The newest generation of the keyring that an event speaks of. */
  generation: number
  readonly keyslots: Map<string, KeyslotFacts>
  /** Positions at which an owner set the log's time back. */
  readonly corrections: number[]
  failedUnlocks: number
  /** Id of the event that began the vault's present life: its creation, or its newest restore from a backup. */
  incarnation: string
}

/** Openings, keyslots, corrections of the clock: what opening a vault checks its keyring and clock against. */
export const lifecycle = defineProjection<Lifecycle>({
  name: 'lifecycle',
  version: 2,
  initial: () => ({
    clean: true,
    generation: 0,
    keyslots: new Map(),
    corrections: [],
    failedUnlocks: 0,
    incarnation: '',
  }),
  on: {
    'vault.created': (state, { id, data }) => {
      state.incarnation = id
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
      state.failedUnlocks += data.count
    },
    'keyslot.added': (state, { data: { generation, ...slot } }) => {
      state.generation = generation
      state.keyslots.set(slot.slot, slot)
    },
    'keyslot.removed': (state, { data }) => {
      state.generation = data.generation
      state.keyslots.delete(data.slot)
    },
    'clock.corrected': (state, event) => {
      state.corrections.push(event.position)
    },
  },
  encode: (state) => ({
    ...state,
    keyslots: [...state.keyslots.values()],
  }),
  decode: (encoded) => {
    const state = encoded as Omit<Lifecycle, 'keyslots'> & { keyslots: KeyslotFacts[] }
    return { ...state, keyslots: new Map(state.keyslots.map((slot) => [slot.slot, slot])) }
  },
})
