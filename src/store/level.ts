import { join, resolve } from 'node:path'
import type { VaultError } from '../errors.ts'
import { Gate, gatedFiles, gatedKeys, gatedRows } from './gate.ts'
import { CommitRows } from './level/commits.ts'
import type { Database } from './level/database.ts'
import { lastRow, openDatabase } from './level/database.ts'
import { DerivedRows } from './level/derived.ts'
import { FolderFiles } from './level/files.ts'
import {
  exists,
  findFolder,
  hasKeyring,
  logIsAbsent,
  notFound,
  prepareFolder,
  syncNewFolders,
} from './level/folder.ts'
import { keyRows } from './level/key-rows.ts'
import { claim, inUseByAnother, removeOwner, untilFree, writeOwner } from './level/lock.ts'
import { keyRowRange } from './level/rows.ts'
import { freeBytes, spaceFloor } from './level/space.ts'
import type {
  CommitWrite,
  FileTable,
  KeyTable,
  RowTable,
  Store,
  StoredCommit,
  StoreOpener,
} from './port.ts'

const freeBytesMinDefault = 64 * 1024 * 1024

export interface LevelStoreOptions {
  /** Milliseconds that `open` waits for another holder to let go. 0, the default, waits not at all. */
  readonly waitForLock?: number
  /** Ends that wait with `ABORTED`. */
  readonly signal?: AbortSignal
  /** Below this many free bytes commits are `NO_SPACE`: 64 MiB by default, 0 for no floor. */
  readonly freeBytesMin?: number
}

interface Parts {
  readonly commits: CommitRows
  readonly keys: KeyTable
  readonly derived: DerivedRows
  readonly files: FolderFiles
}

/**
 * A vault's folder: its log and key rows in one LevelDB database, what derives from them in another, and the files
 * beside them (`level/folder.ts` has the layout).
 *
 * After a write that failed, every commit is `FAILED` until the store is opened again. Nothing is ever repaired.
 */
export class LevelStore implements Store {
  readonly location: string
  readonly keys: KeyTable
  readonly derived: RowTable
  readonly files: FileTable
  readonly #parts: Parts
  readonly #gate: Gate
  readonly #giveBack: () => void

  private constructor(location: string, parts: Parts, giveBack: () => void) {
    this.location = location
    this.#parts = parts
    this.#giveBack = giveBack
    this.#gate = new Gate(location)
    this.keys = gatedKeys(this.#gate, parts.keys)
    this.derived = gatedRows(this.#gate, parts.derived)
    this.files = gatedFiles(this.#gate, parts.files)
  }

  /**
   * Makes an empty store. What a create that did not get as far as a keyring left behind is made over.
   *
   * @throws VaultError `EXISTS` over a vault, `INVALID` in a folder that holds other things, `IN_USE`, `NO_SPACE`, `FAILED`.
   */
  static async create(path: string, options: LevelStoreOptions = {}): Promise<LevelStore> {
    const location = await prepareFolder(path)
    return held(location, async (giveBack) => {
      const log = await openLog(location, await logIsAbsent(location))
      const parts = await openParts(location, log, options)
      await orClose(parts, async () => {
        const fresh = parts.commits.head === 0 && !(await hasKeyRows(log))
        // Only with the lock in hand is it sure that no other process has made a vault here meanwhile.
        if (!fresh || (await hasKeyring(location))) throw exists(location)
        await writeOwner(location)
        await syncNewFolders(location)
      })
      return new LevelStore(location, parts, giveBack)
    })
  }

  /**
   * @throws VaultError `NOT_FOUND` where there is no vault, `IN_USE` (naming path, process and host) while another
   *   holds it, `INTEGRITY` where the log cannot be opened, `ABORTED`, `NO_SPACE`, `FAILED`.
   */
  static open(path: string, options: LevelStoreOptions = {}): Promise<LevelStore> {
    return untilFree(() => LevelStore.#open(path, options), options)
  }

  static async #open(path: string, options: LevelStoreOptions): Promise<LevelStore> {
    const location = await findFolder(path)
    return held(location, async (giveBack) => {
      const parts = await openParts(location, await openLog(location, false), options)
      await orClose(parts, async () => {
        const unfinished = parts.commits.head === 0 && !(await hasKeyring(location))
        if (unfinished) throw notFound(location)
        await writeOwner(location)
      })
      return new LevelStore(location, parts, giveBack)
    })
  }

  head(): Promise<number> {
    return this.#gate.pass(() => this.#parts.commits.head)
  }

  commit(write: CommitWrite): Promise<void> {
    return this.#gate.pass(() => this.#parts.commits.commit(write))
  }

  read(range: { from: number; to?: number }): AsyncIterable<readonly StoredCommit[]> {
    return this.#gate.each(this.#parts.commits.read(range))
  }

  free(): Promise<number | undefined> {
    return this.#gate.pass(() => freeBytes(this.location))
  }

  close(): Promise<void> {
    return this.#gate.close(async () => {
      // While the lock is held still: afterwards the file may be another's.
      await removeOwner(this.location)
      try {
        await closeParts(this.#parts)
      } finally {
        this.#giveBack()
      }
    })
  }
}

/**
 * A vault's place in a folder.
 *
 * @example
 * const vault = await Vault.open({ store: levelStore('./vault', { waitForLock: 30_000 }), unlock })
 */
export function levelStore(path: string, options: LevelStoreOptions = {}): StoreOpener {
  // The same folder after a reopen, even if the process has gone elsewhere meanwhile.
  const place = path && resolve(path)
  return {
    create: () => LevelStore.create(place, options),
    open: () => LevelStore.open(place, options),
  }
}

/** Claims the folder for `work`, which hands the claim on to the store that it opens, or fails and loses it. */
async function held(
  location: string,
  work: (giveBack: () => void) => Promise<LevelStore>,
): Promise<LevelStore> {
  const giveBack = claim(location)
  try {
    return await work(giveBack)
  } catch (error) {
    giveBack()
    throw error
  }
}

async function openLog(location: string, make: boolean): Promise<Database> {
  return openDatabase(join(location, 'log'), make).catch((error: VaultError) => {
    throw error.code === 'IN_USE' ? inUseByAnother(location, error) : error
  })
}

/** Opens all that stands beside the log; whoever fails here lets go of what was opened before. */
async function openParts(
  location: string,
  log: Database,
  { freeBytesMin = freeBytesMinDefault }: LevelStoreOptions,
): Promise<Parts> {
  const assertRoom = spaceFloor(location, freeBytesMin)
  try {
    const commits = await CommitRows.open(log, assertRoom)
    const files = await FolderFiles.open(location)
    const derived = await DerivedRows.open(join(location, 'derived'), assertRoom)
    return { commits, keys: keyRows(log), derived, files }
  } catch (error) {
    await log.close()
    throw error
  }
}

async function orClose(parts: Parts, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await closeParts(parts)
    throw error
  }
}

async function closeParts({ commits, derived, files }: Parts): Promise<void> {
  const all = await Promise.allSettled([commits.close(), derived.close(), files.close()])
  const failed = all.find((one) => one.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function hasKeyRows(log: Database): Promise<boolean> {
  return (await lastRow(log, keyRowRange, { values: false })) !== undefined
}
