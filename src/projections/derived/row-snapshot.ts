import { setImmediate as tick } from 'node:timers/promises'
import { randomBytes } from '../../crypto/random.ts'
import { VaultError } from '../../errors.ts'
import type { Capture, Keeper, RowChanges } from './keeper.ts'
import { decodePage, type Entry, encodePage } from './row-page.ts'
import type { SealedRows } from './sealed-rows.ts'
import {
  type Base,
  type Deltas,
  decodeLayout,
  encodeLayout,
  type Layout,
  nothingStored,
  pagesOf,
  type RowSpan,
  recordsOf,
  stampBytes,
} from './snapshot-layout.ts'
import type { Touched, TrackedMap } from './tracked-map.ts'

/** Rows that a capture walks: at least so many pages; two for each row touched, so that the walk outruns the writes. */
const walkPagesMin = 8
const walkRatio = 2
const walkRowsMax = 16_384
const keysPerStep = 1024
const rowsPerTick = 8

type Page<V> = readonly Entry<V>[]

/** A base as this capture leaves it, and the pages that it adds. */
interface Advance<V> {
  readonly base: Base
  readonly pages: readonly Page<V>[]
  readonly complete: boolean
}

/** What one capture writes, all of it fixed at its position. */
interface Plan<V> {
  readonly before: Layout
  readonly after: Layout
  readonly touched: Touched<V>
  /** One for each record that they fill. */
  readonly stamps: readonly Buffer[]
  readonly advance: Advance<V> | undefined
}

export interface RowSnapshotOptions<V> {
  readonly rows: SealedRows
  /** Of this projection alone: `keySpace(rowKinds.snapshot, name)`. */
  readonly space: Uint8Array
  /** The projection's state, empty at first. It is filled and emptied in place. */
  readonly map: TrackedMap<V>
  /** Rows in one page of the base. */
  readonly pageRows?: number
  /** Rows in one record of a delta. */
  readonly recordRows?: number
  /** A new base is started once the deltas hold more rows than this, and than half the map. */
  readonly deltaRowsMin?: number
}

/**
 * Keeps a `Map` of rows by what was touched: a flush writes as much as has changed, and a load reads at most about
 * twice the state. The order of the map's keys is not kept.
 *
 * @example
 * const map = new TrackedMap<Rotation>()
 * const keeper = new RowSnapshot({ rows, space: keySpace(rowKinds.snapshot, 'rotations'), map })
 * const loaded = await keeper.load(meta)
 */
export class RowSnapshot<V> implements Keeper {
  readonly #rows: SealedRows
  readonly #space: Uint8Array
  readonly #map: TrackedMap<V>
  readonly #pageRows: number
  readonly #recordRows: number
  readonly #deltaRowsMin: number
  #layout = nothingStored
  /** Where the started base has got to; absent when its walk was lost, and done with when there is none. */
  #walk: Iterator<[string, V]> | undefined
  #captured: Plan<V> | undefined

  constructor({ rows, space, map, ...sizes }: RowSnapshotOptions<V>) {
    this.#rows = rows
    this.#space = space
    this.#map = map
    this.#pageRows = sizes.pageRows ?? 256
    this.#recordRows = sizes.recordRows ?? 512
    this.#deltaRowsMin = sizes.deltaRowsMin ?? 16_384
  }

