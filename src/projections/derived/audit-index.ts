import { breather } from '../../breather.ts'
import { randomBytes } from '../../crypto/random.ts'
import { VaultError } from '../../errors.ts'
import type { VaultEvent } from '../../events/catalogue.ts'
import { changesOf, grownOf, type Plan } from './capture-plan.ts'
import { type CommitFinder, type CommitStarts, commitFinder } from './commit-finder.ts'
import {
  decodeLayout,
  encodeLayout,
  minisOf,
  type SegmentSizes,
  type StoredSegment,
  segmentAt,
} from './index-layout.ts'
import type { Capture, Keeper } from './keeper.ts'
import { matchSegment, type SegmentQuery } from './match.ts'
import { isComplete, type Merge, mergeNext } from './merge.ts'
import { addOffset } from './offset-set.ts'
import { appendPosting, type OpenMini, offsetsIn, openMini } from './postings.ts'
import type { SealedRows } from './sealed-rows.ts'
import { appendBucket, bucketsPerSegment } from './segment.ts'
import { type SegmentRows, segmentRows } from './segment-rows.ts'
import { hashEvent, hashTerm, type Term, type TermHashes, termHashes } from './terms.ts'

type Segment = OpenMini | StoredSegment

export interface AuditIndexOptions {
  readonly rows: SealedRows
  /** Of this index alone: `keySpace(rowKinds.index, name)`. */
  readonly space: Uint8Array
  /** 8,192 and 65,536 by default. */
  readonly sizes?: SegmentSizes
}

export interface CandidateQuery {
  /** Of each group, an event has one term at least. No group: every event. */
  readonly groups: readonly (readonly Term[])[]
  /** Positions from `from` to `to - 1`. */
  readonly from: number
  readonly to: number
  readonly order: 'oldest' | 'newest'
}

/**
 * Which events have which terms, and where commits begin, over the whole log, with nothing in memory but the last mini segment and what no flush
 * has taken yet.
 *
 * @example
 * const index = new AuditIndex({ rows, space: keySpace(rowKinds.index, 'audit') })
 * for (const { first, events } of commits) {
 *   index.begin(first)
 *   for (const event of events) index.add(event)
 * }
 * const query = { groups: [[{ kind: 'actor', text: 'user/ana' }]], from: 0, to: index.size }
 * for await (const positions of index.candidates({ ...query, order: 'newest' })) …
 */
export class AuditIndex implements Keeper {
  readonly #sealed: SealedRows
  readonly #space: Uint8Array
  readonly #sizes: SegmentSizes
  #rows: SegmentRows
  #terms: TermHashes
  #size = 0
  #open: OpenMini[] = []
  #fulls = 0
  #swept = 0
  #merge: Merge | undefined
  #captured: Plan | undefined

  constructor({ rows, space, sizes = { mini: 8_192, full: 65_536 } }: AuditIndexOptions) {
    this.#sealed = rows
    this.#space = space
    this.#sizes = sizes
    const seed = randomBytes(4).readUInt32BE()
    this.#rows = segmentRows(rows, space, seed)
    this.#terms = termHashes(seed)
  }

  /** How many events it holds: the position it takes next. */
  get size(): number {
    return this.#size
  }

