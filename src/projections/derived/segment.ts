import type { OffsetSet } from './offset-set.ts'
import { appendPosting, type Postings } from './postings.ts'

/*
 * A segment's postings lie in 16 rows, by the top 4 bits of the hash; a bucket without any has a row all the same, so
 * that a row which is missing is missed. One more row says where commits begin.
 *
 * bucket := header(count) ‖ hashes u32[count], ascending ‖ ends u32[count]          of each hash's offsets
 *         ‖ offsets u16[], ascending for each hash                                 of events, from `from`
 * starts := header(0) ‖ bits u32[]               for each event from `from` on whether it is the first of a commit
 * header := format u32 ‖ seed u32 ‖ count u32 ‖ 0 u32 ‖ from f64 ‖ to f64            the positions it covers
 *
 * Numbers are in the order of the machine, so that they are read where they lie; on a machine of the other order the
 * format reads as another, which is a doubt. Under one seed, a segment's whole range has one content: whatever row
 * of that key opens and has that seed and range is the right one.
 */

export const bucketsPerSegment = 16
/** The number of the row of starts, behind the buckets. */
export const startsRow = bucketsPerSegment
export const rowsPerSegment = bucketsPerSegment + 1
const bucketShift = 28
const format = 1
const headerBytes = 32

/** What a row is of: both stand in it. */
export interface Coverage {
  readonly seed: number
  /** Positions from `from` to `to - 1`. */
  readonly from: number
  readonly to: number
}

export interface Bucket {
  readonly hashes: Uint32Array
  readonly ends: Uint32Array
  readonly offsets: Uint16Array
}

export function bucketOf(hash: number): number {
  return hash >>> bucketShift
}

/** Splits postings sorted by hash into the plain rows of buckets 0 to 15, one by one. */
export function* encodeBuckets(
  sorted: Readonly<Postings>,
  coverage: Coverage,
): Generator<Uint8Array, void, undefined> {
  let start = 0
  for (let bucket = 0; bucket < bucketsPerSegment; bucket += 1) {
    let end = start
    while (end < sorted.length && bucketOf(sorted.hashes[end] as number) === bucket) end += 1
    yield encodeBucket(sorted, coverage, { start, end })
    start = end
  }
}

/** The row of the pairs from `start` to `end - 1`, by default of all. */
export function encodeBucket(
  sorted: Readonly<Postings>,
  coverage: Coverage,
  { start = 0, end = sorted.length }: { start?: number; end?: number } = {},
): Uint8Array {
  const count = countHashes(sorted.hashes, start, end)
  const bytes = rowOf(coverage, { count, bodyBytes: 8 * count + 2 * (end - start) })
  const { hashes, ends, offsets } = columnsOf(bytes, count)
  offsets.set(sorted.offsets.subarray(start, end))
  let term = -1
  for (let at = start; at < end; at += 1) {
    const hash = sorted.hashes[at] as number
    if (term < 0 || hash !== hashes[term]) hashes[++term] = hash
    ends[term] = at + 1 - start
  }
  return bytes
}

function countHashes(sorted: Uint32Array, start: number, end: number): number {
  let count = start < end ? 1 : 0
  for (let at = start + 1; at < end; at += 1) if (sorted[at] !== sorted[at - 1]) count += 1
  return count
}

/** Undefined for a row of another format, seed or range. */
export function decodeBucket(plain: Uint8Array, coverage: Coverage): Bucket | undefined {
  const opened = openRow(plain, coverage)
  return opened && columnsOf(opened.bytes, opened.count)
}

/** The row that says which events from `from` to `to - 1` are the first of a commit. */
export function encodeStarts(starts: OffsetSet, coverage: Coverage): Uint8Array {
  const words = wordsOf(coverage)
  const bytes = rowOf(coverage, { count: 0, bodyBytes: 4 * words })
  new Uint32Array(bytes.buffer, headerBytes).set(starts.subarray(0, words))
  return bytes
}

/** Undefined for a row of another format, seed or range. */
export function decodeStarts(plain: Uint8Array, coverage: Coverage): OffsetSet | undefined {
  const opened = openRow(plain, coverage)
  if (opened === undefined) return undefined
  const { buffer, byteOffset } = opened.bytes
  return new Uint32Array(buffer, byteOffset + headerBytes, wordsOf(coverage))
}

function wordsOf({ from, to }: Coverage): number {
  return Math.ceil((to - from) / 32)
}

/** A row with its header, and room for the rest. */
function rowOf(
  { seed, from, to }: Coverage,
  { count, bodyBytes }: { count: number; bodyBytes: number },
): Uint8Array {
  const bytes = new Uint8Array(headerBytes + bodyBytes)
  new Uint32Array(bytes.buffer, 0, 4).set([format, seed, count, 0])
  new Float64Array(bytes.buffer, 16, 2).set([from, to])
  return bytes
}

/** Undefined for a row of another format, seed or range. */
function openRow(
  plain: Uint8Array,
  { seed, from, to }: Coverage,
): { readonly bytes: Uint8Array; readonly count: number } | undefined {
  if (plain.length < headerBytes) return undefined
  // A view of 8-byte numbers has to begin at a multiple of 8.
  const bytes = plain.byteOffset % 8 === 0 ? plain : new Uint8Array(plain)
  const [rowFormat, rowSeed, count = 0] = new Uint32Array(bytes.buffer, bytes.byteOffset, 4)
  const [rowFrom, rowTo] = new Float64Array(bytes.buffer, bytes.byteOffset + 16, 2)
  if (rowFormat !== format || rowSeed !== seed || rowFrom !== from || rowTo !== to) return undefined
  return { bytes, count }
}

function columnsOf({ buffer, byteOffset, byteLength }: Uint8Array, count: number): Bucket {
  const hashesAt = byteOffset + headerBytes
  const endsAt = hashesAt + 4 * count
  const offsetsAt = endsAt + 4 * count
  return {
    hashes: new Uint32Array(buffer, hashesAt, count),
    ends: new Uint32Array(buffer, endsAt, count),
    offsets: new Uint16Array(buffer, offsetsAt, (byteOffset + byteLength - offsetsAt) / 2),
  }
}

/** The offsets of the events that have a term of this hash. */
export function offsetsOf({ hashes, ends, offsets }: Bucket, hash: number): Uint16Array {
  let low = 0
  let high = hashes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((hashes[middle] as number) < hash) low = middle + 1
    else high = middle
  }
  if (hashes[low] !== hash) return offsets.subarray(0, 0)
  return offsets.subarray(low === 0 ? 0 : ends[low - 1], ends[low])
}

/** Appends a bucket's pairs to postings whose segment begins `shift` positions before this one. */
export function appendBucket(postings: Postings, bucket: Bucket, shift = 0): void {
  let at = 0
  for (let term = 0; term < bucket.hashes.length; term += 1) {
    const hash = bucket.hashes[term] as number
    const end = bucket.ends[term] as number
    for (; at < end; at += 1) appendPosting(postings, hash, shift + (bucket.offsets[at] as number))
  }
}
