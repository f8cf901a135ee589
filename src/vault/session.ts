// By their own entries, which rxjs exports: its index loads ten times as much, a fifth of a command's start.
import { Subject } from 'rxjs/internal/Subject'
import { VaultError } from '../errors.ts'
import { type Followed, grown } from '../log/follow.ts'
import { Tail } from '../log/tail.ts'
import type { Store } from '../store/port.ts'
import { type InTurn, oneAtATime } from '../store/serial.ts'
import { publishCommit, publishFailure } from './diagnostics.ts'
import { Engine, type EngineOptions, type Unlocked } from './engine.ts'
import type { CreateOptions, OpenOptions, ReadOptions, RestoreOptions } from './options.ts'
import { readOptions } from './options.ts'
import { copyBackup, withBackup } from './restore.ts'
import type { FailedAuth } from './tokens/failed-auth.ts'
import { recordedFailures } from './tokens/recorded-failures.ts'
import { makeKeyring, reopenKeyring, unlockKeyring } from './unlock.ts'

/** The lifetime of an open vault: one engine after another, and what outlasts each of them. */
export class Session {
  readonly options: ReadOptions
  /** The one source of wake-ups in the vault: the log's size, after each commit and each reopen. */
  readonly heads: Subject<number>
  /** What followers read from: they outlast a reopen. */
  readonly followed: Followed
  /** Changes of the keyring wait here for each other, whichever handle they come from. */
  readonly keyTurn: InTurn = oneAtATime()
  /** Tokens and logins that were refused. */
  readonly failures: FailedAuth
  /** What a reopen opens the keyring with. */
  #roots: readonly Buffer[] = []
  readonly #slotId: string
  #engine: Engine
  #closed: Promise<void> | undefined
  #reopening: Promise<void> | undefined

  private constructor(options: ReadOptions, heads: Subject<number>, engine: Engine) {
    this.options = options
    this.heads = heads
    this.#engine = engine
    this.#slotId = engine.slot.id
    const source = () => this.#engine
    this.followed = { source, heads, tail: new Tail(source, heads) }
    this.failures = recordedFailures(this)
  }

  static async create(options: CreateOptions): Promise<Session> {
    const read = readOptions(options)
    const { unlock, label } = options
    return Session.#start(read, {
      store: () => read.opener.create(),
      unlock: (store) => makeKeyring(store, unlock, { label, clock: read.clock }),
      acceptClock: false,
    })
  }

  static async open(options: OpenOptions): Promise<Session> {
    const read = readOptions(options)
    return Session.#start(read, {
      store: () => read.opener.open(),
      unlock: (store) => unlockKeyring(store, options.unlock, read.clock),
      acceptClock: options.acceptClock ?? false,
    })
  }

  /** The backup is opened and unlocked before anything is made where the vault is to be. */
  static async restore(options: RestoreOptions): Promise<Session> {
    const read = readOptions(options)
    const { from, unlock, acceptClock = false } = options
    return withBackup(from, { unlock, clock: read.clock }, (backup) =>
      Session.#start(read, {
        store: () => read.opener.create(),
        unlock: (store) => copyBackup(backup, store),
        acceptClock,
      }),
    )
  }

  static async #start(
    options: ReadOptions,
    how: {
      store: () => Promise<Store>
      unlock: (store: Store) => Promise<Unlocked>
      acceptClock: boolean
    },
  ): Promise<Session> {
    const heads = new Subject<number>()
    const store = await how.store()
    try {
      const unlocked = await how.unlock(store)
      const { acceptClock } = how
      const engine = await Engine.open(
        unlocked,
        engineOptions(options, { heads, acceptClock, store }),
      )
      return new Session(options, heads, engine)
    } catch (error) {
      await store.close().catch(() => undefined)
      throw error
    }
  }

  /** The engine to ask. Throws `CLOSED`, or `FAILED` until a reopen. */
  engine(): Engine {
    if (this.#closed !== undefined) throw new VaultError('CLOSED', 'the vault is closed')
    if (this.#engine.log.state === 'open') return this.#engine
    throw new VaultError(
      'FAILED',
      'an earlier write failed; nothing more is accepted until reopen()',
    )
  }

  /** The engine as it is, failed or closed too: for health, and for followers that wait for a reopen. */
  get current(): Engine {
    return this.#engine
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  /** The engine, once it accepts. Throws `CLOSED`, `ABORTED`. */
  async whenOpen(signal: AbortSignal): Promise<Engine> {
    while (this.#closed === undefined && this.#engine.log.state !== 'open') {
      if (!(await grown(this.heads, -1, signal))) break
    }
    return this.engine()
  }

  /**
   * Opens the vault again: after a failed write, the way to find out what is on disk. Does nothing to callers that
   * wait for it; rejects as `open` does, and may be called again.
   */
  reopen(acceptClock = false): Promise<void> {
    if (this.#closed !== undefined)
      return Promise.reject(new VaultError('CLOSED', 'the vault is closed'))
    this.#reopening ??= this.#reopen(acceptClock).finally(() => {
      this.#reopening = undefined
    })
    return this.#reopening
  }

  async #reopen(acceptClock: boolean): Promise<void> {
    const { options, heads } = this
    const engine = this.#engine
    // An engine that an earlier attempt let go of has none any more.
    if (engine.roots.length > 0) {
      this.#wipeRoots()
      this.#roots = engine.roots.map((root) => Buffer.from(root))
    }
    if (engine.log.state === 'open') {
      await this.failures.flush()
      await engine.close()
    } else await engine.abandon()
    const store = await options.opener.open()
    try {
      const unlocked = await reopenKeyring(store, this.#roots, this.#slotId)
      const reopened = engineOptions(options, { heads, acceptClock, store })
      this.#engine = await Engine.open(unlocked, reopened)
    } catch (error) {
      await store.close().catch(() => undefined)
      throw error
    }
    heads.next(this.#engine.size)
  }

  /** Answers what was asked before, records the closing, lets go. A second call waits for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#reopening?.catch(() => undefined)
    try {
      if (this.#engine.log.state === 'open') {
        await this.failures.flush()
        await this.#engine.close()
      } else await this.#engine.abandon()
    } finally {
      this.failures.end()
      this.#wipeRoots()
      this.heads.complete()
    }
  }

  #wipeRoots(): void {
    for (const root of this.#roots) root.fill(0)
  }
}

function engineOptions(
  options: ReadOptions,
  about: { heads: Subject<number>; acceptClock: boolean; store: Store },
): EngineOptions {
  const { location } = about.store
  return {
    actor: options.actor,
    clock: options.clock,
    cacheBytes: options.cacheBytes,
    acceptClock: about.acceptClock,
    heads: about.heads,
    onCommit: (commit) => publishCommit(location, commit),
    onFailed: (error) => publishFailure(location, error),
  }
}
