import { setImmediate as turn } from 'node:timers/promises'
import { VaultError } from '../../errors.ts'
import type { Row } from '../../store/port.ts'
import {
  type ChangePage,
  decodePage,
  encodePage,
  type OpenPage,
  type PageExtent,
} from './change-page.ts'
import { chunksOf, decodeChunk, encodeChunk } from './life-base.ts'
import { type LifeChunk, LifeTable } from './life-table.ts'
import { rowKey, type SealedRows } from './sealed-rows.ts'

/*
 * key := space ‖ 'c' ‖ page u32                    change-page.ts
 *      | space ‖ 'b' ‖ page u32 ‖ chunk u32        life-base.ts
 */
const parts = { page: 0x63, base: 0x62 } as const

/** Rows that are read at once: each waits for the disk, and opening them keeps the event loop for under a millisecond. */
const readAtOnce = 8

/** The rows that one seed made. What is missing or stale is `INTEGRITY`: the columns are to be built again. */
export interface ChangeRows {
  readonly seed: number
  /** A page as it was stored when it covered the positions below `end`. */
  page(number: number, end: number): Promise<ChangePage>
  /** The base at the start of a page, as a table of its own. */
  base(page: number): Promise<LifeTable>
  sealPage(page: OpenPage, extent: PageExtent): Row
  sealBase(page: number, table: LifeTable): Iterable<Row>
}

export function changeRows(rows: SealedRows, space: Uint8Array, seed: number): ChangeRows {
  const pageKey = (page: number) => rowKey(space, parts.page, page)
  const chunkKey = (page: number, n: number) => rowKey(space, parts.base, page, n)

  async function page(number: number, end: number): Promise<ChangePage> {
    const plain = await rows.get(pageKey(number))
    const found = plain && decodePage(plain, { seed, number, end })
    return found ?? missing(`page ${number}`)
  }

  async function chunk(base: number, n: number) {
    const plain = await rows.get(chunkKey(base, n))
    const found = plain && decodeChunk(plain, n, { seed, page: base })
    return found ?? missing(`chunk ${n} of the base at page ${base}`)
  }

  async function base(number: number): Promise<LifeTable> {
    const { chunk: first, chunks } = await chunk(number, 0)
    const all: LifeChunk[] = [first]
    const numbers = Array.from({ length: chunks - 1 }, (_, n) => n + 1)
    for await (const each of readAhead(numbers, (n) => chunk(number, n))) all.push(each.chunk)
    return new LifeTable(all)
  }

  return {
    seed,
    page,
    base,
    sealPage: (open, extent) => rows.seal(pageKey(open.number), encodePage(open, seed, extent)),
    *sealBase(number, table) {
      for (let n = 0; n < chunksOf(table); n += 1) {
        yield rows.seal(chunkKey(number, n), encodeChunk(table, n, { seed, page: number }))
      }
    },
  }
}

/** What `read` gives of each, in order, a few at once; other work of the process gets its turn after each. */
export async function* readAhead<K, V>(
  keys: readonly K[],
  read: (key: K) => Promise<V>,
): AsyncGenerator<V, void, void> {
  for (let at = 0; at < keys.length; at += readAtOnce) {
    for (const value of await Promise.all(keys.slice(at, at + readAtOnce).map(read))) {
      yield value
      await turn()
    }
  }
}

function missing(what: string): never {
  throw new VaultError('INTEGRITY', `${what} of the change columns is missing or stale`)
}
