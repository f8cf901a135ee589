import type { Row } from '../../store/port.ts'
import type { StoredSegment } from './index-layout.ts'
import { emptyPostings, sortPostings } from './postings.ts'
import { appendBucket, bucketsPerSegment, encodeBucket } from './segment.ts'
import type { SegmentRows } from './segment-rows.ts'

/** A full segment in the making. */
export interface Merge {
  readonly full: StoredSegment
  /** The segments it is made of. */
  readonly minis: readonly StoredSegment[]
  /** The rows of its first buckets. */
  readonly rows: Row[]
}

export function isComplete({ rows }: Merge): boolean {
  return rows.length === bucketsPerSegment
}

/** Adds the row of the next bucket. Answers with a segment whose row is missing or stale, if there is one. */
export async function mergeNext(
  { full, minis, rows }: Merge,
  segments: SegmentRows,
): Promise<StoredSegment | undefined> {
  const bucket = rows.length
  const parts = await Promise.all(minis.map((mini) => segments.read(mini, bucket)))
  const postings = emptyPostings()
  for (const [n, mini] of minis.entries()) {
    const part = parts[n]
    if (part === undefined) return mini
    appendBucket(postings, part, mini.from - full.from)
  }
  const plain = encodeBucket(sortPostings(postings), { seed: segments.seed, ...full })
  rows.push(segments.seal(full, bucket, plain))
  return undefined
}
