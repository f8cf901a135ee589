import type { EventOf } from '../events/catalogue.ts'
import { type HandedOutRow, handedOutRow, hasExpired, prune } from './handed-out.ts'
import { defineProjection } from './projection.ts'

export interface SecretIdRow extends HandedOutRow {
  /** Name of the application that it is for. */
  readonly approle: string
}

/** By accessor. */
export type SecretIdsState = Map<string, SecretIdRow>

/** Secret ids that were issued in this life of the vault and not revoked, the ones that have ended since among them. */
export const secretIds = defineProjection<SecretIdsState>({
  name: 'secret-ids',
  version: 2,
  initial: () => new Map(),
  on: {
    'approle.secret_id_issued': (rows, event) => {
      rows.set(event.data.accessor, secretIdRow(event))
      prune(rows, (row) => hasEnded(row, event.time))
    },
    'auth.succeeded': (rows, { data }) => {
      const row = data.secretId === undefined ? undefined : rows.get(data.secretId)
      if (row?.usesLeft === undefined) return
      rows.set(row.accessor, { ...row, usesLeft: Math.max(0, row.usesLeft - 1) })
    },
    'approle.secret_id_revoked': (rows, { data }) => {
      rows.delete(data.accessor)
    },
    'approle.removed': (rows, { data }) => {
      for (const [accessor, row] of rows) if (row.approle === data.name) rows.delete(accessor)
    },
    // A restored vault is another life of it: what was handed out before the backup may have been revoked or used up since, of which
    // this log knows nothing, and must not come back.
    'vault.restored': (rows) => {
      rows.clear()
    },
  },
})

export function secretIdRow(event: EventOf<'approle.secret_id_issued'>): SecretIdRow {
  return { ...handedOutRow(event), approle: event.data.name }
}

/** Whether a secret id lets nobody in any more. */
export function hasEnded(row: SecretIdRow, now: number): boolean {
  return row.usesLeft === 0 || hasExpired(row, now)
}
