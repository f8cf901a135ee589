import { Packr } from 'msgpackr'
import { rowKey } from './sealed-rows.ts'

/*
 * key   := space ‖ 'p' ‖ generation u32 ‖ page u32  |  space ‖ 'd' ‖ record u32
 * page  := stamp(16) ‖ rows of the base             rows: see row-page.ts
 * delta := stamp of the record before(16) ‖ stamp(16) ‖ rows touched, absolute, or marks of their removal
 * meta  := msgpack [format, { base, deltas, started: a base or nil }]
 *
 * State = pages of the base, then the deltas written since that base was *started*, in order. A base is walked by a
 * live iterator over several captures, so its pages show the map at several positions, and a row may stand there
 * older or newer than its neighbour. Whatever was touched since the start stands in a delta with its value at its
 * capture, so that the deltas, applied on top, make all rows those of the last capture. A row that is removed and
 * added again while the iterator is on its way may be met twice: the deltas settle that too.
 *
 * Stale rows: each record names the stamp of the one before it and the meta names the last, and each page carries
 * the stamp of its base. Stamps are random and drawn anew for whatever is encoded, so a row that was put back, left
 * over or exchanged breaks the chain.
 *
 * A capture is one atomic write, meta included. A crash
 * - before it: the meta names what the capture before it named, and all of that is still there, since rows are
 *   removed only together with the meta that ceases to name them;
 * - after it, with a base under way: the meta names the complete base, and the pages of the started one as what is
 *   to be removed. The walk's iterator is lost, and another walk begins under another generation;
 * - after the one in which the walk ended: the meta names the new base and the deltas since its start; the
 *   old pages and the older deltas have gone in the same write.
 */

const format = 1
const part = { page: 0x70, delta: 0x64 } as const

export const stampBytes = 16

export interface Base {
  readonly generation: number
  readonly stamp: Buffer
  readonly pages: number
  /** The first delta that it needs. */
  readonly firstDelta: number
  /** Rows in the deltas before `firstDelta`, of all since the projection began. */
  readonly rowsBefore: number
}

export interface Deltas {
  readonly end: number
  /** Of the last record. */
  readonly stamp: Buffer
  /** Rows in all deltas since the projection began. */
  readonly rows: number
}

export interface Layout {
  readonly base: Base
  readonly deltas: Deltas
  readonly started: Base | null
}

export const nothingStored: Layout = {
  base: { generation: 0, stamp: Buffer.alloc(stampBytes), pages: 0, firstDelta: 0, rowsBefore: 0 },
  deltas: { end: 0, stamp: Buffer.alloc(stampBytes), rows: 0 },
  started: null,
}

const packr = new Packr({ useRecords: false, variableMapSize: true, copyBuffers: true })

export function encodeLayout(layout: Layout): Buffer {
  return packr.pack([format, layout])
}

/** Undefined for a meta of another format. */
export function decodeLayout(meta: Uint8Array): Layout | undefined {
  const [found, layout] = packr.unpack(meta) as readonly [number, Layout]
  return found === format ? layout : undefined
}

/** Rows with consecutive numbers: `from` to `end - 1`. */
export interface RowSpan {
  readonly from: number
  readonly end: number
  readonly keyOf: (number: number) => Buffer
}

export function pagesOf(space: Uint8Array, { generation, pages }: Base): RowSpan {
  const keyOf = (page: number) => rowKey(space, part.page, generation, page)
  return { from: 0, end: pages, keyOf }
}

export function recordsOf(space: Uint8Array, from: number, end: number): RowSpan {
  return { from, end, keyOf: (record) => rowKey(space, part.delta, record) }
}
