import { hostname } from 'node:os'
import type { Subject } from 'rxjs'
import type { Anchor, Fact, VaultEvent } from '../events/catalogue.ts'
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
import { consistencyProof } from '../proofs/consistency.ts'
import { originOf } from '../proofs/origin.ts'
import type { Store } from '../store/port.ts'
import { Anchoring } from './anchoring.ts'
import type { BuiltIns } from './built-ins.ts'
import type { Call } from './call.ts'
import { Checkpoints } from './checkpoints.ts'
import { CommitTimes } from './commit-times.ts'
import { failureOf } from './diagnostics.ts'
import { clearFailedUnlocks, failedUnlockFacts } from './failed-unlocks.ts'
import { type ChangeCall, HeldKeyring } from './held-keyring.ts'
import type { KeyringChange } from './keyring-change.ts'
import { putInOrder } from './path-order.ts'
import { type ReadBack, readBack } from './read-back.ts'
import { endRestore } from './restored.ts'
import { SortedPaths } from './sorted-paths.ts'
import { HandedOutKeys } from './tokens/handed-out-keys.ts'
import { treeSource } from './tree-source.ts'
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
  readonly declaredPaths: SortedPaths
  readonly head: HeadFile
  readonly keyRows: KeyRows
  readonly nodes: TreeRows
  readonly checkpoints: Checkpoints
  readonly anchoring = new Anchoring(this)
  readonly times = new CommitTimes()
  readonly handedOut = new HandedOutKeys(() => this.keyring.values.appends)
  readonly #options: EngineOptions
  readonly #derived: ReadBack['derived']
  readonly #held: HeldKeyring
  readonly #upkeep = new Upkeep(this)

  private constructor(unlocked: Unlocked, options: EngineOptions, parts: ReadBack) {
    const { epochs, head, recovered, found } = parts
    this.store = unlocked.store
    this.slot = unlocked.slot
    this.#held = new HeldKeyring(this, unlocked)
    this.#options = options
    this.epochs = epochs
    this.head = head
    this.state = recovered.state
    this.snapshots = recovered.snapshots
    this.nodes = recovered.nodes
    this.time = new Timekeeper(options.clock, recovered.newest)
    this.paths = new SortedPaths(() => this.state.secrets.fold.state.keys())
    this.declaredPaths = new SortedPaths(() => this.state.declarations.fold.state.keys())
    this.keyRows = new KeyRows(this.store.keys, unlocked.keyring)
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
    this.#derived = parts.derived
  }

  /** Reads the log back, resumes what a crash interrupted, and records the opening. */
  static async open(unlocked: Unlocked, options: EngineOptions): Promise<Engine> {
    const engine = new Engine(unlocked, options, await readBackOrErase(unlocked))
    try {
      await engine.#begin()
    } catch (error) {
      engine.#erase()
      throw error
    }
    return engine
  }

  get keyring(): OwnerKeyring {
    return this.#held.keyring
  }

  /** What a keyslot of an owner wraps. */
  get root(): Buffer {
    return this.#held.root
  }

  /** Of the keys that sign checkpoints. */
  get seeds(): readonly Buffer[] {
    return this.#held.seeds
  }

  /** What a reopen tries to open the keyring with: more than one only where a write of it failed. */
  get roots(): readonly Buffer[] {
    return this.#held.roots
  }

  /** The name under which the vault signs: of this life of it. */
  get origin(): string {
    return originOf(this.keyring.vaultId, this.state.lifecycle.fold.state.incarnation)
  }

  /** How many events are durable and folded. */
  get size(): number {
    return this.log.size
  }

  get anchors(): ReadonlyMap<string, Anchor> {
    return this.state.lifecycle.fold.state.anchors
  }

  /** The consistency proof between two sizes of the log (RFC 9162 §2.1.4). */
  consistency(from: number, to: number): Promise<readonly Buffer[]> {
    return consistencyProof(treeSource(this, this.nodes), { from, to })
  }

  append(command: Command, limits?: CallLimits): Promise<readonly VaultEvent[]> {
    return this.log.append(command, limits)
  }

  /** Appends facts that are not decided against anything, in a commit of their own. */
  record(
    facts: readonly Fact[],
    about: Partial<Call> & Pick<Command, 'acceptsClock' | 'afterwards'> = {},
  ): Promise<readonly VaultEvent[]> {
    const command: Command = {
      actor: about.actor ?? this.#options.actor,
      context: about.context ?? { auth: { method: 'keyslot', id: this.slot.id } },
      alone: true,
      aggregate: '',
      acceptsClock: about.acceptsClock ?? false,
      ...(about.afterwards && { afterwards: about.afterwards }),
      decide: () => ({ facts }),
    }
    return this.log.append(command, about.limits)
  }

  /** Changes the keyring; resolves with the events. Throws `UNCERTAIN` where only a reopen can tell. */
  changeKeyring(change: KeyringChange, about: ChangeCall): Promise<readonly VaultEvent[]> {
    return this.#held.change(change, about)
  }

  /** Finishes a change of the keyring that was interrupted; its events, or none. */
  finishChange(about: ChangeCall): Promise<readonly VaultEvent[]> {
    return this.#held.finish(about)
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
      await this.anchoring.close()
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
    await this.#held.resume()
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
  async acceptClock(about: Partial<Call> = {}): Promise<void> {
    const corrected: Fact = {
      type: 'clock.corrected',
      subject: '',
      data: { from: this.time.newest, to: this.#options.clock.now() },
    }
    await this.record([corrected], { ...about, acceptsClock: true })
  }

  #fold(commit: Commit): void {
    for (const { fold } of Object.values(this.state)) fold.apply(commit.events)
    for (const event of commit.events) {
      if (event.type === 'secret.destroyed') {
        for (const { keyId } of event.data.versions) this.values.forget(keyId)
      }
      putInOrder(this, event)
    }
    this.times.add(commit)
    this.#upkeep.committed(commit.end)
    this.checkpoints.committed()
    this.#options.onCommit(commit)
  }

  #erase(): void {
    this.values.erase()
    this.keyRows.erase()
    this.epochs.erase()
    this.handedOut.erase()
    this.#derived.erase()
    this.#held.erase()
  }
}

/** A log that is not what it should be leaves no keys behind. */
async function readBackOrErase(unlocked: Unlocked): Promise<ReadBack> {
  try {
    return await readBack(unlocked)
  } catch (error) {
    eraseKeyring(unlocked.keyring)
    unlocked.R.fill(0)
    throw error
  }
}
