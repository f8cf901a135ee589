import { viewOf } from '../../crypto/bytes.ts'
import { nonce24 } from '../../crypto/random.ts'
import { type Xaes, xaesNonceBytes } from '../../crypto/xaes.ts'
import { VaultError } from '../../errors.ts'
import type { Row, RowTable } from '../../store/port.ts'
import type { RowChanges } from './keeper.ts'

/*
 * key   := space ‖ part u8 ‖ number u32 × n            big-endian; `part` decides n, so no key is another's prefix
 * space := kind u8 ‖ length u8 ‖ name                  all rows of one keeper stand together
 * row   := nonce(24) ‖ XAES-256-GCM(plain, aad = "muniment/v1/derived" ‖ binding ‖ key)
 *
 * `binding` is the vault's id and incarnation, of one length always, so that the aad reads one way only. A row that
 * opens was therefore sealed by an owner, for this vault, in this life of it, at this key: the cipher's key is
 * known to owners alone, which makes the tag the owner's MAC. It may still be an older row of that key. Each keeper
 * says how it tells.
 */

export const rowKinds = { meta: 0x6d, snapshot: 0x73, index: 0x69, tree: 0x74 } as const

const label = Buffer.from('muniment/v1/derived')

/** The prefix of all keys of one keeper. `name` takes at most 255 bytes of UTF-8. */
export function keySpace(kind: number, name: string): Buffer {
  const bytes = Buffer.from(name)
  if (bytes.length > 255) {
    throw new VaultError('TOO_LARGE', 'the name of a projection takes at most 255 bytes', {
      expected: 255,
      found: bytes.length,
    })
  }
  return Buffer.concat([Buffer.from([kind, bytes.length]), bytes])
}

export function rowKey(space: Uint8Array, part: number, ...numbers: readonly number[]): Buffer {
  const key = Buffer.allocUnsafe(space.length + 1 + 4 * numbers.length)
  key.set(space)
  let at = key.writeUInt8(part, space.length)
  for (const number of numbers) at = key.writeUInt32BE(number, at)
  return key
}

/** Disposable rows, sealed. What does not open throws `INTEGRITY`, which means: replay. */
export interface SealedRows {
  get(key: Uint8Array): Promise<Buffer | undefined>
  /** Opened rows with `from <= key < to`, in the order of their keys, in the table's batches. */
  range(from: Uint8Array, to: Uint8Array): AsyncIterable<readonly (readonly [Buffer, Buffer])[]>
  seal(key: Uint8Array, plain: Uint8Array): Row
  /** Writes what `seal` made, in one atomic write. */
  write(changes: RowChanges): Promise<void>
  /** Removes every row, or those whose keys begin with `space`. A crash midway leaves some, which is a doubt. */
  clear(space?: Uint8Array): Promise<void>
}

export interface SealedRowsOptions {
  readonly table: RowTable
  /** Under a key that only owners hold. */
  readonly cipher: Xaes
  /** Vault id ‖ incarnation. */
  readonly binding: Uint8Array
}

/**
 * @example
 * const rows = sealedRows({ table: store.derived, cipher: xaes(key), binding: vaultId })
 * await rows.write({ put: [rows.seal(key, plain)] })
 */
export function sealedRows({ table, cipher, binding }: SealedRowsOptions): SealedRows {
  const aad = (key: Uint8Array): Buffer => Buffer.concat([label, binding, key])

  function seal(key: Uint8Array, plain: Uint8Array): Row {
    const nonce = nonce24()
    return [key, Buffer.concat([nonce, cipher.seal(nonce, plain, aad(key))])]
  }

  function open(key: Uint8Array, row: Uint8Array): Buffer {
    try {
      return cipher.open(row.subarray(0, xaesNonceBytes), row.subarray(xaesNonceBytes), aad(key))
    } catch (cause) {
      if (cause instanceof VaultError && cause.code === 'CLOSED') throw cause
      throw new VaultError('INTEGRITY', 'a row of the derived store does not open', { cause })
    }
  }

  async function get(key: Uint8Array): Promise<Buffer | undefined> {
    const row = await table.get(key)
    return row === undefined ? undefined : open(key, row)
  }

  async function* range(from: Uint8Array, to: Uint8Array) {
    for await (const batch of table.range(from, to)) {
      yield batch.map(([key, row]) => [viewOf(key), open(key, row)] as const)
    }
  }

  async function clear(space?: Uint8Array): Promise<void> {
    if (space === undefined) return table.clear()
    for await (const batch of table.range(space, after(space))) {
      await table.write({ remove: batch.map(([key]) => key) })
    }
  }

  return { get, range, seal, write: (changes) => table.write(changes), clear }
}

/** The least key above all that begin with `space`: its last byte that is not 255 goes up, the rest falls away. */
function after(space: Uint8Array): Buffer {
  const last = space.findLastIndex((byte) => byte < 255)
  const end = Buffer.from(space.subarray(0, last + 1))
  end.writeUInt8(end.readUInt8(last) + 1, last)
  return end
}
