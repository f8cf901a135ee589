import { hostname } from 'node:os'
import type { Subject } from 'rxjs'
import { VaultError } from '../errors.ts'
import type { EventContext, Fact, VaultEvent } from '../events/catalogue.ts'
import { eraseKeyring, type OwnerKeyring } from '../keys/keyring.ts'
import type { Slot } from '../keys/keyslot.ts'
import type { Clock } from '../log/clock.ts'
import { Timekeeper } from '../log/clock.ts'
import type { Epochs } from '../log/epochs.ts'
import type { HeadFile } from '../log/head.ts'
import { KeyRows } from '../log/key-rows.ts'
import { Log } from '../log/log.ts'
import type { CallLimits, Command } from '../log/queue.ts'
import type { Commit, LogSource } from '../log/reader.ts'
import type { TreeRows } from '../projections/derived/tree-rows.ts'
import type { Snapshots } from '../projections/snapshots.ts'
import { originOf } from '../proofs/origin.ts'
import type { Store } from '../store/port.ts'
import type { BuiltIns } from './built-ins.ts'
import { Checkpoints } from './checkpoints.ts'
import { clearFailedUnlocks, failedUnlockFacts } from './failed-unlocks.ts'
import { changeKeyring, resumeKeyring, writeKeyringFile } from './keyring-file.ts'
import { type ReadBack, readBack } from './read-back.ts'
import { endRestore } from './restored.ts'
import { SortedPaths } from './sorted-paths.ts'
import { Upkeep } from './upkeep.ts'
import { Values } from './values.ts'
import { version } from './version.ts'

/** A store whose keyring was unlocked. */
export interface Unlocked {
  readonly store: Store
  readonly keyring: OwnerKeyring
  readonly R: Buffer
  readonly slot: Slot
}

export interface EngineOptions {
  readonly actor: string
  readonly clock: Clock
  readonly cacheBytes: number
  readonly acceptClock: boolean
  readonly heads: Subject<number>
  /** Told of each commit once it is folded. */
  readonly onCommit: (commit: Commit) => void
  /** Told when a write failed and only a reopen helps. */
  readonly onFailed: (error: { code: string; message: string }) => void
}

/** Who asks, what is recorded of it, and what bounds it. */
interface Asked {
  readonly actor: string
  readonly context: EventContext
  readonly limits: CallLimits
}

/** One opening of a vault, from unlock to close: the parts, wired. A reopen makes another. */
export class Engine implements LogSource {
  readonly store: Store
  readonly epochs: Epochs
  readonly slot: Slot
  readonly log: Log
  readonly values: Values
  readonly state: BuiltIns
  readonly snapshots: Snapshots
  readonly time: Timekeeper
  readonly paths: SortedPaths
  readonly head: HeadFile
  readonly keyRows: KeyRows
  readonly nodes: TreeRows
  readonly checkpoints: Checkpoints
  readonly #options: EngineOptions
  readonly #R: Buffer
  #keyring: OwnerKeyring
  readonly #upkeep = new Upkeep(this)

