import type { EventContext, EventOf, EventType, VaultEvent } from '../events/catalogue.ts'
import type { RotationTrigger } from '../events/words.ts'
import { defineProjection } from './projection.ts'
import type { VersionState } from './secrets.ts'

/** What became of one version: who made it, when and why, and whether it can still be read. */
export interface VersionRow {
  readonly version: number
  readonly state: VersionState
  readonly createdAt: number
  readonly createdBy: string
  /** `written`, or how it was rotated. */
  readonly origin: 'written' | RotationTrigger
  readonly reason?: string
  /** Whether its value differs from the one before. */
  readonly changed: boolean
  readonly expiresAt?: number
  readonly notBefore?: number
  /** The last deletion, restoration or destruction. */
  readonly stateChangedAt?: number
  readonly stateChangedBy?: string
  readonly keyId: Uint8Array
  readonly position: number
}

/** Every version of a secret, oldest first, until it is purged. Rows are replaced, never changed. */
export type VersionsState = Map<string, readonly VersionRow[]>

/** The history of each secret. The vault folds it for one secret at a time, from that secret's own events. */
export const versions = defineProjection<VersionsState>({
  name: 'versions',
  version: 1,
  initial: () => new Map(),
  on: {
    'secret.written': (state, event) => add(state, event, 'written'),
    'secret.rotated': (state, event) => add(state, event, event.data.trigger),
    'secret.annotated': annotated,
    'secret.deleted': (state, event) =>
      mark(state, event, { numbers: event.data.versions, to: 'deleted' }),
    'secret.restored': (state, event) =>
      mark(state, event, { numbers: event.data.versions, to: 'live' }),
    'secret.destroyed': (state, event) =>
      mark(state, event, {
        numbers: event.data.versions.map(({ version }) => version),
        to: 'destroyed',
      }),
    'secret.purged': (state, event) => {
      state.delete(event.subject)
    },
  },
})

/** The events of these types form a secret's chain of changes: each names the one before it as `previous`. */
export type ChangeType = Extract<
  EventType,
  | 'secret.written'
  | 'secret.rotated'
  | 'secret.annotated'
  | 'secret.deleted'
  | 'secret.restored'
  | 'secret.destroyed'
  | 'secret.purged'
>

export const changeTypes = Object.keys(versions.on) as readonly ChangeType[]
const changes: ReadonlySet<string> = new Set(changeTypes)

export function isChange(event: VaultEvent): event is EventOf<ChangeType> {
  return changes.has(event.type)
}

function add(
  state: VersionsState,
  event: EventOf<'secret.written' | 'secret.rotated'>,
  origin: VersionRow['origin'],
): void {
  const { data } = event
  const row: VersionRow = {
    version: data.version,
    state: 'live',
    createdAt: event.time,
    createdBy: event.actor,
    origin,
    ...reasonOf(event.context),
    changed: data.changed,
    ...validity(data.meta),
    keyId: data.keyId,
    position: event.position,
  }
  state.set(event.subject, [...(state.get(event.subject) ?? []), row])
}

/** Dates set by an annotation hold for the newest version, whose value they speak of. */
function annotated(state: VersionsState, event: EventOf<'secret.annotated'>): void {
  const rows = state.get(event.subject) ?? []
  const newest = rows.at(-1)
  if (newest === undefined) return
  const { expiresAt: _, notBefore: __, ...rest } = newest
  state.set(event.subject, [...rows.slice(0, -1), { ...rest, ...validity(event.data.meta) }])
}

function mark(
  state: VersionsState,
  event: EventOf<ChangeType>,
  { numbers, to }: { numbers: readonly number[]; to: VersionState },
): void {
  const marked = new Set(numbers)
  const rows = state.get(event.subject) ?? []
  state.set(
    event.subject,
    rows.map((row) =>
      marked.has(row.version)
        ? { ...row, state: to, stateChangedAt: event.time, stateChangedBy: event.actor }
        : row,
    ),
  )
}

function reasonOf(context: EventContext): { reason?: string } {
  return context.reason === undefined ? {} : { reason: context.reason }
}

function validity(dates: { expiresAt?: number; notBefore?: number }) {
  return {
    ...(dates.expiresAt !== undefined && { expiresAt: dates.expiresAt }),
    ...(dates.notBefore !== undefined && { notBefore: dates.notBefore }),
  }
}
