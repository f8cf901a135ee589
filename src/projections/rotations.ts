import type { EventOf } from '../events/catalogue.ts'
import type { RotationTrigger } from '../events/words.ts'
import { defineProjection } from './projection.ts'

export interface RotationRow {
  /** How many `secret.rotated` events the secret has had. */
  readonly count: number
  readonly failures: number
  readonly lastAt?: number
  readonly lastBy?: string
  readonly lastTrigger?: RotationTrigger
  /** Whether the last rotation changed the value. */
  readonly lastChanged?: boolean
  readonly lastFailureAt?: number
}

export type RotationsState = Map<string, RotationRow>

const none: RotationRow = { count: 0, failures: 0 }

/** How often each secret was rotated, when, by whom and on what occasion. */
export const rotations = defineProjection<RotationsState>({
  name: 'rotations',
  version: 1,
  initial: () => new Map(),
  on: {
    'secret.rotated': (rows, event) => {
      const row = rows.get(event.subject) ?? none
      rows.set(event.subject, { ...row, count: row.count + 1, ...last(event) })
    },
    'secret.rotation_failed': (rows, event) => {
      const row = rows.get(event.subject) ?? none
      rows.set(event.subject, { ...row, failures: row.failures + 1, lastFailureAt: event.time })
    },
    'secret.purged': (rows, event) => {
      rows.delete(event.subject)
    },
  },
})

function last(event: EventOf<'secret.rotated'>) {
  return {
    lastAt: event.time,
    lastBy: event.actor,
    lastTrigger: event.data.trigger,
    lastChanged: event.data.changed,
  }
}
