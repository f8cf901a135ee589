import { VaultError } from '../../errors.ts'
import { assertKeyRowId } from '../names.ts'
import type { KeyRowId } from '../port.ts'

/**
 * The rows of `log/`, one LevelDB database, so that a commit and its key rows are written as one.
 *
 * commit row := first position u64                     ↦ commit
 * key row    := "k" ‖ first position u64 ‖ block u16   ↦ key row
 *
 * All big-endian. Positions stay below 2⁵³, so that every commit row begins with 0x00 and LevelDB's order (by
 * bytes) puts them all, in the order of the log, before the first key row.
 */
export const commitRange = { gte: Uint8Array.of(0x00), lt: Uint8Array.of(0x01) }
export const keyRowRange = { gte: Uint8Array.of(0x6b), lt: Uint8Array.of(0x6c) }

const commitRowBytes = 8
const keyRowBytes = 11

export function commitRow(first: number): Uint8Array {
  const row = new Uint8Array(commitRowBytes)
  view(row).setBigUint64(0, BigInt(first))
  return row
}

/** @throws VaultError `INTEGRITY` for a row that is no commit's. */
export function positionOf(row: Uint8Array): number {
  const first = row.length === commitRowBytes ? Number(view(row).getBigUint64(0)) : Number.NaN
  if (!Number.isSafeInteger(first)) throw strange(row)
  return first
}

/** @throws VaultError `INVALID` for an id out of range. */
export function keyRow(id: KeyRowId): Uint8Array {
  assertKeyRowId(id)
  const row = new Uint8Array(keyRowBytes)
  row[0] = 0x6b
  view(row).setBigUint64(1, BigInt(id.first))
  view(row).setUint16(9, id.block)
  return row
}

/** @throws VaultError `INTEGRITY` for a row that is no key row's. */
export function keyRowId(row: Uint8Array): KeyRowId {
  if (row.length !== keyRowBytes) throw strange(row)
  const first = Number(view(row).getBigUint64(1))
  if (!Number.isSafeInteger(first)) throw strange(row)
  return { first, block: view(row).getUint16(9) }
}

function view(row: Uint8Array): DataView {
  return new DataView(row.buffer, row.byteOffset, row.byteLength)
}

function strange(row: Uint8Array): VaultError {
  return new VaultError(
    'INTEGRITY',
    `the log holds a row of no known kind, ${row.length} bytes long`,
  )
}
