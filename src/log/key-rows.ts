import { type Xaes, xaes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import { type KeyRowEntry, openKeyRow, sealKeyRow } from '../keys/key-row.ts'
import type { Keyring } from '../keys/keyring.ts'
import { commitEventsMax, keysPerRowMax } from '../limits.ts'
import type { KeyChanges, KeyRow, KeyRowId, KeyTable } from '../store/port.ts'
import { BoundedCache } from './bounded-cache.ts'

/** A value key by its hash, and the commit that wrote its row. */
export interface KeyRef {
  readonly keyId: Uint8Array
  readonly first: number
}

/** Rows kept in memory as they are sealed. */
const cacheBytesMax = 4 * 1024 * 1024
const blocksMax = Math.ceil(commitEventsMax / keysPerRowMax)

/**
 * The value keys on disk, wrapped, up to 64 of one commit in a row. Only the writer changes them, and only
 * together with the events that say so.
 */
export class KeyRows {
  readonly #table: KeyTable
  readonly #vaultId: Uint8Array
  readonly #wrappings: ReadonlyMap<number, Xaes>
  readonly #wrapEpoch: number
  readonly #cache = new BoundedCache<Uint8Array>(cacheBytesMax, (bytes) => bytes.length)

  constructor(table: KeyTable, keyring: Keyring) {
    const wraps = keyring.values?.wraps ?? []
    this.#table = table
    this.#vaultId = keyring.vaultId
    this.#wrappings = new Map(wraps.map(({ epoch, key }) => [epoch, xaes(key)]))
    this.#wrapEpoch = Math.max(0, ...wraps.map(({ epoch }) => epoch))
  }

  /** The value key, or undefined where it is gone for good. */
  async get(ref: KeyRef): Promise<Uint8Array | undefined> {
    for (let block = 0; block < blocksMax; block++) {
      const entries = await this.#openCached({ first: ref.first, block })
      const found = entries?.find(({ keyId }) => sameId(keyId, ref.keyId))
      if (found !== undefined) return found.valueKey
    }
    return undefined
  }

  /** The ids of the keys that stand in the store, row by row. */
  async *ids(): AsyncGenerator<{ first: number; keyIds: readonly Uint8Array[] }, void, void> {
    for await (const { id, bytes } of this.#table.entries()) {
      const entries = openKeyRow(this.#wrappings, { vaultId: this.#vaultId, ...id }, bytes)
      yield { first: id.first, keyIds: entries.map(({ keyId }) => keyId) }
    }
  }

  /** The rows to write for the keys that a commit at `first` brings, and for those that it takes away. */
  async plan(
    first: number,
    changes: { add: readonly KeyRowEntry[]; remove: readonly KeyRef[] },
  ): Promise<KeyChanges> {
    const put: KeyRow[] = []
    for (let at = 0; at < changes.add.length; at += keysPerRowMax) {
      const id = { first, block: at / keysPerRowMax }
      put.push(this.#seal(id, changes.add.slice(at, at + keysPerRowMax)))
    }
    const remove: KeyRowId[] = []
    for (const commit of new Set(changes.remove.map((ref) => ref.first))) {
      const doomed = changes.remove.filter((ref) => ref.first === commit)
      for (let block = 0; block < blocksMax; block++) {
        const id = { first: commit, block }
        const entries = await this.#open(id)
        const kept = entries?.filter(({ keyId }) => !doomed.some((ref) => sameId(ref.keyId, keyId)))
        if (entries === undefined || kept === undefined || kept.length === entries.length) continue
        this.#cache.delete(nameOf(id))
        if (kept.length === 0) remove.push(id)
        else put.push(this.#seal(id, kept))
      }
    }
    return { put, remove }
  }

  erase(): void {
    for (const wrapping of this.#wrappings.values()) wrapping.erase()
  }

  /** From the rows kept sealed in memory: a row of before a destruction still opens what that left alone. */
  async #openCached(id: KeyRowId): Promise<readonly KeyRowEntry[] | undefined> {
    const name = nameOf(id)
    const bytes = this.#cache.get(name) ?? (await this.#table.get(id))
    if (bytes === undefined) return undefined
    this.#cache.put(name, bytes)
    return openKeyRow(this.#wrappings, { vaultId: this.#vaultId, ...id }, bytes)
  }

  async #open(id: KeyRowId): Promise<readonly KeyRowEntry[] | undefined> {
    const bytes = await this.#table.get(id)
    return bytes === undefined
      ? undefined
      : openKeyRow(this.#wrappings, { vaultId: this.#vaultId, ...id }, bytes)
  }

  #seal(id: KeyRowId, entries: readonly KeyRowEntry[]): KeyRow {
    const wrapping = this.#wrappings.get(this.#wrapEpoch)
    if (wrapping === undefined) {
      throw new VaultError('AUDITOR_ONLY', 'this keyslot holds no key for values')
    }
    const bytes = sealKeyRow(
      { epoch: this.#wrapEpoch, cipher: wrapping },
      { vaultId: this.#vaultId, ...id },
      entries,
    )
    return { id, bytes }
  }
}

function nameOf({ first, block }: KeyRowId): string {
  return `${first} ${block}`
}

function sameId(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
