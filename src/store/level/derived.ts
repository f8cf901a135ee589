import { mkdir, rm } from 'node:fs/promises'
import { VaultError } from '../../errors.ts'
import type { Row, RowTable } from '../port.ts'
import { oneAtATime } from '../serial.ts'
import type { Database } from './database.ts'
import { batches, flush, openDatabase, readRow } from './database.ts'
import { onDisk } from './folder.ts'
import type { AssertRoom } from './space.ts'

/** The rows of `derived/`, a LevelDB database apart from the log, so that it can be thrown away as a whole. */
export class DerivedRows implements RowTable {
  readonly #path: string
  readonly #assertRoom: AssertRoom
  readonly #inTurn = oneAtATime()
  #database: Database
  #failed = false
  #remaking: Promise<void> | undefined

  private constructor(path: string, database: Database, assertRoom: AssertRoom) {
    this.#path = path
    this.#database = database
    this.#assertRoom = assertRoom
  }

  /** Opens it, or makes it again where it cannot be opened: all that it holds can be derived again. */
  static async open(path: string, assertRoom: AssertRoom): Promise<DerivedRows> {
    const database = await makeDatabase(path).catch((error: VaultError) => {
      if (error.code === 'IN_USE') throw error
      return remakeDatabase(path)
    })
    return new DerivedRows(path, database, assertRoom)
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#remaking
    return readRow(this.#database, key)
  }

  async *range(from: Uint8Array, to: Uint8Array): AsyncGenerator<readonly Row[], void, undefined> {
    await this.#remaking
    const database = this.#database
    try {
      yield* batches(database, { gte: from, lt: to })
    } catch (error) {
      // A table that was cleared under its reader has no more rows.
      await this.#remaking
      if (database === this.#database) throw error
    }
  }

  write(changes: { put?: readonly Row[]; remove?: readonly Uint8Array[] }): Promise<void> {
    return this.#inTurn(() => this.#write(changes))
  }

  async #write({
    put = [],
    remove = [],
  }: {
    put?: readonly Row[]
    remove?: readonly Uint8Array[]
  }): Promise<void> {
    if (this.#failed) {
      throw new VaultError('FAILED', 'an earlier write of derived rows failed; clear or reopen')
    }
    await this.#assertRoom(put.reduce((sum, [key, bytes]) => sum + key.length + bytes.length, 0))
    const operations = [
      ...remove.map((key) => ({ type: 'del', key }) as const),
      ...put.map(([key, value]) => ({ type: 'put', key, value }) as const),
    ]
    try {
      await this.#database.batch(operations, { sync: true })
    } catch (cause) {
      // As in the log: what LevelDB acknowledges after an error may be gone at the next open. The log goes on.
      this.#failed = true
      throw new VaultError('UNCERTAIN', 'a write of derived rows failed', { cause })
    }
  }

  /** Makes the folder again rather than delete row by row: LevelDB keeps the bytes of what it deletes. */
  clear(): Promise<void> {
    return this.#inTurn(() => {
      this.#remaking = this.#remake()
      return this.#remaking
    })
  }

  async #remake(): Promise<void> {
    await this.#database.close()
    this.#database = await remakeDatabase(this.#path)
    this.#failed = false
  }

  async close(): Promise<void> {
    if (!this.#failed && this.#database.status === 'open') await flush(this.#database)
    await this.#database.close()
  }
}

async function makeDatabase(path: string): Promise<Database> {
  await onDisk('make', path, () => mkdir(path, { recursive: true, mode: 0o700 }))
  return openDatabase(path, true)
}

async function remakeDatabase(path: string): Promise<Database> {
  await onDisk('clear', path, () => rm(path, { recursive: true, force: true }))
  return makeDatabase(path)
}
