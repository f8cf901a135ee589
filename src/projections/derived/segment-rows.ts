import type { Row } from '../../store/port.ts'
import { bucketCache } from './bucket-cache.ts'
import type { StoredSegment } from './index-layout.ts'
import type { OffsetSet } from './offset-set.ts'
import type { Run } from './run.ts'
import { rowKey, type SealedRows } from './sealed-rows.ts'
import {
  type Bucket,
  bucketOf,
  decodeBucket,
  decodeStarts,
  rowsPerSegment,
  runOf,
  startsRow,
} from './segment.ts'

const cacheBytesMax = 2 * 1024 * 1024

const parts = { mini: 0x6d, full: 0x66 } as const satisfies Record<StoredSegment['part'], number>

/** The rows of the segments that one seed made. */
export interface SegmentRows {
  readonly seed: number
  /** Undefined when the row is missing, or when it is of another seed or range. */
  read(segment: StoredSegment, bucket: number): Promise<Bucket | undefined>
  /** Which events are the first of a commit; undefined as above. */
  readStarts(segment: StoredSegment): Promise<OffsetSet | undefined>
  /** The events of a hash in a complete segment; undefined as above. Keeps the buckets that were read last. */
  find(segment: StoredSegment, hash: number): Promise<Run | undefined>
  /** `row` is that of a bucket, or of the starts. */
  seal(segment: StoredSegment, row: number, plain: Uint8Array): Row
  keys(segment: StoredSegment): Buffer[]
}

export function segmentRows(rows: SealedRows, space: Uint8Array, seed: number): SegmentRows {
  const cache = bucketCache(cacheBytesMax)

  const keyOf = ({ part, number }: StoredSegment, row: number): Buffer =>
    rowKey(space, parts[part], number, row)

  async function read(segment: StoredSegment, bucket: number): Promise<Bucket | undefined> {
    const plain = await rows.get(keyOf(segment, bucket))
    return plain && decodeBucket(plain, { seed, from: segment.from, to: segment.to })
  }

  async function readStarts(segment: StoredSegment): Promise<OffsetSet | undefined> {
    const plain = await rows.get(keyOf(segment, startsRow))
    return plain && decodeStarts(plain, { seed, from: segment.from, to: segment.to })
  }

  async function find(segment: StoredSegment, hash: number): Promise<Run | undefined> {
    const number = bucketOf(hash)
    const name = `${segment.from}-${segment.to}/${number}`
    const cached = cache.get(name)
    if (cached !== undefined) return runOf(cached, hash)
    const bucket = await read(segment, number)
    if (bucket === undefined) return undefined
    cache.add(name, bucket)
    return runOf(bucket, hash)
  }

  return {
    seed,
    read,
    readStarts,
    find,
    seal: (segment, row, plain) => rows.seal(keyOf(segment, row), plain),
    keys: (segment) => Array.from({ length: rowsPerSegment }, (_, row) => keyOf(segment, row)),
  }
}
