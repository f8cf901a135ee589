import type { OffsetSet } from './offset-set.ts'

/**
 * Which event has which term: (hash, offset) pairs in order of arrival, in columns that grow. Columns are only ever
 * appended to, so that whoever took them with their length may go on reading while they grow.
 */
export interface Postings {
  hashes: Uint32Array
  /** Of the event within its segment. */
  offsets: Uint16Array
  length: number
}

/** The mini being filled, and complete ones that are not on disk yet. */
export interface OpenMini {
  readonly from: number
  readonly postings: Postings
  /** Which of its events are the first of a commit. */
  readonly starts: OffsetSet
  to: number
  /** Its rows on disk cover `from` to `stored - 1`. */
  stored: number
}

const firstCapacity = 256

/** A mini that is to hold the events from `from` on, `events` of them. */
export function openMini(from: number, events: number): OpenMini {
  const starts = new Uint32Array(Math.ceil(events / 32))
  return { from, postings: emptyPostings(), starts, to: from, stored: from }
}

export function emptyPostings(capacity = firstCapacity): Postings {
  return { hashes: new Uint32Array(capacity), offsets: new Uint16Array(capacity), length: 0 }
}

export function appendPosting(postings: Postings, hash: number, offset: number): void {
  if (postings.length === postings.hashes.length) grow(postings)
  postings.hashes[postings.length] = hash
  postings.offsets[postings.length] = offset
  postings.length += 1
}

function grow(postings: Postings): void {
  const { hashes, offsets } = emptyPostings(2 * postings.hashes.length)
  hashes.set(postings.hashes)
  offsets.set(postings.offsets)
  postings.hashes = hashes
  postings.offsets = offsets
}

/** The offsets that stand beside one hash. */
export function offsetsIn({ hashes, offsets, length }: Readonly<Postings>, hash: number): number[] {
  const found: number[] = []
  for (let at = 0; at < length; at += 1) {
    if (hashes[at] === hash) found.push(offsets[at] as number)
  }
  return found
}

const digitBits = 11
const digits = 1 << digitBits

/**
 * The same pairs by ascending hash, those of one hash in their order: three stable passes of a radix sort, about 15 ns
 * a pair.
 */
export function sortPostings(postings: Readonly<Postings>): Readonly<Postings> {
  let from = postings
  for (let shift = 0; shift < 32; shift += digitBits) from = sortedByDigit(from, shift)
  return from
}

function sortedByDigit(
  { hashes, offsets, length }: Readonly<Postings>,
  shift: number,
): Readonly<Postings> {
  const starts = new Uint32Array(digits)
  for (let at = 0; at < length; at += 1) {
    const digit = ((hashes[at] as number) >>> shift) & (digits - 1)
    starts[digit] = (starts[digit] as number) + 1
  }
  let start = 0
  for (let digit = 0; digit < digits; digit += 1) {
    const count = starts[digit] as number
    starts[digit] = start
    start += count
  }
  const to = { hashes: new Uint32Array(length), offsets: new Uint16Array(length), length }
  for (let at = 0; at < length; at += 1) {
    const hash = hashes[at] as number
    const digit = (hash >>> shift) & (digits - 1)
    const place = starts[digit] as number
    starts[digit] = place + 1
    to.hashes[place] = hash
    to.offsets[place] = offsets[at] as number
  }
  return to
}