  private constructor(unlocked: Unlocked, options: EngineOptions, parts: ReadBack) {
    const { epochs, head, recovered, found } = parts
    this.store = unlocked.store
    this.slot = unlocked.slot
    this.#keyring = unlocked.keyring
    this.#R = unlocked.R
    this.#options = options
    this.epochs = epochs
    this.head = head
    this.state = recovered.state
    this.snapshots = recovered.snapshots
    this.nodes = recovered.nodes
    this.time = new Timekeeper(options.clock, recovered.newest)
    this.paths = new SortedPaths(() => this.state.secrets.fold.state.keys())
    this.keyRows = new KeyRows(this.store.keys, this.#keyring)
    this.values = new Values(this, this.keyRows, options.cacheBytes)
    this.log = new Log({
      store: this.store,
      epochs,
      keyRows: this.keyRows,
      head,
      time: this.time,
      frontier: recovered.frontier,
      keepNodes: (nodes, size) => recovered.nodes.add(nodes, size),
      fold: (commit) => this.#fold(commit),
      heads: options.heads,
      onFailed: (cause) => options.onFailed(failureOf(cause)),
    })
    this.checkpoints = new Checkpoints(this.store.files, this, found)
  }

  /** Reads the log back, resumes what a crash interrupted, and records the opening. */
  static async open(unlocked: Unlocked, options: EngineOptions): Promise<Engine> {
    const engine = new Engine(unlocked, options, await readBack(unlocked))
    try {
      await engine.#begin()
    } catch (error) {
      engine.#erase()
      throw error
    }
    return engine
  }

  get keyring(): OwnerKeyring {
    return this.#keyring
  }

  get root(): Buffer {
    return this.#R
  }

  /** The name under which the vault signs: of this life of it. */
  get origin(): string {
    return originOf(this.#keyring.vaultId, this.state.lifecycle.fold.state.incarnation)
  }

  /** How many events are durable and folded. */
  get size(): number {
    return this.log.size
  }

  append(command: Command, limits?: CallLimits): Promise<readonly VaultEvent[]> {
    return this.log.append(command, limits)
  }

  /** Appends facts that are not decided against anything, in a commit of their own. */
  record(
    facts: readonly Fact[],
    about: Partial<Asked> & { acceptsClock?: boolean } = {},
  ): Promise<readonly VaultEvent[]> {
    const command: Command = {
      actor: about.actor ?? this.#options.actor,
      context: about.context ?? { auth: { method: 'keyslot', id: this.slot.id } },
      alone: true,
      aggregate: '',
      acceptsClock: about.acceptsClock ?? false,
      decide: () => ({ facts }),
    }
    return this.log.append(command, about.limits)
  }

  /** Replaces the keyslots; `facts` says how, in events that name the generation. */
  async changeSlots(
    slots: readonly Slot[],
    facts: (generation: number) => readonly Fact[],
    about: Asked,
  ): Promise<void> {
    try {
      this.#keyring = await changeKeyring(
        { current: this.#keyring, slots, facts },
        this.#steps(about),
      )
    } catch (cause) {
      // The file may be of either generation; only the next opening finds out, and goes on with the change.
      this.log.fail(cause)
      throw new VaultError('UNCERTAIN', 'the keyslots may have changed; only reopen() can tell', {
        cause,
      })
    }
  }

  /** Records the closing, keeps the projections, lets go of the store and wipes the keys. */
  async close(): Promise<void> {
    this.#upkeep.stop()
    try {
      if (this.log.state === 'open')
        await this.record([{ type: 'vault.closed', subject: '', data: {} }])
      await this.log.close()
      if (this.log.state !== 'failed') {
        await this.checkpoints.signQuietly({ kept: true })
        await this.#upkeep.keep()
      }
    } catch (cause) {
      // A closing that the clock or a full disk kept out of the log is an end all the same: only a reopen goes on.
      this.log.fail(cause)
      throw cause
    } finally {
      await this.abandon()
    }
  }

  /** Lets go without a word in the log: it failed, or is to be opened again. */
  async abandon(): Promise<void> {
    this.#upkeep.stop()
    this.checkpoints.stop()
    try {
      await this.snapshots.settled()
      await this.checkpoints.settled()
      await this.head.settled()
      await this.store.close()
    } finally {
      this.#erase()
    }
  }

  async #begin(): Promise<void> {
    const { acceptClock } = this.#options
    if (!acceptClock) this.time.expectBelievable()
    const { lifecycle } = this.state
    const clean = lifecycle.fold.state.clean
    await endRestore(this)
    this.#keyring = await resumeKeyring(
      this.#keyring,
      lifecycle.fold.state.generation,
      this.#steps({}),
    )
    if (acceptClock) await this.acceptClock()
    await this.#recordFailedUnlocks()
    await this.record([
      {
        type: 'vault.opened',
        subject: '',
        data: { slot: this.slot.id, clean, pid: process.pid, host: hostname(), muniment: version },
      },
    ])
  }

  /** Who failed is not known: it is not whoever opens the vault now. */
  async #recordFailedUnlocks(): Promise<void> {
    const failures = await failedUnlockFacts(this.store.files)
    if (failures.length === 0) return
    await this.record(failures, { actor: 'unknown', context: {} })
    await clearFailedUnlocks(this.store.files)
  }

  /** An owner's word that the clock is right, where it reads earlier than the log or jumped. */
  async acceptClock(about: Partial<Asked> = {}): Promise<void> {
    const corrected: Fact = {
      type: 'clock.corrected',
      subject: '',
      data: { from: this.time.newest, to: this.#options.clock.now() },
    }
    await this.record([corrected], { ...about, acceptsClock: true })
  }

  #steps(about: Partial<Asked>) {
    return {
      write: (keyring: OwnerKeyring) => writeKeyringFile(this.store.files, keyring, this.#R),
      append: async (facts: readonly Fact[]) => {
        await this.record(facts, about)
      },
    }
  }

  #fold(commit: Commit): void {
    for (const { fold } of Object.values(this.state)) fold.apply(commit.events)
    for (const event of commit.events) {
      if (event.type === 'secret.destroyed') {
        for (const { keyId } of event.data.versions) this.values.forget(keyId)
      }
      const isNew = event.type === 'secret.written' && event.data.version === 1
      if (isNew || event.type === 'secret.purged') this.paths.stale()
    }
    this.#upkeep.committed(commit.end)
    this.checkpoints.committed()
    this.#options.onCommit(commit)
  }

  #erase(): void {
    this.values.erase()
    this.keyRows.erase()
    this.epochs.erase()
    eraseKeyring(this.#keyring)
    this.#R.fill(0)
  }
}

function failureOf(cause: unknown): { code: string; message: string } {
  if (cause instanceof VaultError) return cause
  return { code: 'FAILED', message: cause instanceof Error ? cause.message : 'unknown' }
}
