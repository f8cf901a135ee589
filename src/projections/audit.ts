import type { VaultEvent } from '../events/catalogue.ts'
import { AuditIndex, type CandidateQuery } from './derived/audit-index.ts'
import type { CommitFinder } from './derived/commit-finder.ts'
import type { SealedRows } from './derived/sealed-rows.ts'
import { commitOf, keeperOf } from './kept-fold.ts'
import { defineProjection } from './projection.ts'

/** Finds the positions of events by subject, actor and type. It holds no event: those are read from the log. */
export interface AuditTrail {
  readonly add: (event: VaultEvent) => void
  /** Positions of events that may match, in batches: whoever asks checks each event that it reads. */
  readonly candidates: (query: CandidateQuery) => AsyncIterable<Iterable<number>>
  /** Finds the commits that events are in, for one look. */
  readonly commits: () => CommitFinder
  readonly [commitOf]: (first: number) => void
  readonly [keeperOf]: (rows: SealedRows, space: Uint8Array) => AuditIndex
}

/** The audit trail's index: every event of the log, whatever its type. */
export const audit = defineProjection<AuditTrail>({
  name: 'audit',
  version: 1,
  initial: auditTrail,
  on: {},
  each: (trail, event) => trail.add(event),
})

function auditTrail(): AuditTrail {
  let index: AuditIndex | undefined
  const kept = () => {
    if (index === undefined) throw new RangeError('the audit trail is kept in the derived store')
    return index
  }
  return {
    add: (event) => kept().add(event),
    candidates: (query) => kept().candidates(query),
    commits: () => kept().commits(),
    [commitOf]: (first) => kept().begin(first),
    [keeperOf]: (rows, space) => {
      index = new AuditIndex({ rows, space })
      return index
    },
  }
}
