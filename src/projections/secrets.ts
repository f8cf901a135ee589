import type { EventOf, SecretMeta } from '../events/catalogue.ts'
import { defineProjection } from './projection.ts'

export type VersionState = 'live' | 'deleted' | 'destroyed'

/** A secret as it stands. Positions are those of events. */
export interface SecretRow {
  /** The newest version; versions are dense from 1. */
  readonly version: number
  readonly state: VersionState
  /** The event that holds the newest version's box. */
  readonly position: number
  readonly keyId: Uint8Array
  /** All versions below this one are destroyed. */
  readonly oldest: number
  /** The newest event that changed this secret; each such event names the one before it. */
  readonly last: number
  readonly meta: SecretMeta
  readonly createdAt: number
  readonly updatedAt: number
  readonly valueChangedAt: number
  readonly updatedBy: string
}

export type SecretsState = Map<string, SecretRow>

/** Current secrets, by path: what every decision is made against. */
export const secrets = defineProjection<SecretsState>({
  name: 'secrets',
  version: 1,
  initial: () => new Map(),
  on: {
    'secret.written': newVersion,
    'secret.rotated': newVersion,
    'secret.annotated': (rows, event) => {
      change(rows, event, () => ({ meta: event.data.meta }))
    },
    'secret.deleted': (rows, event) => {
      change(rows, event, (row) =>
        event.data.versions.includes(row.version) ? { state: 'deleted' } : {},
      )
    },
    'secret.restored': (rows, event) => {
      change(rows, event, (row) =>
        event.data.versions.includes(row.version) ? { state: 'live' } : {},
      )
    },
    'secret.destroyed': (rows, event) => {
      change(rows, event, (row) => destroyed(row, event))
    },
    'secret.purged': (rows, event) => {
      rows.delete(event.subject)
    },
  },
})

function newVersion(rows: SecretsState, event: EventOf<'secret.written' | 'secret.rotated'>): void {
  const { data, time } = event
  const before = rows.get(event.subject)
  rows.set(event.subject, {
    version: data.version,
    state: 'live',
    position: event.position,
    keyId: data.keyId,
    oldest: before?.oldest ?? 1,
    last: event.position,
    meta: data.meta,
    createdAt: before?.createdAt ?? time,
    updatedAt: time,
    valueChangedAt: data.changed ? time : (before?.valueChangedAt ?? time),
    updatedBy: event.actor,
  })
}

function destroyed(row: SecretRow, event: EventOf<'secret.destroyed'>): Partial<SecretRow> {
  const gone = new Set(event.data.versions.map(({ version }) => version))
  let { oldest } = row
  while (oldest <= row.version && gone.has(oldest)) oldest++
  return gone.has(row.version) ? { oldest, state: 'destroyed' } : { oldest }
}

type ChangeType = 'secret.annotated' | 'secret.deleted' | 'secret.restored' | 'secret.destroyed'

function change(
  rows: SecretsState,
  event: EventOf<ChangeType>,
  what: (row: SecretRow) => Partial<SecretRow>,
): void {
  const row = rows.get(event.subject)
  if (row === undefined) throw new RangeError(`${event.type} of a secret that is not there`)
  rows.set(event.subject, {
    ...row,
    ...what(row),
    last: event.position,
    updatedAt: event.time,
    updatedBy: event.actor,
  })
}
