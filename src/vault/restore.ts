import { type Xaes, xaes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import { openKeyRow } from '../keys/key-row.ts'
import { eraseKeyring, type OwnerKeyring } from '../keys/keyring.ts'
import type { Unlock } from '../keys/unlock.ts'
import type { Clock } from '../log/clock.ts'
import { type Epochs, openEpochs } from '../log/epochs.ts'
import { type Head, HeadFile } from '../log/head.ts'
import { root } from '../proofs/tree.ts'
import { archiveStore } from '../store/archive.ts'
import type { KeyRow, Store } from '../store/port.ts'
import { isTaken } from './backup.ts'
import { checkedCommits } from './checked-commits.ts'
import type { Unlocked } from './engine.ts'
import { noteRestore } from './restored.ts'
import { unlockKeyring } from './unlock.ts'

const keyringName = 'keyring'

/**
 * Opens a backup file as an owner for some work, which takes its keys over unless it fails. Throws `INVALID`,
 * `NOT_FOUND`, `INTEGRITY`, `UNSUPPORTED`, `WRONG_KEY`, `AUDITOR_ONLY`, and what the work throws.
 */
export async function withBackup<T>(
  from: string,
  { unlock, clock }: { unlock: Unlock; clock: Clock },
  work: (backup: Unlocked) => Promise<T>,
): Promise<T> {
  const store = await archiveStore(from).open()
  try {
    // A wrong key is noted nowhere: nothing writes to a backup.
    const backup = await unlockKeyring(store, unlock, clock)
    return await work(backup).catch((error: unknown) => {
      eraseKeyring(backup.keyring)
      backup.R.fill(0)
      throw error
    })
  } finally {
    await store.close()
  }
}

/**
 * Fills an empty store with what a backup holds; what comes back is that store, unlocked with the backup's keyring.
 * Every commit and key row is opened on its way: a backup that was put together without an owner's keys is `INTEGRITY`.
 *
 * In this order, each step safe to stop after:
 *
 * 1. the marker `restored`; 2. the log, each commit with its key rows; 3. `head` and the checkpoints;
 *    — a crash up to here leaves no keyring: opening says that the restore was interrupted;
 * 4. the keyring, which makes it a vault;
 *    — a crash after it: the next opening goes on with `endRestore`.
 */
export async function copyBackup(backup: Unlocked, target: Store): Promise<Unlocked> {
  const { store: archive, keyring } = backup
  const epochs = openEpochs(keyring)
  try {
    const head = await headOfBackup(archive, epochs)
    await noteRestore(target.files, epochs, head)
    // What an earlier vault left here was folded from another log.
    await target.derived.clear()
    await copyLog(backup, target, { epochs, head })
    await copyFile(archive, target, 'head')
    const taken = (await archive.files.list()).filter(isTaken)
    for (const name of taken.filter((each) => each !== keyringName)) {
      await copyFile(archive, target, name)
    }
    await copyFile(archive, target, keyringName)
    return { ...backup, store: target }
  } finally {
    epochs.erase()
  }
}

/** Where the log of the backup ends, by an owner's word: a backup that was cut is not taken for an older one. */
export async function headOfBackup(archive: Store, epochs: Epochs): Promise<Head> {
  const size = await archive.head()
  const head = await new HeadFile(archive.files, epochs).read()
  if (head?.size === size) return head
  throw new VaultError(
    'INTEGRITY',
    `the backup holds ${size} events, and its head speaks of ${head?.size ?? 'none'}`,
    { path: archive.location, expected: head?.size ?? 0, found: size },
  )
}

async function copyLog(
  { store: archive, keyring }: Unlocked,
  target: Store,
  { epochs, head }: { epochs: Epochs; head: Head },
): Promise<void> {
  const rows = new RowsByCommit(archive, keyring)
  try {
    let tree: Buffer | undefined
    const source = { store: archive, epochs }
    for await (const { first, sealed, tree: after } of checkedCommits(source, { to: head.size })) {
      const put = await rows.of(first)
      const keys = put.length > 0 && { keys: { put } }
      const isLast = after.size === head.size
      await target.commit({ first, sealed, ...keys, ...(!isLast && { durable: false }) })
      if (isLast) tree = root(after)
    }
    await rows.expectNone()
    if (tree?.equals(head.root) !== true) {
      throw new VaultError(
        'INTEGRITY',
        'the events of the backup are not those that its head names',
      )
    }
  } finally {
    await rows.close()
  }
}

/** The key rows of an archive, commit by commit: both stand in the order of their positions. */
class RowsByCommit {
  readonly #rows: AsyncIterator<KeyRow>
  readonly #vaultId: Uint8Array
  readonly #wrappings: ReadonlyMap<number, Xaes>
  #next: IteratorResult<KeyRow> | undefined

  constructor({ keys }: Store, { vaultId, values }: OwnerKeyring) {
    this.#rows = keys.entries()[Symbol.asyncIterator]()
    this.#vaultId = vaultId
    this.#wrappings = new Map(values.wraps.map(({ epoch, key }) => [epoch, xaes(key)]))
  }

  /** The rows of the commit at `first`. Throws `INTEGRITY` for one that does not open, or is of no commit. */
  async of(first: number): Promise<KeyRow[]> {
    const rows: KeyRow[] = []
    for (let row = await this.#peek(); row !== undefined; row = await this.#peek()) {
      if (row.id.first > first) break
      if (row.id.first < first) throw strayRow(row)
      for (const { valueKey } of openKeyRow(this.#wrappings, this.#placeOf(row), row.bytes)) {
        valueKey.fill(0)
      }
      rows.push(row)
      this.#next = undefined
    }
    return rows
  }

  async expectNone(): Promise<void> {
    const row = await this.#peek()
    if (row !== undefined) throw strayRow(row)
  }

  async close(): Promise<void> {
    for (const wrapping of this.#wrappings.values()) wrapping.erase()
    await this.#rows.return?.()
  }

  async #peek(): Promise<KeyRow | undefined> {
    this.#next ??= await this.#rows.next()
    return this.#next.done === true ? undefined : this.#next.value
  }

  #placeOf({ id }: KeyRow) {
    return { vaultId: this.#vaultId, ...id }
  }
}

async function copyFile(archive: Store, target: Store, name: string): Promise<void> {
  const bytes = await archive.files.read(name)
  if (bytes !== undefined) await target.files.replace(name, bytes)
}

function strayRow({ id }: KeyRow): VaultError {
  return new VaultError('INTEGRITY', `a key row of position ${id.first} belongs to no commit`)
}
