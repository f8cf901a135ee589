import { describe, expect, it } from 'vitest'
import { lastUpTo } from '../../src/projections/derived/offset-set.ts'
import {
  appendPosting,
  emptyPostings,
  type Postings,
  sortPostings,
} from '../../src/projections/derived/postings.ts'
import { addRun, eachOffset, type Run } from '../../src/projections/derived/run.ts'
import {
  appendBucket,
  type Bucket,
  bucketOf,
  decodeBucket,
  decodeStarts,
  encodeBuckets,
  encodeStarts,
  mergeBuckets,
  runOf,
} from '../../src/projections/derived/segment.ts'
import { hashEvent, hashTerm, type Term, termHashes } from '../../src/projections/derived/terms.ts'

const coverage = { seed: 0xfedcba98, from: 2 ** 40, to: 2 ** 40 + 600 }
/** Hashes all over the range, the least and the greatest among them; each is had by two events or by many. */
const hashes = Array.from({ length: 300 }, (_, n) => Math.floor((n * 0xffffffff) / 299))

function postings() {
  const pairs = emptyPostings()
  for (let offset = 0; offset < 600; offset += 1) {
    appendPosting(pairs, hashes[(offset * 7) % 300] as number, offset)
    appendPosting(pairs, 0x80000000, offset)
  }
  return pairs
}

function offsetsOf(bucket: Bucket, hash: number): number[] {
  const offsets: number[] = []
  eachOffset(runOf(bucket, hash), (offset) => offsets.push(offset))
  return offsets
}

const encoded = () => [...encodeBuckets(sortPostings(postings()), coverage)]

describe('a segment', () => {
  it('finds the offsets of each hash, ascending, in its bucket', () => {
    const buckets = encoded().map((row) => decodeBucket(row, coverage) ?? expect.fail())
    expect(buckets).toHaveLength(16)
    for (const hash of hashes) {
      const { hashes: all, offsets } = postings()
      const expected = [...offsets.subarray(0, 1200)].filter((_, at) => all[at] === hash)
      expect(offsetsOf(buckets[bucketOf(hash)] ?? expect.fail(), hash)).toEqual(expected)
    }
    const many = offsetsOf(buckets[8] ?? expect.fail(), 0x80000000)
    expect(many).toEqual(Array.from({ length: 600 }, (_, offset) => offset))
    expect(offsetsOf(buckets[8] ?? expect.fail(), 0x80000001)).toHaveLength(0)
  })

  it('has a row for each bucket, one without any hash included', () => {
    const none = [...encodeBuckets(emptyPostings(), coverage)]
    expect(none.map((row) => row.length)).toEqual(Array(16).fill(32))
    const bucket = decodeBucket(none[3] ?? expect.fail(), coverage) ?? expect.fail()
    expect(offsetsOf(bucket, 0x30000000)).toHaveLength(0)
  })

  it('is read from memory of any alignment', () => {
    const row = encoded()[0] ?? expect.fail()
    const odd = Buffer.concat([Buffer.alloc(3), row]).subarray(3)
    expect(decodeBucket(odd, coverage)).toEqual(decodeBucket(row, coverage))
  })

  it.each([
    ['seed', { ...coverage, seed: 1 }],
    ['beginning', { ...coverage, from: 2 ** 40 - 1 }],
    ['end', { ...coverage, to: 2 ** 40 + 601 }],
  ])('is no other one: the %s differs', (_, other) => {
    expect(decodeBucket(encoded()[0] ?? expect.fail(), other)).toBeUndefined()
  })

  it('is not read in another format', () => {
    const row = Buffer.from(encoded()[0] ?? [])
    row.writeUInt8(row.readUInt8(0) + 1)
    expect(decodeBucket(row, coverage)).toBeUndefined()
    expect(decodeBucket(row.subarray(0, 31), coverage)).toBeUndefined()
  })

  it('gives a term of many events a bit for each event', () => {
    const [row] = encoded().slice(8)
    const bucket = decodeBucket(row ?? expect.fail(), coverage) ?? expect.fail()
    expect(runOf(bucket, 0x80000000)).toEqual({ bits: expect.objectContaining({ length: 38 }) })
    // The others have 2 events each.
    expect(bucket.units).toHaveLength((bucket.hashes.length - 1) * 2 + 38)
  })

  it.each([
    ['37', 37, 'offsets'],
    ['38', 38, 'bits'],
  ])('of 600 events keeps a term of %s', (_, count, kind) => {
    const pairs = emptyPostings()
    for (let offset = 0; offset < count; offset += 1) appendPosting(pairs, 7, 16 * offset - offset)
    const [row] = [...encodeBuckets(pairs, coverage)]
    const bucket = decodeBucket(row ?? expect.fail(), coverage) ?? expect.fail()
    expect(Object.keys(runOf(bucket, 7))).toEqual([kind])
    expect(offsetsOf(bucket, 7)).toEqual(Array.from({ length: count }, (_, n) => 15 * n))
  })

  it('is merged of those that follow one another as if it had been made whole', () => {
    const { hashes: all, offsets, length } = postings()
    const third = (from: number): Postings => {
      const part = emptyPostings()
      for (let at = 0; at < length; at += 1) {
        const offset = (offsets[at] as number) - from
        if (offset >= 0 && offset < 200) appendPosting(part, all[at] as number, offset)
      }
      return part
    }
    const parts = [0, 200, 400].map((from) => {
      const of = { ...coverage, from: coverage.from + from, to: coverage.from + from + 200 }
      const rows = [...encodeBuckets(sortPostings(third(from)), of)]
      return rows.map((row) => ({
        bucket: decodeBucket(row, of) ?? expect.fail(),
        shift: from,
      }))
    })
    for (const [n, whole] of encoded().entries()) {
      const merged = mergeBuckets(
        parts.map((rows) => rows[n] ?? expect.fail()),
        coverage,
      )
      expect(Buffer.from(merged).equals(whole)).toBe(true)
    }
  })

  it('says in a row of its own where commits begin', () => {
    const starts = new Uint32Array(256)
    starts.set([0b1001, 0, 1 << 31])
    const row = encodeStarts(starts, coverage)
    expect(row).toHaveLength(32 + 4 * 19)
    expect(decodeStarts(row, coverage)).toEqual(starts.subarray(0, 19))
    expect(decodeStarts(row, { ...coverage, seed: 1 })).toBeUndefined()
    expect(decodeStarts(row, { ...coverage, to: coverage.to + 1 })).toBeUndefined()
    expect([0, 2, 3, 40, 94, 95, 600].map((offset) => lastUpTo(starts, offset))).toEqual([
      0, 0, 3, 3, 3, 95, 95,
    ])
    expect(lastUpTo(new Uint32Array(3), 90)).toBeUndefined()
  })

  it('goes back into postings', () => {
    const back = emptyPostings()
    for (const row of encoded()) appendBucket(back, decodeBucket(row, coverage) ?? expect.fail())
    const sorted = sortPostings(postings())
    expect(back.length).toBe(1200)
    expect(back.hashes.subarray(0, 1200)).toEqual(sorted.hashes)
    expect(back.offsets.subarray(0, 1200)).toEqual(sorted.offsets)
  })
})

