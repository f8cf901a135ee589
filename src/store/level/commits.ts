import { VaultError } from '../../errors.ts'
import type { CommitWrite, StoredCommit } from '../port.ts'
import { assertPosition, conflict, countRead, countToWrite, gapAt } from '../sealed.ts'
import { oneAtATime } from '../serial.ts'
import type { Database } from './database.ts'
import { batches, flush, lastRow, readRow } from './database.ts'
import { commitRange, commitRow, keyRow, positionOf } from './rows.ts'
import type { AssertRoom } from './space.ts'

type Operation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** The commits of `log/`: its only writer, and their reader. */
export class CommitRows {
  readonly #database: Database
  readonly #assertRoom: AssertRoom
  readonly #inTurn = oneAtATime()
  #head: number
  #failed = false
  /** Whether there are commits that no sync has reached. */
  #behind = false

  private constructor(database: Database, assertRoom: AssertRoom, head: number) {
    this.#database = database
    this.#assertRoom = assertRoom
    this.#head = head
  }

  static async open(database: Database, assertRoom: AssertRoom): Promise<CommitRows> {
    return new CommitRows(database, assertRoom, await headOf(database))
  }

  get head(): number {
    return this.#head
  }

  /** LevelDB gives writes that overlap no defined order, so they take turns. */
  commit(write: CommitWrite): Promise<void> {
    return this.#inTurn(() => this.#write(write))
  }

  async #write(write: CommitWrite): Promise<void> {
    if (this.#failed) {
      throw new VaultError('FAILED', 'an earlier commit failed; nothing is written until a reopen')
    }
    if (write.first !== this.#head) throw conflict(this.#head, write.first)
    const count = countToWrite(write)
    const operations = operationsOf(write)
    const sync = write.durable !== false
    await this.#assertRoom(bytesOf(operations))
    try {
      // A sync reaches the journal of its write and no older one, so those are emptied into tables first.
      if (sync && this.#behind) await flush(this.#database)
      await this.#database.batch(operations, { sync })
      this.#behind = !sync
    } catch (cause) {
      // The rows may or may not be on disk; only a reopen can tell. LevelDB would go on to acknowledge writes that
      // the next open does not find, so nothing more is accepted until then.
      this.#failed = true
      throw new VaultError('UNCERTAIN', `commit at ${write.first} failed`, { cause })
    }
    this.#head += count
  }

  async *read(
    { from, to }: { from: number; to?: number },
    head = this.#head,
  ): AsyncGenerator<readonly StoredCommit[], void, undefined> {
    assertPosition(from, 'from')
    if (to !== undefined) assertPosition(to, 'to')
    const end = Math.min(to ?? head, head)
    if (from >= end) return

    const opening = await this.#holding(from)
    let next = opening.first + countRead(opening.first, opening.sealed)
    if (next <= from) throw gapAt(next)
    yield [opening]
    if (next >= end) return

    for await (const rows of batches(this.#database, {
      gte: commitRow(next),
      lt: commitRow(end),
    })) {
      yield rows.map(([row, sealed]) => {
        const first = positionOf(row)
        if (first !== next) throw gapAt(next, first)
        next += countRead(first, sealed)
        return { first, sealed }
      })
    }
    if (next < end) throw gapAt(next)
  }

  /** The last commit that begins at or before a position. Who follows the log asks for its very first position. */
  async #holding(position: number): Promise<StoredCommit> {
    const row = commitRow(position)
    const sealed = readRow(this.#database, row)
    if (sealed !== undefined) return { first: position, sealed }
    const last = await lastRow(this.#database, { gte: commitRange.gte, lte: row })
    if (last === undefined) throw gapAt(0)
    return { first: positionOf(last[0]), sealed: last[1] }
  }

  async close(): Promise<void> {
    if (!this.#failed) await flush(this.#database)
    await this.#database.close()
  }
}

async function headOf(database: Database): Promise<number> {
  const last = await lastRow(database, commitRange)
  if (last === undefined) return 0
  const first = positionOf(last[0])
  return first + countRead(first, last[1])
}

function operationsOf({ first, sealed, keys = {} }: CommitWrite): Operation[] {
  const { put = [], remove = [] } = keys
  const operations: Operation[] = [
    ...remove.map((id) => ({ type: 'del', key: keyRow(id) }) as const),
    ...put.map(({ id, bytes }) => ({ type: 'put', key: keyRow(id), value: bytes }) as const),
  ]
  if (sealed !== undefined) operations.push({ type: 'put', key: commitRow(first), value: sealed })
  return operations
}

function bytesOf(operations: readonly Operation[]): number {
  return operations.reduce(
    (sum, operation) =>
      sum + operation.key.length + (operation.type === 'put' ? operation.value.length : 0),
    0,
  )
}
