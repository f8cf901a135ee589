import type { EventOf } from '../../events/catalogue.ts'
import type { RotationTrigger } from '../../events/words.ts'
import { defineProjection, type Projection } from '../../projections/projection.ts'
import { countDay, type Days } from './days.ts'

/** An attempt that left a value which was to be replaced: any that failed, and one after a compromise. */
export interface PendingRotation {
  readonly outcome: 'failed' | 'rotated_without_change'
  readonly trigger: RotationTrigger
  readonly time: number
}

/** What came of the attempts to rotate a secret. */
export interface RotationOutcome {
  /** Successful ones of the range. */
  readonly inRange: number
  /** Of the newest. */
  readonly outcome: 'rotated' | PendingRotation['outcome']
  /** Since the value last changed: of each outcome, after a compromise or not, the newest; oldest first. */
  readonly pending: readonly PendingRotation[]
}

export interface RotationOutcomes {
  readonly rows: Map<string, RotationOutcome>
  readonly days: Days
}

/** What came of each secret's rotations, and how many there were from a position on. */
export function rotationOutcomes(from: number): Projection<RotationOutcomes> {
  return defineProjection<RotationOutcomes>({
    name: 'report-rotation-outcomes',
    version: 1,
    initial: () => ({ rows: new Map(), days: new Map() }),
    on: {
      'secret.rotated': ({ rows, days }, event) => {
        const counts = event.position >= from
        if (counts) countDay(days, event.time)
        const before = rows.get(event.subject)
        rows.set(event.subject, {
          inRange: (before?.inRange ?? 0) + (counts ? 1 : 0),
          outcome: event.data.changed ? 'rotated' : 'rotated_without_change',
          pending: event.data.changed ? none : pendingWith(before, event),
        })
      },
      'secret.rotation_failed': ({ rows }, event) => {
        const before = rows.get(event.subject)
        const inRange = before?.inRange ?? 0
        rows.set(event.subject, {
          inRange,
          outcome: 'failed',
          pending: pendingWith(before, event),
        })
      },
      // A value that was written in place of a rotation is another value all the same.
      'secret.written': ({ rows }, { subject, data }) => {
        const row = rows.get(subject)
        if (row !== undefined && data.changed) rows.set(subject, { ...row, pending: none })
      },
      'secret.purged': ({ rows }, { subject }) => {
        rows.delete(subject)
      },
    },
  })
}

const none: readonly PendingRotation[] = []

function pendingWith(
  before: RotationOutcome | undefined,
  { type, time, data: { trigger } }: EventOf<'secret.rotated' | 'secret.rotation_failed'>,
): readonly PendingRotation[] {
  const pending = before?.pending ?? none
  const outcome = type === 'secret.rotated' ? 'rotated_without_change' : 'failed'
  // Only a compromise makes a value one that has to be another.
  if (outcome !== 'failed' && trigger !== 'compromise') return pending
  const others = pending.filter(
    (each) =>
      each.outcome !== outcome || (each.trigger === 'compromise') !== (trigger === 'compromise'),
  )
  return [...others, { outcome, trigger, time }]
}