  capture(): Capture {
    if (this.#captured !== undefined) {
      throw new VaultError('INVALID', 'expected the last capture to have ended')
    }
    const plan = this.#plan(this.#map.takeTouched())
    this.#captured = plan
    return {
      meta: encodeLayout(plan.after),
      changes: () => this.#changes(plan),
      done: () => {
        if (this.#end(plan)) this.#layout = plan.after
      },
      failed: () => {
        if (!this.#end(plan)) return
        this.#map.giveBack(plan.touched)
        // Its pages may lie nowhere, and the iterator does not go back: the next capture starts another base.
        this.#walk = undefined
      },
    }
  }

  /** False for a capture that a reset has let go. */
  #end(plan: Plan<V>): boolean {
    if (this.#captured !== plan) return false
    this.#captured = undefined
    return true
  }

  #plan(touched: Touched<V>): Plan<V> {
    const before = this.#layout
    const count = Math.ceil(touched.size / this.#recordRows)
    const stamps = Array.from({ length: count }, () => randomBytes(stampBytes))
    const deltas = {
      end: before.deltas.end + count,
      stamp: stamps.at(-1) ?? before.deltas.stamp,
      rows: before.deltas.rows + touched.size,
    }
    const advance = this.#advance(deltas, touched.size)
    const after = advance?.complete
      ? { base: advance.base, deltas, started: null }
      : { base: before.base, deltas, started: advance?.base ?? null }
    return { before, after, touched, stamps, advance }
  }

  /** Takes the next pages of the base under way, or the first of one that is due. */
  #advance(deltas: Deltas, touched: number): Advance<V> | undefined {
    const { base, started } = this.#layout
    let from = started
    if (from === null || this.#walk === undefined) {
      const due = Math.max(this.#deltaRowsMin, this.#map.size / 2)
      if (deltas.rows - base.rowsBefore <= due) return undefined
      this.#walk = this.#map.entries()
      from = {
        generation: (started ?? base).generation + 1,
        stamp: randomBytes(stampBytes),
        pages: 0,
        firstDelta: deltas.end,
        rowsBefore: deltas.rows,
      }
    }
    const wanted = Math.max(walkPagesMin * this.#pageRows, walkRatio * touched)
    const walked = take(this.#walk, Math.min(wanted, walkRowsMax))
    const pages = inPieces(walked.items, this.#pageRows)
    const grown = { ...from, pages: from.pages + pages.length }
    return { base: grown, pages, complete: walked.ended }
  }

  *#changes(plan: Plan<V>): Iterable<RowChanges> {
    const { before, after, advance } = plan
    // A base that was started and completed by this very capture holds the touched rows already.
    if (after.base.firstDelta < after.deltas.end) yield* this.#deltaChanges(plan)
    if (advance !== undefined) yield* this.#pageChanges(advance)
    yield* this.#removals(before, after)
  }

  *#deltaChanges({ before, after, touched, stamps }: Plan<V>): Iterable<RowChanges> {
    const { from, keyOf } = recordsOf(this.#space, before.deltas.end, after.deltas.end)
    const rows = touched.entries()
    let last = before.deltas.stamp
    for (const [n, stamp] of stamps.entries()) {
      const page = encodePage(take(rows, this.#recordRows).items)
      yield { put: [this.#rows.seal(keyOf(from + n), Buffer.concat([last, stamp, page]))] }
      last = stamp
    }
  }

  *#pageChanges({ base, pages }: Advance<V>): Iterable<RowChanges> {
    const { end, keyOf } = pagesOf(this.#space, base)
    for (const [n, page] of pages.entries()) {
      const plain = Buffer.concat([base.stamp, encodePage(page)])
      yield { put: [this.#rows.seal(keyOf(end - pages.length + n), plain)] }
    }
  }

  /** Removes what `before` names and `after` does not. */
  *#removals(before: Layout, after: Layout): Iterable<RowChanges> {
    const kept = [after.base.generation, after.started?.generation]
    for (const base of [before.base, before.started]) {
      if (base !== null && !kept.includes(base.generation)) {
        yield* removeEach(pagesOf(this.#space, base))
      }
    }
    const end = Math.min(after.base.firstDelta, before.deltas.end)
    yield* removeEach(recordsOf(this.#space, before.base.firstDelta, end))
  }

  async load(meta: Uint8Array): Promise<boolean> {
    const layout = decodeLayout(meta)
    if (layout === undefined) return false
    try {
      const records = await this.#readDeltas(layout)
      if (records === undefined || !(await this.#restoreAll(layout.base, records))) return false
    } catch (error) {
      if (error instanceof VaultError) return false
      throw error
    }
    this.#layout = layout
    return true
  }

  /** The pages of the deltas, oldest first, once the chain of their stamps has been checked. */
  async #readDeltas({ base, deltas }: Layout): Promise<Buffer[] | undefined> {
    const pages: Buffer[] = []
    let last: Buffer | undefined
    const records = recordsOf(this.#space, base.firstDelta, deltas.end)
    const whole = await this.#eachRow(records, (plain) => {
      // What came before the first record has gone; its own stamp is checked by its successor, or by the meta.
      if (last !== undefined && !plain.subarray(0, stampBytes).equals(last)) return false
      last = plain.subarray(stampBytes, 2 * stampBytes)
      pages.push(plain.subarray(2 * stampBytes))
      return true
    })
    return whole && (last === undefined || last.equals(deltas.stamp)) ? pages : undefined
  }

  /** From the newest to the oldest, so that each row is made once: the first that is met of a key stands. */
  async #restoreAll(base: Base, records: Buffer[]): Promise<boolean> {
    const map = this.#map
    const removed = new Set<string>()
    const restore = (page: Uint8Array) => {
      const isNew = (key: string) => !map.has(key) && !removed.has(key)
      for (const [key, row] of decodePage<V>(page, isNew)) {
        if (row === undefined) removed.add(key)
        else map.restore(key, row)
      }
    }
    for (let page = records.pop(); page !== undefined; page = records.pop()) {
      restore(page)
      if (records.length % rowsPerTick === 0) await tick()
    }
    return this.#eachRow(pagesOf(this.#space, base), (plain) => {
      if (!plain.subarray(0, stampBytes).equals(base.stamp)) return false
      restore(plain.subarray(stampBytes))
      return true
    })
  }

  /** False when a row is missing or refused. */
  async #eachRow(
    { from, end, keyOf }: RowSpan,
    visit: (plain: Buffer) => boolean,
  ): Promise<boolean> {
    let next = from
    if (next === end) return true
    for await (const batch of this.#rows.range(keyOf(from), keyOf(end))) {
      for (const [key, plain] of batch) {
        if (!key.equals(keyOf(next)) || !visit(plain)) return false
        next += 1
        if (next % rowsPerTick === 0) await tick()
      }
    }
    return next === end
  }

  reset(): void {
    this.#map.clear()
    this.#map.takeTouched()
    this.#layout = nothingStored
    this.#walk = undefined
    this.#captured = undefined
  }
}

function inPieces<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const pieces: (readonly T[])[] = []
  for (let at = 0; at < items.length; at += size) pieces.push(items.slice(at, at + size))
  return pieces
}

function take<T>(from: Iterator<T>, count: number): { items: readonly T[]; ended: boolean } {
  const items: T[] = []
  while (items.length < count) {
    const next = from.next()
    if (next.done === true) return { items, ended: true }
    items.push(next.value)
  }
  return { items, ended: false }
}

function* removeEach({ from, end, keyOf }: RowSpan): Iterable<RowChanges> {
  for (let at = from; at < end; at += keysPerStep) {
    const length = Math.min(keysPerStep, end - at)
    yield { remove: Array.from({ length }, (_, n) => keyOf(at + n)) }
  }
}
