import { setImmediate as turn } from 'node:timers/promises'
import type { Subject } from 'rxjs'
import { VaultError } from '../errors.ts'
import type { VaultEvent } from '../events/catalogue.ts'
import type { KeyRowEntry } from '../keys/key-row.ts'
import { commitEventsMax } from '../limits.ts'
import { type Frontier, grow, root, type TreeNode } from '../proofs/tree.ts'
import type { CommitWrite, KeyChanges, Store } from '../store/port.ts'
import { type AppendWatch, watchAppend } from './append-channel.ts'
import { answer, type Decided, decideBatch, prepareAll, startDuring } from './batch.ts'
import type { Moment, Timekeeper } from './clock.ts'
import { CommitWriter, leafHashes, sealCommit } from './commit.ts'
import type { Epochs } from './epochs.ts'
import type { HeadFile } from './head.ts'
import type { KeyRef, KeyRows } from './key-rows.ts'
import { type CallLimits, type Command, type Decision, Queue, Waiting } from './queue.ts'
import type { Commit } from './reader.ts'

export interface LogParts {
  readonly store: Store
  readonly epochs: Epochs
  readonly keyRows: KeyRows
  readonly head: HeadFile
  readonly time: Timekeeper
  /** The tree of everything in the store. */
  readonly frontier: Frontier
  /** Takes the inner nodes that a durable commit completes, and the size that the tree has with it. */
  readonly keepNodes: (nodes: readonly TreeNode[], size: number) => void
  /** Folds a durable commit before its callers are answered. A throw means the state is not what the log says. */
  readonly fold: (commit: Commit) => void
  /** Told the new size once callers are answered; it only wakes readers. */
  readonly heads: Subject<number>
  /** Told once, when nothing more is accepted. */
  readonly onFailed: (cause: unknown) => void
}

export type LogState = 'open' | 'failed' | 'closed'

/**
 * The one writer of a vault. Takes what is waiting, decides it against the current state, seals it as one
 * commit, appends it, and answers: callers that wait together share one sync of the disk.
 */
export class Log {
  readonly #parts: LogParts
  readonly #queue = new Queue()
  readonly #plain = new CommitWriter()
  readonly #idle: (() => void)[] = []
  #frontier: Frontier
  #running = false
  #writing: Promise<void> = Promise.resolve()
  #state: LogState = 'open'

  constructor(parts: LogParts) {
    this.#parts = parts
    this.#frontier = parts.frontier
  }

  /** How many events are durable: the position of the next. */
  get size(): number {
    return this.#frontier.size
  }

  get frontier(): Frontier {
    return this.#frontier
  }

  get state(): LogState {
    return this.#state
  }

  get waiting(): number {
    return this.#queue.length
  }

  /**
   * Resolves with the command's events once they are durable and folded; with none where it decided on none.
   * Rejects with what `decide` threw or refused, `TIMEOUT`, `ABORTED`, `UNCERTAIN`, `FAILED`, `NO_SPACE`,
   * `CLOCK` or `CLOSED`.
   */
  append(command: Command, limits: CallLimits = {}): Promise<readonly VaultEvent[]> {
    if (limits.signal?.aborted === true) {
      return Promise.reject(
        new VaultError('ABORTED', 'the caller aborted; nothing was appended', {
          cause: limits.signal.reason,
        }),
      )
    }
    if (this.#state !== 'open') return Promise.reject(this.#refusal())
    return new Promise((resolve, reject) => {
      this.#queue.push(new Waiting(command, limits, { resolve, reject }))
      if (this.#running) return
      this.#running = true
      void this.#run()
    })
  }

  /** Resolves once the commit that is under way, if any, is decided. Never rejects. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined)
  }

  /** Refuses what comes from here on, and waits until what came before is answered. */
  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closed'
    if (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve))
    await this.#parts.head.settled()
  }

