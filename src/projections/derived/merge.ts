import type { Row } from '../../store/port.ts'
import type { StoredSegment } from './index-layout.ts'
import { addOffset, type OffsetSet, positionsIn } from './offset-set.ts'
import {
  type BucketPart,
  encodeStarts,
  mergeBuckets,
  rowsPerSegment,
  startsRow,
} from './segment.ts'
import type { SegmentRows } from './segment-rows.ts'

/** A full segment in the making. */
export interface Merge {
  readonly full: StoredSegment
  /** The segments it is made of. */
  readonly minis: readonly StoredSegment[]
  /** Its first rows: those of buckets, then that of the starts. */
  readonly rows: Row[]
}

export function isComplete({ rows }: Merge): boolean {
  return rows.length === rowsPerSegment
}

/** Adds the next row. Answers with a segment whose row is missing or stale, if there is one. */
export async function mergeNext(
  merge: Merge,
  segments: SegmentRows,
): Promise<StoredSegment | undefined> {
  return merge.rows.length === startsRow
    ? mergeStarts(merge, segments)
    : mergeBucket(merge, segments)
}

async function mergeBucket(
  { full, minis, rows }: Merge,
  segments: SegmentRows,
): Promise<StoredSegment | undefined> {
  const bucket = rows.length
  const read = await Promise.all(minis.map((mini) => segments.read(mini, bucket)))
  const parts: BucketPart[] = []
  for (const [n, mini] of minis.entries()) {
    const part = read[n]
    if (part === undefined) return mini
    parts.push({ bucket: part, shift: mini.from - full.from })
  }
  const plain = mergeBuckets(parts, { seed: segments.seed, ...full })
  rows.push(segments.seal(full, bucket, plain))
  return undefined
}

async function mergeStarts(
  { full, minis, rows }: Merge,
  segments: SegmentRows,
): Promise<StoredSegment | undefined> {
  const read = await Promise.all(minis.map((mini) => segments.readStarts(mini)))
  const starts: OffsetSet = new Uint32Array(Math.ceil((full.to - full.from) / 32))
  for (const [n, mini] of minis.entries()) {
    const part = read[n]
    if (part === undefined) return mini
    for (const offset of positionsIn(part, mini.from - full.from)) addOffset(starts, offset)
  }
  const plain = encodeStarts(starts, { seed: segments.seed, ...full })
  rows.push(segments.seal(full, startsRow, plain))
  return undefined
}
