import { randomBytes } from '../../crypto/random.ts'
import { VaultError } from '../../errors.ts'
import { type ColumnLayout, type ColumnSizes, decodeLayout, encodeLayout } from './change-layout.ts'
import {
  applyPage,
  type ChangePage,
  changedIn,
  extentOf,
  type OpenPage,
  openPage,
  type PageExtent,
  pushAccess,
  pushChange,
  reopenPage,
} from './change-page.ts'
import { type ChangeRows, changeRows, readAhead } from './change-rows.ts'
import type { Capture, Keeper, RowChanges } from './keeper.ts'
import { LifeSlots } from './life-slots.ts'
import { type Life, type LifeChange, LifeTable } from './life-table.ts'
import { type LivesAt, Moments } from './lives-at.ts'
import type { SealedRows } from './sealed-rows.ts'

/** As many positions apart as make the rows between two bases outweigh a base: a slot of one takes as much as eight rows. */
const rowsPerSlot = 8

/** A base that no flush has taken yet. */
interface PendingBase {
  readonly page: number
  readonly table: LifeTable
}

/** What one capture writes, all of it fixed at its position. */
interface Plan {
  readonly pages: readonly { readonly page: OpenPage; readonly extent: PageExtent }[]
  readonly bases: readonly PendingBase[]
}

/** A change as an event tells it: the columns say where it stands, and of which life it is. */
export type PathChange = Omit<LifeChange, 'slot' | 'born'>

export interface ChangeColumnsOptions {
  readonly rows: SealedRows
  /** Of these columns alone: `keySpace(rowKinds.index, name)`. */
  readonly space: Uint8Array
  /** 4,096 and 131,072 by default. */
  readonly sizes?: ColumnSizes
}

/**
 * Every change of a secret and every access to its value, as columns: what is known of secrets at any position, without
 * reading the log. In memory are the lives of the secrets that there are, and what no flush has taken yet.
 *
 * @example
 * const columns = new ChangeColumns({ rows, space: keySpace(rowKinds.index, 'changes') })
 * columns.change('prod/db', { kind: 'written', position: 0, … })
 * columns.passed(0)
 * const { paths, life } = await columns.at(1)
 */
export class ChangeColumns implements Keeper {
  readonly #sealed: SealedRows
  readonly #space: Uint8Array
  readonly #sizes: ColumnSizes
  #rows: ChangeRows
  #moments: Moments
  #size = 0
  #table = new LifeTable()
  #slots = new LifeSlots()
  /** Pages that are not stored as far as they have come, and the last one unless it is complete. */
  #open: readonly OpenPage[] = []
  #last: OpenPage | undefined
  #bases: readonly PendingBase[] = []
  #base = 0
  #captured: Plan | undefined

  constructor({ rows, space, sizes = { page: 4_096, base: 131_072 } }: ChangeColumnsOptions) {
    this.#sealed = rows
    this.#space = space
    this.#sizes = sizes
    this.#rows = changeRows(rows, space, randomBytes(4).readUInt32BE())
    this.#moments = this.#newMoments()
  }

  /** How many events they have seen: the position that they take next. */
  get size(): number {
    return this.#size
  }

  /** The life at a path, as it stands. */
  life(path: string): Life | undefined {
    const slot = this.#slots.get(path)
    return slot === undefined ? undefined : this.#table.life(slot)
  }

