import type { Observable } from 'rxjs'
import type { SecretInput, SecretValue } from '../crypto/secret-value.ts'
import { VaultError } from '../errors.ts'
import type { Commit } from '../log/reader.ts'
import type { Projection } from '../projections/projection.ts'
import {
  type AuditEvent,
  type AuditPage,
  type AuditQuery,
  checkFollow,
  checkQuery,
  followAudit,
  queryAudit,
  recordQuery,
} from './audit.ts'
import { type Call, type CallOptions, checkTimeout, readCall } from './call.ts'
import {
  changeVersions,
  purgeSecret,
  type VersionsChanged,
  type VersionsOptions,
} from './change-versions.ts'
import { type Health, healthOf } from './health.ts'
import type { SecretInfo, VersionInfo } from './info.ts'
import {
  describeSecret,
  existsSecret,
  type HistoryOptions,
  historyOf,
  type Inspector,
  type ListOptions,
  listSecrets,
  type SecretPage,
} from './inspect.ts'
import { Keyslots } from './keyslots.ts'
import { eventsFrom, type LiveProjection } from './live.ts'
import type { WriteOptions } from './new-value.ts'
import type { CreateOptions, OpenOptions } from './options.ts'
import { findOutcome } from './outcome.ts'
import { LiveProjections } from './projections.ts'
import { checkRead, type ReadOptions, readSecret } from './read.ts'
import type { AuditReader, SecretReader } from './readers.ts'
import { type Replayed, type ReplayOptions, replayProjection } from './replay.ts'
import { Session } from './session.ts'
import { watchSecret } from './watch.ts'
import { within } from './within.ts'
import {
  type Annotated,
  annotateSecret,
  type NewValue,
  type Rotated,
  type RotateOptions,
  rotateSecret,
  type Written,
  writeSecret,
} from './write.ts'

const closeTimeoutMs = 30_000

/**
 * A secrets vault whose every operation is an event in an encrypted log.
 *
 * This handle is the host's own and unrestricted: `actor` is what the host vouches for, and is recorded as *claimed*.
 * Any verb can throw `INVALID` or `TOO_LARGE` (an argument, named), `CLOSED`, `FAILED` (call `reopen`), `TIMEOUT`,
 * `ABORTED`, `UNCERTAIN` (ask `outcome`), `NO_SPACE`, `CLOCK` and `INTEGRITY`.
 *
 * @example
 * const vault = await Vault.open({ path: './vault', unlock: passphrase.fromFile('/run/credentials/vault'), actor: 'svc/billing' })
 * await vault.write('prod/db/password', 'hunter2', { type: 'database_password' })
 * const secret = await vault.read('prod/db/password', { reason: 'start-up' })
 * await vault.close()
 */
export class Vault implements SecretReader {
  readonly #session: Session
  readonly #projections: LiveProjections
  readonly #rejected = { invalid: 0, conflict: 0 }
  readonly keyslots: Keyslots
  readonly audit: AuditReader

  private constructor(session: Session) {
    this.#session = session
    this.#projections = new LiveProjections(session)
    this.keyslots = new Keyslots(
      () => session.engine(),
      (options) => this.#callOf(options),
    )
    this.audit = {
      query: (query = {}) => this.#query(query),
      follow: (query = {}) => {
        checkFollow(query)
        session.engine()
        return followAudit(session.followed, query)
      },
    }
  }

  /** Makes a vault. Throws `EXISTS` over one, `INVALID` in a folder that holds other things, `IN_USE`. */
  static async create(options: CreateOptions): Promise<Vault> {
    return new Vault(await Session.create(options))
  }

  /**
   * Opens a vault. Throws `NOT_FOUND`, `IN_USE` (naming who holds it), `WRONG_KEY` (recorded at the next opening),
   * `UNSUPPORTED` for a later format, `INTEGRITY`, `CLOCK` (see `acceptClock`), `AUDITOR_ONLY`.
   */
  static async open(options: OpenOptions): Promise<Vault> {
    return new Vault(await Session.open(options))
  }

  /** A first version, or the next. Throws `CONFLICT` where `ifVersion` is not what is there. */
  async write(path: string, value: SecretInput, options: WriteOptions = {}): Promise<Written> {
    return this.#run(options, (call, engine) => writeSecret(engine, call, { path, value, options }))
  }

