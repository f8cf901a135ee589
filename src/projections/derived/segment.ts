import { type BucketDraft, bucketDraft, closeTerm, pushOffset } from './bucket-draft.ts'
import type { OffsetSet } from './offset-set.ts'
import { appendPosting, type Postings } from './postings.ts'
import { eachOffset, noRun, type Run } from './run.ts'

/*
 * A segment's postings lie in 16 rows, by the top 4 bits of the hash; a bucket without any has a row all the same, so
 * that a row which is missing is missed. One more row says where commits begin.
 *
 * bucket := header(count) ‖ hashes u32[count], ascending ‖ ends u32[count] ‖ units u16[]    an end for each hash's run
 * run    := offsets u16[n], ascending                                               of events, from `from`
 *         | bits u16[u], the lowest first      where n ≥ u = 2 × ⌈(to − from) / 32⌉: a bit for each event from `from` on
 * starts := header(0) ‖ bits u32[]               for each event from `from` on whether it is the first of a commit
 * header := format u32 ‖ seed u32 ‖ count u32 ‖ 0 u32 ‖ from f64 ‖ to f64            the positions it covers
 *
 * Numbers are in the order of the machine, so that they are read where they lie; on a machine of the other order the
 * format reads as another, which is a doubt. Under one seed, a segment's whole range has one content: whatever row
 * of that key opens and has that seed and range is the right one.
 *
 * A term that most events have (a type, the one actor there is) takes a bit an event and not 16, so that the bucket which
 * it falls into is no slower to read than the others.
 */

export const bucketsPerSegment = 16
/** The number of the row of starts, behind the buckets. */
export const startsRow = 16
export const rowsPerSegment = 17
const bucketShift = 28
const format = 2
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
  readonly units: Uint16Array
  /** The length of a run of bits; one of offsets is shorter. */
  readonly bitUnits: number
}

export function bucketOf(hash: number): number {
  return hash >>> bucketShift
}

/** Splits postings sorted by hash into the plain rows of buckets 0 to 15, one by one. */
export function* encodeBuckets(
  sorted: Readonly<Postings>,
  coverage: Coverage,
): Generator<Uint8Array, void, undefined> {
  const { hashes, offsets, length } = sorted
  let at = 0
  for (let bucket = 0; bucket < bucketsPerSegment; bucket += 1) {
    const draft = bucketDraft(bitUnitsOf(coverage))
    while (at < length && bucketOf(hashes[at] as number) === bucket) {
      const hash = hashes[at] as number
      for (; at < length && hashes[at] === hash; at += 1) pushOffset(draft, offsets[at] as number)
      closeTerm(draft, hash)
    }
    yield encodeBucket(draft, coverage)
  }
}

/** The plain row of what was drafted. */
function encodeBucket(draft: BucketDraft, coverage: Coverage): Uint8Array {
  const count = draft.hashes.length
  const bytes = rowOf(coverage, { count, bodyBytes: 8 * count + 2 * draft.length })
  const { hashes, ends, units } = columnsOf(bytes, count, coverage)
  hashes.set(draft.hashes)
  ends.set(draft.ends)
  units.set(draft.units.subarray(0, draft.length))
  return bytes
}

/** Undefined for a row of another format, seed or range. */
export function decodeBucket(plain: Uint8Array, coverage: Coverage): Bucket | undefined {
  const opened = openRow(plain, coverage)
  return opened && columnsOf(opened.bytes, opened.count, coverage)
}

/** A bucket of a segment that begins `shift` positions behind the one that it becomes a part of. */
export interface BucketPart {
  readonly bucket: Bucket
  readonly shift: number
}

/** The plain row of the buckets of segments that follow one another: by their hashes, which are sorted. */
export function mergeBuckets(parts: readonly BucketPart[], coverage: Coverage): Uint8Array {
  const draft = bucketDraft(bitUnitsOf(coverage))
  const terms = parts.map(() => 0)
  const hashAt = (n: number) => parts[n]?.bucket.hashes[terms[n] as number] ?? Infinity
  for (;;) {
    let hash = Infinity
    for (let n = 0; n < parts.length; n += 1) hash = Math.min(hash, hashAt(n))
    if (hash === Infinity) return encodeBucket(draft, coverage)
    for (const [n, { bucket, shift }] of parts.entries()) {
      if (hashAt(n) !== hash) continue
      eachOffset(runAt(bucket, terms[n] as number), (offset) => pushOffset(draft, shift + offset))
      terms[n] = (terms[n] as number) + 1
    }
    closeTerm(draft, hash)
  }
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

function columnsOf(
  { buffer, byteOffset, byteLength }: Uint8Array,
  count: number,
  coverage: Coverage,
): Bucket {
  const hashesAt = byteOffset + headerBytes
  const endsAt = hashesAt + 4 * count
  const unitsAt = endsAt + 4 * count
  return {
    hashes: new Uint32Array(buffer, hashesAt, count),
    ends: new Uint32Array(buffer, endsAt, count),
    units: new Uint16Array(buffer, unitsAt, (byteOffset + byteLength - unitsAt) / 2),
    bitUnits: bitUnitsOf(coverage),
  }
}

function wordsOf({ from, to }: Coverage): number {
  return Math.ceil((to - from) / 32)
}

function bitUnitsOf(coverage: Coverage): number {
  return 2 * wordsOf(coverage)
}

/** The events that have a term of this hash. */
export function runOf(bucket: Bucket, hash: number): Run {
  const { hashes } = bucket
  let low = 0
  let high = hashes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((hashes[middle] as number) < hash) low = middle + 1
    else high = middle
  }
  return hashes[low] === hash ? runAt(bucket, low) : noRun
}

function runAt({ ends, units, bitUnits }: Bucket, term: number): Run {
  const run = units.subarray(term === 0 ? 0 : ends[term - 1], ends[term])
  return run.length === bitUnits ? { bits: run } : { offsets: run }
}

/** Appends a bucket's pairs to postings of its segment. */
export function appendBucket(postings: Postings, bucket: Bucket): void {
  for (const [term, hash] of bucket.hashes.entries()) {
    eachOffset(runAt(bucket, term), (offset) => appendPosting(postings, hash, offset))
  }
}
