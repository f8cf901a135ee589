import { defineProjection } from './projection.ts'

export interface AccessRow {
  /** Reads and deliveries of its value, refused ones not counted. */
  readonly count: number
  readonly lastAt: number
  readonly lastBy: string
}

export type AccessesState = Map<string, AccessRow>

/** How often each secret's value was handed out, and when and to whom last. */
export const accesses = defineProjection<AccessesState>({
  name: 'accesses',
  version: 1,
  initial: () => new Map(),
  on: {
    'secret.accessed': (rows, event) => {
      const count = (rows.get(event.subject)?.count ?? 0) + 1
      rows.set(event.subject, { count, lastAt: event.time, lastBy: event.actor })
    },
    'secret.purged': (rows, event) => {
      rows.delete(event.subject)
    },
  },
})
