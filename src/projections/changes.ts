import type { EventOf, VaultEvent } from '../events/catalogue.ts'
import { ChangeColumns, type PathChange } from './derived/change-columns.ts'
import type { ChangeKind, Life } from './derived/life-table.ts'
import type { LivesAt } from './derived/lives-at.ts'
import type { SealedRows } from './derived/sealed-rows.ts'
import { keeperOf } from './kept-fold.ts'
import { defineProjection } from './projection.ts'

/**
 * What is known of secrets at any position of the log. It holds the lives of secrets as they stand; those of earlier
 * moments are read from the derived store.
 */
export interface Changes {
  readonly columns: () => ChangeColumns
  /** The lives of secrets with the first `size` events. Throws `INTEGRITY` at any doubt about what is kept, `ABORTED`. */
  readonly at: (size: number, signal?: AbortSignal) => Promise<LivesAt>
  /** Positions from `from` to `to - 1` of events that changed a secret, in batches. Throws `INTEGRITY` as `at` does. */
  readonly changed: (from: number, to: number) => AsyncIterable<readonly number[]>
  readonly [keeperOf]: (rows: SealedRows, space: Uint8Array) => ChangeColumns
}

/** The change columns: every change of a secret and every access to its value. */
export const changes = defineProjection<Changes>({
  name: 'changes',
  version: 1,
  initial: changesOfLog,
  on: {
    'secret.written': newVersion,
    'secret.rotated': newVersion,
    'secret.annotated': (state, event) => {
      change(state, event, () => ({ kind: 'annotated' }))
    },
    'secret.deleted': (state, event) => {
      change(state, event, (life) => marked(life, event.data.versions, 'deleted'))
    },
    'secret.restored': (state, event) => {
      change(state, event, (life) => marked(life, event.data.versions, 'restored'))
    },
    'secret.destroyed': (state, event) => {
      const gone = event.data.versions.map(({ version }) => version)
      change(state, event, (life) => ({
        ...marked(life, gone, 'destroyed'),
        oldest: oldestBeside(life, new Set(gone)),
      }))
    },
    'secret.purged': (state, event) => {
      if (state.columns().life(event.subject) === undefined) return
      change(state, event, () => ({ kind: 'purged' }))
    },
    'secret.accessed': (state, event) => {
      state.columns().access(event.subject, event.time)
    },
  },
  each: (state, event) => {
    state.columns().passed(event.position)
  },
})

function changesOfLog(): Changes {
  let kept: ChangeColumns | undefined
  const columns = () => {
    if (kept === undefined) throw new RangeError('the changes are kept in the derived store')
    return kept
  }
  return {
    columns,
    at: async (size, signal) => columns().at(size, signal),
    changed: (from, to) => columns().changed(from, to),
    [keeperOf]: (rows, space) => {
      kept = new ChangeColumns({ rows, space })
      return kept
    },
  }
}

function newVersion(state: Changes, event: EventOf<'secret.written' | 'secret.rotated'>): void {
  const { type, subject, position, time, data } = event
  const columns = state.columns()
  columns.change(subject, {
    kind: type === 'secret.rotated' ? 'rotated' : 'written',
    position,
    time,
    version: data.version,
    oldest: columns.life(subject)?.oldest ?? 1,
    changed: data.changed,
  })
}

function change(
  state: Changes,
  { type, subject, position, time }: VaultEvent,
  what: (life: Life) => Pick<PathChange, 'kind'> & Partial<PathChange>,
): void {
  const columns = state.columns()
  const life = columns.life(subject)
  if (life === undefined) throw new RangeError(`${type} of a secret that is not there`)
  const { version, oldest } = life
  columns.change(subject, { position, time, version, oldest, changed: false, ...what(life) })
}

/** A state belongs to the newest version; of the others, the event only says when the secret was changed last. */
function marked(
  { version }: Life,
  versions: readonly number[],
  kind: ChangeKind,
): Pick<PathChange, 'kind'> {
  return { kind: versions.includes(version) ? kind : 'marked' }
}

function oldestBeside({ oldest, version }: Life, gone: ReadonlySet<number>): number {
  let first = oldest
  while (first <= version && gone.has(first)) first += 1
  return first
}