  /** Takes it that the event at `first`, if that is the next one, is the first of a commit. */
  begin(first: number): void {
    if (first !== this.#size) return
    const mini = this.#lastMini()
    addOffset(mini.starts, first - mini.from)
  }

  /** Takes the event at position `size`; any other is `INTEGRITY`. */
  add(event: Pick<VaultEvent, 'position' | 'type' | 'subject' | 'actor'>): void {
    if (event.position !== this.#size) {
      throw new VaultError('INTEGRITY', 'the audit index takes every event, in order', {
        expected: this.#size,
        found: event.position,
      })
    }
    const mini = this.#lastMini()
    const offset = this.#size - mini.from
    const terms = this.#terms
    hashEvent(terms, event)
    for (let at = 0; at < terms.count; at += 1) {
      appendPosting(mini.postings, terms.hashes[at] as number, offset)
    }
    this.#size += 1
    mini.to = this.#size
  }

  #lastMini(): OpenMini {
    const last = this.#open.at(-1)
    if (last !== undefined && last.to < last.from + this.#sizes.mini) return last
    const from = this.#size
    const mini = openMini(from, this.#sizes.mini)
    this.#open.push(mini)
    return mini
  }

  capture(): Capture {
    if (this.#captured !== undefined) {
      throw new VaultError('INVALID', 'expected the last capture to have ended')
    }
    const plan = this.#plan()
    const { fulls, swept } = plan
    const about = { rows: this.#rows, sizes: this.#sizes }
    const layout = { seed: this.#rows.seed, sizes: this.#sizes, size: this.#size, fulls, swept }
    this.#captured = plan
    return {
      meta: encodeLayout(layout),
      changes: () => changesOf(plan, about),
      done: () => this.#done(plan),
      failed: () => {
        // All of it is in memory still, and the next capture takes it again.
        if (this.#captured === plan) this.#captured = undefined
      },
    }
  }

  #plan(): Plan {
    const merge = this.#merge !== undefined && isComplete(this.#merge) ? this.#merge : undefined
    const grown = grownOf(this.#open)
    return {
      grown,
      merge,
      fulls: this.#fulls + (merge ? 1 : 0),
      from: this.#swept,
      swept: this.#fulls,
    }
  }

  #done(plan: Plan): void {
    // A reset in the meantime has let it go.
    if (this.#captured !== plan) return
    this.#captured = undefined
    for (const { mini, copy } of plan.grown) mini.stored = copy.to
    this.#open = this.#open.filter(({ from, stored }) => stored < from + this.#sizes.mini)
    this.#fulls = plan.fulls
    this.#swept = plan.swept
    if (plan.merge !== undefined) this.#merge = undefined
  }

  /**
   * Merges the next row of the full segment that is due. `INTEGRITY`, when a row is missing or stale, means that
   * the index is to be built again.
   */
  async step(): Promise<boolean> {
    this.#merge ??= this.#dueMerge()
    const merge = this.#merge
    if (merge === undefined || isComplete(merge)) return false
    const doubtful = await mergeNext(merge, this.#rows)
    // A reset in the meantime has let the merge go, and the rows with it.
    if (this.#merge !== merge) return false
    if (doubtful !== undefined) throw missing(doubtful)
    return !isComplete(merge)
  }

  #dueMerge(): Merge | undefined {
    const full = segmentAt(this.#sizes, 'full', this.#fulls * this.#sizes.full)
    // On disk, complete minis cover the positions below the first open one.
    const storedEnd = this.#open[0]?.from ?? this.#size
    if (full.to > storedEnd) return undefined
    return { full, minis: minisOf(this.#sizes, full.number), rows: [] }
  }

  /**
   * Ascending or descending positions below `size` of events that may match, in batches: every one that has the
   * terms, and now and then one that has not. Segments are read as they are asked for, so whoever stops early pays for
   * what was seen.
   *
   * Throws `INTEGRITY` when a row is missing or stale: the index is to be built again; and `CONFLICT` when that
   * happened meanwhile.
   */
  async *candidates(query: CandidateQuery): AsyncGenerator<readonly number[], void, undefined> {
    const rows = this.#rows
    const breathe = breather()
    const groups = query.groups.map((terms) => terms.map((term) => hashTerm(rows.seed, term)))
    let from = Math.max(query.from, 0)
    let to = Math.min(query.to, this.#size)
    while (from < to) {
      if (this.#rows !== rows) throw new VaultError('CONFLICT', 'the audit index was built again')
      const segment = this.#segmentAt(query.order === 'oldest' ? from : to - 1)
      const span = { from: Math.max(from, segment.from), to: Math.min(to, segment.to) }
      const found = await this.#match(segment, { base: segment.from, ...span, groups }, rows)
      // The segment has given way to another meanwhile: what is there is asked for again.
      if (found === undefined) continue
      if (query.order === 'oldest') from = span.to
      else to = span.from
      await breathe()
      if (found.length > 0) yield query.order === 'oldest' ? found : found.reverse()
    }
  }

  /**
   * Finds the commits that events below `size` are in, by what is read as it is asked for. It is of use for one look:
   * of a position behind what it has read it asks again.
   *
   * Throws as `candidates` does.
   */
  commits(): CommitFinder {
    const rows = this.#rows
    return commitFinder((position) => this.#startsAt(position, rows))
  }

  async #startsAt(position: number, rows: SegmentRows): Promise<CommitStarts> {
    for (;;) {
      if (this.#rows !== rows) throw new VaultError('CONFLICT', 'the audit index was built again')
      const segment = this.#segmentAt(position)
      const { from, to } = segment
      if ('postings' in segment) return { from, to, starts: segment.starts }
      const starts = await rows.readStarts(segment)
      if (starts !== undefined) return { from, to, starts }
      // Gone for a merge or a reset, it is asked for again.
      if (this.#rows === rows && !this.#isMerged(segment)) throw missing(segment)
    }
  }

  /** Undefined when the segment's rows have gone, for a merge or a reset. */
  async #match(
    segment: Segment,
    query: SegmentQuery,
    rows: SegmentRows,
  ): Promise<number[] | undefined> {
    if ('postings' in segment) {
      return matchSegment(query, (hash) => ({
        offsets: offsetsIn(segment.postings, hash),
      }))
    }
    const found = await matchSegment(query, (hash) => rows.find(segment, hash))
    const gone = this.#rows !== rows || this.#isMerged(segment)
    if (found === undefined && !gone) throw missing(segment)
    return found
  }

  #segmentAt(position: number): Segment {
    const full = segmentAt(this.#sizes, 'full', position)
    if (full.number < this.#fulls) return full
    const mini = segmentAt(this.#sizes, 'mini', position)
    return this.#open.find(({ from }) => from === mini.from) ?? mini
  }

  #isMerged({ part, to }: StoredSegment): boolean {
    return part === 'mini' && to <= this.#fulls * this.#sizes.full
  }

  async load(meta: Uint8Array): Promise<boolean> {
    const layout = decodeLayout(meta, this.#sizes)
    if (layout === undefined) return false
    this.#begin(layout.seed)
    this.#size = layout.size
    this.#fulls = layout.fulls
    this.#swept = layout.swept
    try {
      return await this.#loadLastMini()
    } catch (error) {
      if (error instanceof VaultError) return false
      throw error
    }
  }

  /** Takes the mini that is not complete back into memory, where it grows on. */
  async #loadLastMini(): Promise<boolean> {
    const segment = { ...segmentAt(this.#sizes, 'mini', this.#size), to: this.#size }
    if (segment.from === segment.to) return true
    const reads = Array.from({ length: bucketsPerSegment }, (_, n) => this.#rows.read(segment, n))
    const mini = openMini(segment.from, this.#sizes.mini)
    for (const bucket of await Promise.all(reads)) {
      if (bucket === undefined) return false
      appendBucket(mini.postings, bucket)
    }
    const starts = await this.#rows.readStarts(segment)
    if (starts === undefined) return false
    mini.starts.set(starts)
    mini.to = segment.to
    mini.stored = segment.to
    this.#open.push(mini)
    return true
  }

  reset(): void {
    this.#begin(randomBytes(4).readUInt32BE())
  }

  #begin(seed: number): void {
    this.#rows = segmentRows(this.#sealed, this.#space, seed)
    this.#terms = termHashes(seed)
    this.#size = 0
    this.#open = []
    this.#fulls = 0
    this.#swept = 0
    this.#merge = undefined
    this.#captured = undefined
  }
}

function missing({ part, number }: StoredSegment): VaultError {
  return new VaultError(
    'INTEGRITY',
    `a row of ${part} segment ${number} of the audit index is missing or stale`,
  )
}
