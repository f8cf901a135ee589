import { expectOngoing } from '../../ongoing.ts'
import { applyPage, type ChangePage } from './change-page.ts'
import { type LifeOrder, noteChange, orderAfter, orderOf, type PathChanges } from './life-order.ts'
import type { Life, LifeTable } from './life-table.ts'

/** Where the columns are read from: the store, or memory for what no flush has taken yet. */
export interface ChangeSource {
  /** Positions that a page covers. */
  readonly pageEvents: number
  page(number: number): Promise<ChangePage>
  pages(from: number, to: number): AsyncIterable<ChangePage>
  /** The life table at the start of a page that has a base, as one of the caller's own. */
  base(page: number): Promise<LifeTable>
}

/** The lives of secrets with the first `size` events of the log. */
export interface LivesAt {
  readonly size: number
  /** In the order of UTF-16 code units. */
  readonly paths: readonly string[]
  life(path: string): Life | undefined
}

/** The lives at the start of a page. */
interface Stand {
  readonly page: number
  readonly table: LifeTable
  readonly order: LifeOrder
}

/** The moment looked at last, the page before it, and another moment beside which it is looked at. */
const standsMax = 3

/**
 * Lives at moments of the log: the nearest base before a moment, and the changes since. Where the page of a moment begins
 * is kept for the moments looked at last, so that their neighbours cost one page.
 */
export class Moments {
  readonly #source: ChangeSource
  #stands: readonly Stand[] = []

  constructor(source: ChangeSource) {
    this.#source = source
  }

  /** Throws `INTEGRITY` where a row is missing or stale, `ABORTED`. */
  async at(size: number, signal?: AbortSignal): Promise<LivesAt> {
    expectOngoing(signal)
    if (size === 0) return { size, paths: [], life: () => undefined }
    const { pageEvents } = this.#source
    const number = Math.floor((size - 1) / pageEvents)
    const page = await this.#source.page(number)
    const stand = await this.#standAt(page, signal)
    const table = stand.table.fork()
    const changes = this.#apply(table, page, size)
    const { paths, slots } = await orderAfter(stand.order, changes)
    return {
      size,
      paths,
      life: (path) => {
        const slot = slots.get(path)
        return slot === undefined ? undefined : table.life(slot)
      },
    }
  }

  async #standAt({ number, base }: ChangePage, signal?: AbortSignal): Promise<Stand> {
    const near = this.#stands
      .filter(({ page }) => page <= number && page >= base)
      .toSorted((a, b) => b.page - a.page)[0]
    // By way of the page before, which neighbours are as likely to be of.
    const from = near ?? (await this.#fromBase(base, Math.max(base, number - 1), signal))
    const stand = from.page === number ? from : await this.#moveOn(from, number, signal)
    const used = from === stand ? [stand] : [stand, from]
    const others = this.#stands.filter(({ page }) => used.every((each) => each.page !== page))
    this.#stands = [...used, ...others].slice(0, standsMax)
    return stand
  }

  async #fromBase(base: number, page: number, signal?: AbortSignal): Promise<Stand> {
    const table = await this.#source.base(base)
    await this.#applyAll(table, { from: base, to: page, signal })
    return { page, table, order: await orderOf(table, this.#stands[0]?.order) }
  }

  async #moveOn(from: Stand, page: number, signal?: AbortSignal): Promise<Stand> {
    const table = from.table.fork()
    const changes = await this.#applyAll(table, { from: from.page, to: page, signal })
    return { page, table, order: await orderAfter(from.order, changes) }
  }

  async #applyAll(
    table: LifeTable,
    { from, to, signal }: { from: number; to: number; signal: AbortSignal | undefined },
  ): Promise<PathChanges> {
    const changes: PathChanges = new Map()
    for await (const page of this.#source.pages(from, to)) {
      expectOngoing(signal)
      for (const [path, slot] of this.#apply(table, page, page.end)) changes.set(path, slot)
    }
    expectOngoing(signal)
    return changes
  }

  #apply(table: LifeTable, page: ChangePage, to: number): PathChanges {
    const changes: PathChanges = new Map()
    const first = page.number * this.#source.pageEvents
    applyPage(table, page, {
      first,
      to,
      onChange: (change) => noteChange(changes, table, change),
    })
    return changes
  }
}
