import { setImmediate as turn } from 'node:timers/promises'
import type { KeyRows } from '../log/key-rows.ts'
import type { Log } from '../log/log.ts'
import { expectOngoing } from '../ongoing.ts'
import type { KeyRowId } from '../store/port.ts'

/** What wrapping value keys anew needs of an open vault. */
export interface Rewrapped {
  readonly keyRows: KeyRows
  readonly log: Pick<Log, 'append'>
}

export interface RewrapOptions {
  /** Told every few hundred rows: value keys wrapped anew, of all that there are to be. */
  readonly onProgress?: (progress: { readonly keys: number; readonly of: number }) => void
  readonly signal?: AbortSignal
}

/** Rows that are wrapped anew in one turn of the writer: a few milliseconds, at most 16,384 value keys. */
const rowsPerSlice = 256
const rowsPerTurn = 32

/**
 * Brings every key row under the newest wrapping key, and gives the number of value keys in them. Reads, writes and
 * destructions go on between the slices; each slice looks at its rows again in the writer, so that none brings back a
 * key that was destroyed meanwhile. Throws `ABORTED`, and what the log throws; then some rows are under either key.
 */
export async function rewrapKeys(vault: Rewrapped, options: RewrapOptions): Promise<number> {
  let before = Number.POSITIVE_INFINITY
  for (;;) {
    const { keys, older } = await wrapOlder(vault, options)
    // Once around without one that is left; those that do not open stay as they are, and are lost already.
    if (older === 0 || older >= before) return keys
    before = older
  }
}

/** One pass over the rows: how many value keys were under the newest wrapping key, and how many rows were not. */
async function wrapOlder(
  vault: Rewrapped,
  { onProgress, signal }: RewrapOptions,
): Promise<{ readonly keys: number; readonly older: number }> {
  const total = onProgress === undefined ? 0 : await countKeys(vault.keyRows)
  const counted = { keys: 0, older: 0, wrapped: 0 }
  let slice: KeyRowId[] = []
  const wrap = async () => {
    await vault.log.append(commandOf(slice))
    slice = []
    if (total > 0) onProgress?.({ keys: counted.wrapped, of: Math.max(total, counted.wrapped) })
    expectOngoing(signal)
  }
  expectOngoing(signal)
  for await (const { id, keys, isNewest } of vault.keyRows.standing()) {
    if (isNewest) counted.keys += keys
    else {
      counted.older += 1
      slice.push(id)
    }
    counted.wrapped += keys
    if (slice.length === rowsPerSlice) await wrap()
  }
  if (slice.length > 0) await wrap()
  return counted
}

async function countKeys(keyRows: KeyRows): Promise<number> {
  let count = 0
  for await (const { keys } of keyRows.standing()) count += keys
  return count
}

/** In the writer, as every change of key rows: it builds on what the changes before it left. */
function commandOf(rewrap: readonly KeyRowId[]) {
  return {
    actor: '',
    context: {},
    aggregate: '',
    alone: true,
    decide: () => ({ facts: [], rewrap }),
  }
}

/** Throws `INTEGRITY` for a key row that does not open: a shred would leave it behind for good. */
export async function expectSoundRows(keyRows: KeyRows, signal?: AbortSignal): Promise<void> {
  let seen = 0
  for await (const _ of keyRows.ids()) {
    if (++seen % rowsPerTurn !== 0) continue
    await turn()
    expectOngoing(signal)
  }
}