  /**
   * The value, once the record of this access is on disk. Throws `NOT_FOUND`, `DELETED`, `DESTROYED`, `EXPIRED`,
   * `NOT_YET_VALID`, each recorded as `secret.denied`.
   */
  async read(path: string, options: ReadOptions = {}): Promise<SecretValue> {
    return this.#run(options, (call, engine) => {
      checkRead(path, options)
      return readSecret(engine, call, { path, options, operation: 'read' })
    })
  }

  /**
   * A new value for a secret that is there, given or made: `generate.password()`, or a function of the host's, whose
   * failure is recorded and leaves the old value; its error is not passed on, as it may quote the new one. Throws
   * `NOT_FOUND`, `DELETED`, `DESTROYED`, `CONFLICT`.
   */
  async rotate(path: string, value: NewValue, options: RotateOptions = {}): Promise<Rotated> {
    return this.#run(options, (call, engine) =>
      rotateSecret(engine, call, { path, value, options }),
    )
  }

  /** Changes what is known of a secret and not its value. Throws `NOT_FOUND`, `CONFLICT`. */
  async annotate(path: string, options: WriteOptions): Promise<Annotated> {
    return this.#run(options, (call, engine) => annotateSecret(engine, call, { path, options }))
  }

  /** Withdraws versions, the newest unless said, until `restore`. Throws `NOT_FOUND`, `DESTROYED`. */
  async delete(path: string, options: VersionsOptions = {}): Promise<VersionsChanged> {
    return this.#run(options, (call, engine) =>
      changeVersions(engine, call, { path, change: 'delete', options }),
    )
  }

  /** Brings deleted versions back. Throws `NOT_FOUND`, `DESTROYED`. */
  async restore(path: string, options: VersionsOptions = {}): Promise<VersionsChanged> {
    return this.#run(options, (call, engine) =>
      changeVersions(engine, call, { path, change: 'restore', options }),
    )
  }

  /** Destroys the keys of versions, for good. Throws `NOT_FOUND`. */
  async destroy(
    path: string,
    options: VersionsOptions & { readonly versions: readonly number[] },
  ): Promise<VersionsChanged> {
    return this.#run(options, (call, engine) =>
      changeVersions(engine, call, { path, change: 'destroy', options }),
    )
  }

  /** Destroys all versions and frees the path; the record of what was stays. Throws `NOT_FOUND`. */
  async purge(path: string, options: CallOptions = {}): Promise<VersionsChanged> {
    return this.#run(options, (call, engine) => purgeSecret(engine, call, path))
  }

  /** Whether the path has a newest version that is neither deleted nor destroyed. */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    return this.#run(options, (call, engine) => existsSecret(this.#inspector(call, engine), path))
  }

  /** What is known of the secrets whose paths begin with `prefix`, in pages. */
  async list(prefix = '', options: ListOptions = {}): Promise<SecretPage> {
    return this.#run(options, (call, engine) =>
      listSecrets(this.#inspector(call, engine), prefix, options),
    )
  }

  /** What is known of a secret besides its value. Throws `NOT_FOUND`. */
  async describe(path: string, options: CallOptions = {}): Promise<SecretInfo> {
    return this.#run(options, (call, engine) => describeSecret(this.#inspector(call, engine), path))
  }

  /** Its versions, newest first: who, when, why, and whether they can still be read. Throws `NOT_FOUND`. */
  async history(path: string, options: HistoryOptions = {}): Promise<readonly VersionInfo[]> {
    return this.#run(options, (call, engine) =>
      historyOf(this.#inspector(call, engine), path, options),
    )
  }

  /**
   * The current value, then each newest one, every delivery an audited read. Goes on across a reopen. Ends by
   * throwing what a read would: `EXPIRED`, `DELETED`, `DESTROYED`, `NOT_FOUND`; `CLOSED`, `ABORTED`.
   *
   * @example
   * for await (const secret of vault.watch('prod/db/password', { signal })) pool.reconnect(secret.text())
   */
  async *watch(path: string, options: CallOptions = {}): AsyncGenerator<SecretValue, void, void> {
    const { signal: given, ...rest } = options
    const ended = new AbortController()
    const signal = given === undefined ? ended.signal : AbortSignal.any([given, ended.signal])
    checkRead(path, rest)
    const watched = {
      engine: (waiting: AbortSignal) => this.#session.whenOpen(waiting),
      heads: this.#session.heads,
    }
    try {
      yield* watchSecret(watched, { path, call: this.#callOf({ ...rest, signal }), signal })
    } finally {
      ended.abort()
    }
  }

  /** Every commit from the first on, then each as it lands; completes on close. Each subscription reads for itself. */
  get events$(): Observable<Commit> {
    return eventsFrom(this.#session.followed, 0)
  }

  /**
   * Folds a projection live, from its snapshot where it has one. The vault's own (`secrets`, `rotations`,
   * `accesses`) are never behind; one of the host's folds off the path of the callers.
   *
   * @example
   * const live = await vault.project(writesByActor)
   * const { position } = await vault.write('a', 'b')
   * const view = await live.waitFor(position)
   */
  async project<S>(projection: Projection<S>): Promise<LiveProjection<S>> {
    return this.#projections.start(projection)
  }

  /** A projection's state at a moment, folded from the first event on. Throws `INVALID`, `ABORTED`. */
  async replay<S>(projection: Projection<S>, options: ReplayOptions = {}): Promise<Replayed<S>> {
    return replayProjection(this.#session.engine(), projection, options)
  }

  /**
   * The event of this id if it landed, undefined if it did not: the answer to `UNCERTAIN`. A commit that is still under
   * way is waited for; after a write that failed, `reopen` comes first.
   */
  async outcome(
    id: string,
    options: { readonly timeout?: number } = {},
  ): Promise<AuditEvent | undefined> {
    const engine = this.#session.engine()
    const timeout = checkTimeout(options.timeout ?? this.#session.options.timeout)
    await within(timeout, engine.log.settled(), 'the commit under way')
    return findOutcome(engine, id)
  }

  /** An owner's word that the clock is right, after `CLOCK`: recorded as `clock.corrected`. */
  async acceptClock(options: CallOptions = {}): Promise<void> {
    return this.#run(options, (call, engine) => engine.acceptClock(call))
  }

  /** What an operator looks at first; it answers in any state. */
  async health(): Promise<Health> {
    return healthOf(this.#session, {
      projections: this.#projections.statuses(),
      rejected: { ...this.#rejected },
    })
  }

  /**
   * Opens the vault again, without a passphrase: after `FAILED` or `UNCERTAIN`, the way to find out what is on disk.
   * Rejects as `open` does, and may be called again; after `CLOCK`, with `acceptClock`. Throws `TIMEOUT` where the store does not let go.
   */
  async reopen(
    options: { readonly timeout?: number; readonly acceptClock?: boolean } = {},
  ): Promise<void> {
    const timeout = checkTimeout(options.timeout ?? closeTimeoutMs)
    return within(timeout, this.#session.reopen(options.acceptClock), 'reopen')
  }

  /**
   * Answers what was asked before, records the closing, lets go of the store and wipes the keys. A second call waits
   * for the first. Throws `TIMEOUT` where the store does not let go within 30 s, or `timeout`.
   */
  async close(options: { readonly timeout?: number } = {}): Promise<void> {
    const timeout = checkTimeout(options.timeout ?? closeTimeoutMs)
    return within(timeout, this.#session.close(), 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #callOf(options: CallOptions): Call {
    const { options: own } = this.#session
    const slot = this.#session.current.slot.id
    return readCall({ actor: own.actor, timeout: own.timeout, ambient: own.ambient, slot }, options)
  }

  #inspector(call: Call, engine: Inspector['engine']): Inspector {
    return { engine, call, recorded: this.#session.options.inspections }
  }

  async #run<T>(
    options: CallOptions,
    work: (call: Call, engine: Inspector['engine']) => Promise<T>,
  ): Promise<T> {
    try {
      const engine = this.#session.engine()
      return await work(this.#callOf(options), engine)
    } catch (error) {
      if (error instanceof VaultError) this.#count(error)
      throw error
    }
  }

  #count({ code }: VaultError): void {
    if (code === 'CONFLICT') this.#rejected.conflict++
    else if (code === 'INVALID' || code === 'TOO_LARGE') this.#rejected.invalid++
  }

  async *#query(query: AuditQuery): AsyncGenerator<AuditPage, void, void> {
    checkQuery(query)
    const engine = this.#session.engine()
    if (this.#session.options.inspections) await recordQuery(engine, this.#callOf({}), query)
    yield* queryAudit(engine, query)
  }
}