describe('a run', () => {
  const bits = new Uint16Array([0b101, 0x8000, 1, 0])
  it.each<[string, Run]>([
    ['offsets', { offsets: [0, 2, 31, 32] }],
    ['bits', { bits }],
  ])('of %s goes into a set as far as that has room', (_, run) => {
    const [wide, narrow] = [new Uint32Array(3), new Uint32Array(1)]
    addRun(wide, run)
    addRun(narrow, run)
    expect([...wide]).toEqual([0x80000005, 1, 0])
    expect([...narrow]).toEqual([0x80000005])
  })
})

describe('the terms of an event', () => {
  const seed = 42
  const hashesOf = (subject: string, actor = 'svc/billing') => {
    const terms = termHashes(seed)
    hashEvent(terms, { type: 'secret.accessed', subject, actor })
    return [...terms.hashes.subarray(0, terms.count)]
  }
  const hash = (kind: Term['kind'], text: string) => hashTerm(seed, { kind, text })

  it('are its type, its subject and actor, and the ancestors of both', () => {
    expect(hashesOf('prod/db/password')).toEqual([
      hash('type', 'secret.accessed'),
      hash('under-subject', 'prod'),
      hash('under-subject', 'prod/db'),
      hash('subject', 'prod/db/password'),
      hash('under-actor', 'svc'),
      hash('actor', 'svc/billing'),
    ])
    expect(new Set(hashesOf('svc/billing')).size).toBe(5)
    expect(hashesOf('', 'x')).toHaveLength(3)
  })

  it('are others under another seed', () => {
    const term = { kind: 'subject', text: 'prod/db' } as const
    expect(hashTerm(1, term)).not.toBe(hashTerm(2, term))
  })

  it('stop at the eighth ancestor, which stands for all below', () => {
    const path = Array.from({ length: 250 }, (_, n) => `${n % 10}`).join('/')
    const found = hashesOf(path, path)
    expect(found).toHaveLength(19)
    expect(found).toContain(hash('under-subject', path.slice(0, 100)))
    expect(hash('under-subject', path.slice(0, 15))).toBe(hash('under-subject', path.slice(0, 99)))
    expect(hash('under-subject', path.slice(0, 13))).not.toBe(hash('under-subject', path))
  })
})
