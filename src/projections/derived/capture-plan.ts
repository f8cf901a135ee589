import { minisOf, type SegmentSizes, segmentAt } from './index-layout.ts'
import type { RowChanges } from './keeper.ts'
import type { Merge } from './merge.ts'
import { type OpenMini, sortPostings } from './postings.ts'
import { encodeBuckets, encodeStarts, startsRow } from './segment.ts'
import type { SegmentRows } from './segment-rows.ts'

/** What one capture of the audit index writes, all of it fixed at its position. */
export interface Plan {
  readonly grown: readonly GrownMini[]
  readonly merge: Merge | undefined
  /** Full segments with it, and how many of them had and have no minis any more. */
  readonly fulls: number
  readonly from: number
  readonly swept: number
}

/** A mini that holds more than its rows, with what it holds by now. */
interface GrownMini {
  readonly mini: OpenMini
  readonly copy: Readonly<OpenMini>
}

export function grownOf(open: readonly OpenMini[]): readonly GrownMini[] {
  return open.filter((mini) => mini.stored < mini.to).map((mini) => ({ mini, copy: copyOf(mini) }))
}

/** Its columns are only appended to; its starts are changed in place. */
function copyOf(mini: OpenMini): Readonly<OpenMini> {
  return { ...mini, postings: { ...mini.postings }, starts: mini.starts.slice() }
}

/** The rows that a plan writes and removes, about a millisecond a step. */
export function* changesOf(
  { grown, merge, from, swept }: Plan,
  { rows, sizes }: { readonly rows: SegmentRows; readonly sizes: SegmentSizes },
): Iterable<RowChanges> {
  for (const { copy } of grown) {
    const segment = { ...segmentAt(sizes, 'mini', copy.from), to: copy.to }
    const coverage = { seed: rows.seed, ...segment }
    const sorted = sortPostings(copy.postings)
    yield {}
    let bucket = 0
    for (const plain of encodeBuckets(sorted, coverage)) {
      yield { put: [rows.seal(segment, bucket, plain)] }
      bucket += 1
    }
    yield { put: [rows.seal(segment, startsRow, encodeStarts(copy.starts, coverage))] }
  }
  if (merge !== undefined) yield { put: merge.rows }
  for (let full = from; full < swept; full += 1) {
    for (const mini of minisOf(sizes, full)) yield { remove: rows.keys(mini) }
  }
}
