import { Packr } from 'msgpackr'
import { equalBytes, sha256 } from '../../crypto/hash.ts'
import type { Capture, Keeper } from './keeper.ts'
import { rowKey, type SealedRows } from './sealed-rows.ts'

/*
 * key  := space ‖ 'w'
 * row  := msgpack of what `encode` gave
 * meta := SHA-256(row)                     so that an older row that is put back is noticed
 */
const part = 0x77
const packr = new Packr({ useRecords: false, variableMapSize: true, copyBuffers: true })

export interface StateSnapshotOptions {
  readonly rows: SealedRows
  /** Of this projection alone: `keySpace(rowKinds.snapshot, name)`. */
  readonly space: Uint8Array
  /** The whole state as plain data, and back. */
  readonly encode: () => unknown
  readonly decode: (encoded: unknown) => void
  readonly reset: () => void
}

/** Keeps a state that is no `Map` whole: written each time, so meant for small ones. */
export function stateSnapshot(options: StateSnapshotOptions): Keeper {
  const { rows, space, encode, decode, reset } = options
  const key = rowKey(space, part)

  function capture(): Capture {
    const row = packr.pack(encode())
    return {
      meta: sha256(row),
      *changes() {
        yield { put: [rows.seal(key, row)] }
      },
      done: () => undefined,
      failed: () => undefined,
    }
  }

  async function load(meta: Uint8Array): Promise<boolean> {
    const row = await rows.get(key)
    if (row === undefined || !equalBytes(sha256(row), meta)) return false
    decode(packr.unpack(row))
    return true
  }

  return { capture, load, reset }
}
