import { Packr } from 'msgpackr'
import { keySpace, rowKey, rowKinds } from './derived/sealed-rows.ts'

/*
 * key      := space of "snapshots" ‖ 'm'
 * manifest := msgpack [format, position, frontier, [[name, version, position, meta], …]]
 *
 * One row says what all snapshots consist of and at which position and tree they were taken; it is written in the
 * same atomic batch as they are.
 */
const format = 2
export const manifestKey = rowKey(keySpace(rowKinds.meta, 'snapshots'), 0x6d)
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  copyBuffers: true,
  int64AsType: 'number',
})

/** One projection's snapshot: of which version and position, and what its keeper needs to find it. */
export interface Stored {
  readonly version: number
  readonly position: number
  readonly meta: Uint8Array
}

export interface Manifest {
  readonly position: number
  /** The Merkle frontier at that position, encoded. */
  readonly frontier: Uint8Array
  readonly folds: ReadonlyMap<string, Stored>
}

export function packManifest({ position, frontier, folds }: Manifest): Buffer {
  const entries = [...folds].map(([name, { version, position, meta }]) => [
    name,
    version,
    BigInt(position),
    meta,
  ])
  return packr.pack([format, BigInt(position), frontier, entries])
}

export function readManifest(row: Buffer): Manifest | undefined {
  const [found, position, frontier, entries] = packr.unpack(row) as [
    number,
    number,
    Uint8Array,
    [string, number, number, Uint8Array][],
  ]
  if (found !== format) return undefined
  const folds = new Map(
    entries.map(([name, version, position, meta]) => [name, { version, position, meta }] as const),
  )
  return { position, frontier, folds }
}
