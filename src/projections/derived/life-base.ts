import { Packr } from 'msgpackr'
import { chunkSlots, type LifeChunk, type LifeTable, slotNumbers } from './life-table.ts'

/*
 * A base is the life table at the start of a page, a row a chunk; a table without any has an empty chunk all the same, so
 * that a row which is missing is missed.
 *
 * chunk := msgpack [mark, chunks, numbers, [path or nil, …]]
 * mark  := format u32 ‖ seed u32 ‖ page u32 ‖ number of the chunk u32           in the order of the machine
 * numbers := f64 × 13 of each slot up to the last path
 *
 * As with pages, a seed and a page fix the content.
 */

const format = 1
const packr = new Packr({ useRecords: false, variableMapSize: true })

/** Which base a row is of. */
export interface BasePlace {
  readonly seed: number
  /** The page at whose start it stands. */
  readonly page: number
}

export function chunksOf(table: LifeTable): number {
  return Math.max(1, table.chunks.length)
}

export function encodeChunk(table: LifeTable, n: number, { seed, page }: BasePlace): Buffer {
  const { numbers, paths } = table.chunks[n] ?? { numbers: new Float64Array(0), paths: [] }
  const used = numbers.subarray(0, paths.length * slotNumbers)
  return packr.pack([
    new Uint8Array(Uint32Array.of(format, seed, page, n).buffer),
    chunksOf(table),
    new Uint8Array(used.buffer, used.byteOffset, used.byteLength),
    Array.from(paths, (path) => path ?? null),
  ])
}

type Stored = readonly [
  mark: Uint8Array,
  chunks: number,
  numbers: Uint8Array,
  paths: readonly (string | null)[],
]

/** A chunk and how many its base has; undefined for a row of another format, seed, page or chunk. */
export function decodeChunk(
  plain: Uint8Array,
  n: number,
  { seed, page }: BasePlace,
): { readonly chunk: LifeChunk; readonly chunks: number } | undefined {
  const [marked, chunks, stored, paths] = packr.unpack(plain) as Stored
  const mark = new Uint32Array(new Uint8Array(marked).buffer)
  const ours = mark[0] === format && mark[1] === seed && mark[2] === page && mark[3] === n
  if (!ours) return undefined
  const numbers = new Float64Array(chunkSlots * slotNumbers)
  new Uint8Array(numbers.buffer).set(stored)
  return { chunk: { numbers, paths: paths.map((path) => path ?? undefined) }, chunks }
}