  /** A value was handed out by the event at position `size`. */
  access(path: string, time: number): void {
    const slot = this.#slots.get(path)
    // No event says so of a path without a secret; one that did would be no access to any.
    if (slot === undefined) return
    pushAccess(this.#page(), slot, time)
    this.#table.access(slot, time)
  }

  /** A secret was changed by the event at position `size`; a path without one is that of a life that begins. */
  change(path: string, { kind, position, time, version, oldest, changed }: PathChange): void {
    const known = this.#slots.get(path)
    const slot = known ?? this.#slots.take(path)
    const born = known === undefined ? path : undefined
    const change = { kind, slot, position, time, version, oldest, changed, born }
    pushChange(this.#page(), change)
    this.#table.apply(change)
    if (kind === 'purged') this.#slots.free(path, slot)
  }

  /** The event at position `size` has been seen; any other is `INTEGRITY`. */
  passed(position: number): void {
    if (position !== this.#size) {
      throw new VaultError('INTEGRITY', 'the change columns take every event, in order', {
        expected: this.#size,
        found: position,
      })
    }
    const page = this.#page()
    this.#size = position + 1
    page.end = this.#size
    if (page.end === page.limit) this.#pageEnded()
  }

  #page(): OpenPage {
    const last = this.#last
    return last !== undefined && this.#size < last.limit ? last : this.#newPage()
  }

  #newPage(): OpenPage {
    const number = this.#size / this.#sizes.page
    const page = openPage({ number, base: this.#base, end: this.#size }, this.#sizes.page)
    this.#open = [...this.#open, page]
    this.#last = page
    return page
  }

  #pageEnded(): void {
    const apart = Math.max(this.#sizes.base, rowsPerSlot * this.#slots.taken)
    if (this.#size - this.#base * this.#sizes.page < apart) return
    this.#base = this.#size / this.#sizes.page
    this.#bases = [...this.#bases, { page: this.#base, table: this.#table.fork() }]
  }

  capture(): Capture {
    if (this.#captured !== undefined) {
      throw new VaultError('INVALID', 'expected the last capture to have ended')
    }
    const pages = this.#open.map((page) => ({ page, extent: extentOf(page) }))
    const plan = { pages, bases: this.#bases }
    this.#captured = plan
    const { seed } = this.#rows
    const layout: ColumnLayout = { seed, sizes: this.#sizes, size: this.#size, base: this.#base }
    return {
      meta: encodeLayout(layout),
      changes: () => this.#changes(plan),
      done: () => this.#done(plan),
      failed: () => {
        // All of it is in memory still, and the next capture takes it again.
        if (this.#captured === plan) this.#captured = undefined
      },
    }
  }

  *#changes({ pages, bases }: Plan): Iterable<RowChanges> {
    const rows = this.#rows
    for (const { page, table } of bases) {
      for (const row of rows.sealBase(page, table)) yield { put: [row] }
    }
    for (const { page, extent } of pages) yield { put: [rows.sealPage(page, extent)] }
  }

  #done(plan: Plan): void {
    // A reset in the meantime has let it go.
    if (this.#captured !== plan) return
    this.#captured = undefined
    const stored = new Set(
      plan.pages
        .filter(({ extent }) => extent.end % this.#sizes.page === 0)
        .map(({ page }) => page),
    )
    this.#open = this.#open.filter((page) => !stored.has(page))
    this.#bases = this.#bases.filter((base) => !plan.bases.includes(base))
  }

  /**
   * The lives with the first `size` events. Throws `INTEGRITY` when a row is missing or stale: the columns are to be built
   * again; `ABORTED`.
   */
  at(size: number, signal?: AbortSignal): Promise<LivesAt> {
    if (size > this.#size) throw new RangeError(`expected at most ${this.#size}, found ${size}`)
    return this.#moments.at(size, signal)
  }

  /** Positions from `from` to `to - 1` of events that changed a secret, ascending, in batches. Throws as `at` does. */
  async *changed(from: number, to: number): AsyncGenerator<readonly number[], void, undefined> {
    if (from >= to) return
    const { page: events } = this.#sizes
    const last = Math.floor((to - 1) / events)
    for await (const page of this.#pages(Math.floor(from / events), last + 1)) {
      const found = changedIn(page, { first: page.number * events, from, to })
      if (found.length > 0) yield found
    }
  }

  #newMoments(): Moments {
    return new Moments({
      pageEvents: this.#sizes.page,
      page: (number) => this.#readPage(number),
      pages: (from, to) => this.#pages(from, to),
      base: (page) => this.#readBase(page),
    })
  }

  #pages(from: number, to: number): AsyncIterable<ChangePage> {
    const numbers = Array.from({ length: Math.max(0, to - from) }, (_, n) => from + n)
    return readAhead(numbers, (number) => this.#readPage(number))
  }

  async #readPage(number: number): Promise<ChangePage> {
    const open = this.#open.find((page) => page.number === number)
    return open ?? this.#rows.page(number, (number + 1) * this.#sizes.page)
  }

  async #readBase(page: number): Promise<LifeTable> {
    if (page === 0) return new LifeTable()
    const pending = this.#bases.find((base) => base.page === page)
    return pending?.table.fork() ?? this.#rows.base(page)
  }

  async load(meta: Uint8Array): Promise<boolean> {
    const layout = decodeLayout(meta, this.#sizes)
    if (layout === undefined) return false
    this.#begin(layout.seed)
    try {
      await this.#load(layout)
      return true
    } catch (error) {
      if (error instanceof VaultError) return false
      throw error
    }
  }

  async #load({ size, base }: ColumnLayout): Promise<void> {
    const { page: events } = this.#sizes
    this.#table = await this.#readBase(base)
    for await (const page of this.#pages(base, Math.floor(size / events))) {
      applyPage(this.#table, page, { first: page.number * events, to: page.end })
    }
    if (size % events > 0) {
      const last = await this.#rows.page(Math.floor(size / events), size)
      applyPage(this.#table, last, { first: last.number * events, to: size })
      this.#last = reopenPage(last, events)
      this.#open = [this.#last]
    }
    this.#size = size
    this.#base = base
    this.#slots = await LifeSlots.of(this.#table)
  }

  reset(): void {
    this.#begin(randomBytes(4).readUInt32BE())
  }

  #begin(seed: number): void {
    this.#rows = changeRows(this.#sealed, this.#space, seed)
    this.#moments = this.#newMoments()
    this.#size = 0
    this.#table = new LifeTable()
    this.#slots = new LifeSlots()
    this.#open = []
    this.#last = undefined
    this.#bases = []
    this.#base = 0
    this.#captured = undefined
  }
}