  /** The state beside the log is not what the log says, or the disk's is unknown: nothing more is accepted. */
  fail(cause: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#parts.onFailed(cause)
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && this.#state !== 'failed') {
      // Those who were just answered may ask again before this turn ends: they join the next batch.
      if (this.#queue.length < commitEventsMax) await turn()
      const entries = this.#queue.take(commitEventsMax)
      try {
        this.#writing = this.#write(entries)
        await this.#writing
      } catch (error) {
        // Only a defect of ours comes here; the state can no longer be trusted.
        this.fail(error)
        for (const entry of entries) {
          entry.reject(
            new VaultError('FAILED', 'the writer failed', { cause: error, eventIds: entry.ids }),
          )
        }
      }
    }
    if (this.#state === 'failed')
      for (const entry of this.#queue.drain()) entry.reject(this.#refusal())
    this.#running = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #write(entries: readonly Waiting[]): Promise<void> {
    const watch = watchAppend()
    await prepareAll(entries)
    const moment = this.#moment(entries)
    if (moment === undefined) return
    const { decided, left } = decideBatch(entries, this.#plain, { moment, first: this.size })
    this.#queue.unshift(left)
    const changes = decided.some(({ decision }) => changesKeys(decision))
    if (this.#plain.spans.length > 0 || changes) await this.#commit(decided, moment, watch)
    else for (const each of decided) answer(each)
  }

  #moment(entries: readonly Waiting[]): Moment | undefined {
    try {
      const accepts = entries.some(({ command }) => command.acceptsClock === true)
      return accepts ? this.#parts.time.accept() : this.#parts.time.read()
    } catch (error) {
      for (const entry of entries) entry.reject(error)
      return undefined
    }
  }

  async #commit(batch: readonly Decided[], moment: Moment, watch?: AppendWatch): Promise<void> {
    const { store, epochs, head, time, fold, heads, keepNodes } = this.#parts
    const first = this.size
    const events = batch.flatMap((decided) => decided.events)
    const plain = this.#plain
    // From here on the events are on their way: a caller that gives up must not be told that nothing was appended.
    for (const { entry, events } of batch) entry.handedOver(events.map(({ id }) => id))
    const keys = await this.#planKeys(first, batch)
    if (keys === 'unreadable') return
    const { vaultId, current } = epochs
    const sealed = events.length > 0 && sealCommit(current, { vaultId, first, plain })
    const during = startDuring(batch)
    // A value that this commit destroys is opened first: once the commit lands its key is gone.
    if (batch.some(({ decision }) => decision.removeKeys !== undefined)) await during
    const writing = commitTo(store, { first, ...(sealed && { sealed }), ...(keys && { keys }) })
    watch?.sent(writing)
    const { frontier, nodes } = grow(this.#frontier, leafHashes(epochs.current, first, plain))
    const [written] = await Promise.allSettled([writing, during])
    if (written.status === 'rejected') {
      this.#refuse(batch, first, written.reason)
      return
    }
    this.#frontier = frontier
    keepNodes(nodes, frontier.size)
    if (events.length > 0) time.advance(moment.time)
    head.note({ size: frontier.size, root: root(frontier) })
    const commit = { first, end: frontier.size, events }
    watch?.durable(commit, { ...moment, location: store.location, vaultId })
    try {
      fold(commit)
    } catch (cause) {
      this.#unfinished(batch, { what: 'a projection failed to fold them', cause })
      return
    }
    const [only] = batch
    // Nothing that a refused command would have done is done.
    if (only?.decision.refused === undefined && !(await this.#afterwards(only))) return
    for (const decided of batch) answer(decided)
    heads.next(frontier.size)
  }

  /**
   * The key rows that a batch changes. Where one of them cannot be read, those who would change it are refused and
   * the others go back to the queue: nothing was written.
   */
  async #planKeys(
    first: number,
    batch: readonly Decided[],
  ): Promise<KeyChanges | 'unreadable' | undefined> {
    const add: KeyRowEntry[] = batch.flatMap(({ decision }) => decision.addKeys ?? [])
    const remove: KeyRef[] = batch.flatMap(({ decision }) => decision.removeKeys ?? [])
    const rewrap = batch.flatMap(({ decision }) => decision.rewrap ?? [])
    if (add.length === 0 && remove.length === 0 && rewrap.length === 0) return undefined
    try {
      return await this.#parts.keyRows.plan(first, { add, remove, rewrap })
    } catch (error) {
      const others = batch.filter(({ decision }) => !changesKeys(decision))
      for (const { decision, entry } of batch) if (changesKeys(decision)) entry.reject(error)
      for (const { entry } of others) entry.takenBack()
      this.#queue.unshift(others.map(({ entry }) => entry))
      return 'unreadable'
    }
  }

  #refuse(batch: readonly Decided[], first: number, cause: unknown): void {
    const code = codeOf(cause)
    if (code === 'NO_SPACE') {
      // The store refused before it wrote: nothing changed, and there may be space again.
      const error = new VaultError(code, 'the store has no space left; nothing was appended', {
        cause,
      })
      for (const { entry } of batch) entry.reject(error)
      return
    }
    // The commit may or may not be on disk; only a reopen can tell. Nothing more is accepted until then.
    this.fail(cause)
    const certain = unwritten.includes(code)
    for (const decided of batch) {
      const { entry, events } = decided
      // What appends nothing was decided against what is on disk already.
      if (events.length === 0) answer(decided)
      else {
        entry.reject(
          new VaultError(
            certain ? 'FAILED' : 'UNCERTAIN',
            `the append at position ${first} failed`,
            { cause, eventIds: entry.ids },
          ),
        )
      }
    }
  }

  /** Of a command that commits alone: its batch is of one. False where it failed. */
  async #afterwards(only: Decided | undefined): Promise<boolean> {
    if (only?.entry.command.afterwards === undefined) return true
    try {
      await only.entry.command.afterwards()
      return true
    } catch (cause) {
      this.#unfinished([only], { what: 'what goes with them failed', cause })
      return false
    }
  }

  #unfinished(batch: readonly Decided[], { what, cause }: { what: string; cause: unknown }): void {
    this.fail(cause)
    for (const { entry } of batch) {
      entry.reject(
        new VaultError('FAILED', `the events are on disk, but ${what}`, {
          cause,
          eventIds: entry.ids,
        }),
      )
    }
  }

  #refusal(): VaultError {
    return this.#state === 'closed'
      ? new VaultError('CLOSED', 'the vault is closed')
      : new VaultError('FAILED', 'an earlier write failed; nothing more is accepted until reopen()')
  }
}

/** Whether it changes key rows that stand in the store. */
function changesKeys({ removeKeys, rewrap }: Decision): boolean {
  return removeKeys !== undefined || rewrap !== undefined
}

/** Refusals after which nothing was written, by the port; after any other, `FAILED` too, it may have been. */
const unwritten: readonly unknown[] = ['CONFLICT', 'CLOSED', 'INVALID', 'TOO_LARGE']

/** A store tells its refusals by code, whatever class of error it throws. */
function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
}

/** A store of the host's own may throw where it should reject. */
async function commitTo(store: Store, write: CommitWrite): Promise<void> {
  await store.commit(write)
}
