import { setImmediate as turn } from 'node:timers/promises'
import { type Xaes, xaes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import { claimsOf, type KeyRowEntry, openKeyRow, sealKeyRow } from '../keys/key-row.ts'
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
const rowsPerTurn = 32

/** A row as it stands, unopened. */
export interface StandingRow {
  readonly id: KeyRowId
  /** How many value keys it has the length of. */
  readonly keys: number
  /** Whether the newest wrapping key sealed it, by what it claims. */
  readonly isNewest: boolean
}

/**
 * The value keys on disk, wrapped, up to 64 of one commit in a row. Only the writer changes them, and only
 * together with the events that say so.
 */
export class KeyRows {
  readonly #table: KeyTable
  readonly #vaultId: Uint8Array
  readonly #wrappings = new Map<number, Xaes>()
  #wrapEpoch = 0
  readonly #cache = new BoundedCache<Uint8Array>(cacheBytesMax, (bytes) => bytes.length)

  constructor(table: KeyTable, keyring: Keyring) {
    this.#table = table
    this.#vaultId = keyring.vaultId
    this.adopt(keyring)
  }

  /** Takes the wrapping keys of this generation of the keyring, and lets go of those that it does not hold. */
  adopt({ values }: Keyring): void {
    const held = new Map(values?.wraps.map(({ epoch, key }) => [epoch, key]))
    for (const [epoch, key] of held) {
      if (!this.#wrappings.has(epoch)) this.#wrappings.set(epoch, xaes(key))
    }
    for (const [epoch, wrapping] of this.#wrappings) {
      if (held.has(epoch)) continue
      wrapping.erase()
      this.#wrappings.delete(epoch)
    }
    this.#wrapEpoch = Math.max(0, ...held.keys())
    this.#cache.clear()
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

  /** The ids of the keys that stand in the store, row by row; not of rows from before a shred, which nobody opens. */
  async *ids(): AsyncGenerator<{ first: number; keyIds: readonly Uint8Array[] }, void, void> {
    for await (const { id, bytes } of this.#table.entries()) {
      if (this.#isShredded(bytes)) continue
      const entries = openKeyRow(this.#wrappings, { vaultId: this.#vaultId, ...id }, bytes)
      yield { first: id.first, keyIds: entries.map(({ keyId }) => keyId) }
    }
  }

  /** Every row that stands in the store, as they were when the first was asked for. */
  async *standing(): AsyncGenerator<StandingRow, void, void> {
    for await (const { id, bytes } of this.#table.entries()) {
      const { epoch, keys } = claimsOf(bytes)
      yield { id, keys, isNewest: epoch === this.#wrapEpoch }
    }
  }

  /**
   * The rows to write for the keys that a commit at `first` brings, for those that it takes away, and for the rows that
   * it seals anew.
   */
  async plan(
    first: number,
    changes: {
      add: readonly KeyRowEntry[]
      remove: readonly KeyRef[]
      rewrap: readonly KeyRowId[]
    },
  ): Promise<KeyChanges> {
    const put: KeyRow[] = await this.#rewrapped(changes.rewrap)
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

  /**
   * These rows as they stand, under the newest wrapping key. One that does not open stays as it is: whatever damaged it
   * has taken its keys already.
   */
  async #rewrapped(ids: readonly KeyRowId[]): Promise<KeyRow[]> {
    const put: KeyRow[] = []
    for (const [at, id] of ids.entries()) {
      if ((at + 1) % rowsPerTurn === 0) await turn()
      const bytes = await this.#table.get(id)
      if (bytes === undefined || claimsOf(bytes).epoch === this.#wrapEpoch) continue
      const entries = this.#openSound(id, bytes)
      if (entries === undefined) continue
      put.push(this.#seal(id, entries))
      for (const { valueKey } of entries) valueKey.fill(0)
    }
    return put
  }

  #openSound(id: KeyRowId, bytes: Uint8Array): readonly KeyRowEntry[] | undefined {
    try {
      return openKeyRow(this.#wrappings, { vaultId: this.#vaultId, ...id }, bytes)
    } catch (error) {
      if (error instanceof VaultError && error.code === 'INTEGRITY') return undefined
      throw error
    }
  }

  #isShredded(bytes: Uint8Array): boolean {
    const { epoch } = claimsOf(bytes)
    return epoch < this.#wrapEpoch && !this.#wrappings.has(epoch)
  }

  /** From the rows kept sealed in memory: a row of before a destruction still opens what that left alone. */
  async #openCached(id: KeyRowId): Promise<readonly KeyRowEntry[] | undefined> {
    const name = nameOf(id)
    let bytes = this.#cache.get(name) ?? (await this.#table.get(id))
    // It was read just before a shred had wrapped it anew.
    if (bytes !== undefined && this.#isShredded(bytes)) bytes = await this.#table.get(id)
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
