import type { Observable } from 'rxjs'
import type { SecretInput, SecretValue } from '../crypto/secret-value.ts'
import type { Commit } from '../log/reader.ts'
import type { Projection } from '../projections/projection.ts'
import { Anchors } from './anchors.ts'
import { stateAsOf, type VaultAsOf } from './as-of.ts'
import type { AuditEvent } from './audit.ts'
import { auditReader } from './audit-reader.ts'
import { type BackedUp, type BackupOptions, backupBytes, backupVault } from './backup.ts'
import { BackupReader, type BackupReaderOptions } from './backup-reader.ts'
import { type CallOptions, checkTimeout } from './call.ts'
import { Calls } from './calls.ts'
import {
  changeVersions,
  purgeSecret,
  type VersionsChanged,
  type VersionsOptions,
} from './change-versions.ts'
import { type Export, exportSecrets } from './export.ts'
import { type Health, healthOf } from './health.ts'
import { type Identity, identityOf } from './identity.ts'
import type { SecretInfo, VersionInfo } from './info.ts'
import {
  describeSecret,
  existsSecret,
  type HistoryOptions,
  historyOf,
  type ListOptions,
  listSecrets,
  type SecretPage,
} from './inspect.ts'
import { KeyChanges } from './key-changes.ts'
import { Keys } from './keys.ts'
import { Keyslots } from './keyslots.ts'
import { eventsFrom, type LiveProjection } from './live.ts'
import type { WriteOptions } from './new-value.ts'
import type { CreateOptions, OpenOptions, RestoreOptions } from './options.ts'
import { outcomeOf } from './outcome.ts'
import { LiveProjections } from './projections.ts'
import { Proofs } from './proofs.ts'
import { checkRead, type ReadOptions, readSecret } from './read.ts'
import type { AuditReader, SecretReader } from './readers.ts'
import {
  type Moment,
  type PassOptions,
  type Replayed,
  type ReplayOptions,
  replayProjection,
} from './replay.ts'
import { Session } from './session.ts'
import type { Verification, VerifyOptions } from './verify.ts'
import { verifyVault } from './verify-vault.ts'
import { watchUntilEnd } from './watch.ts'
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
  readonly #calls: Calls
  readonly keyslots: Keyslots
  readonly keys: Keys
  readonly proofs: Proofs
  readonly anchors: Anchors
  readonly audit: AuditReader

  private constructor(session: Session) {
    this.#session = session
    this.#projections = new LiveProjections(session)
    this.#calls = new Calls(session)
    const engine = () => session.engine()
    const call = (options: CallOptions) => this.#calls.of(options)
    const changes = new KeyChanges(engine, call)
    this.keyslots = new Keyslots(changes)
    this.keys = new Keys(changes)
    this.proofs = new Proofs(session, call)
    this.anchors = new Anchors(engine, call)
    this.audit = auditReader(session, () => this.#calls.of({}))
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

  /**
   * Makes a vault of a backup, recorded as `vault.restored`. A crash before its end leaves no vault: empty the place and
   * restore again. Throws `NOT_FOUND`, `INTEGRITY` (naming the byte or the position), `UNSUPPORTED`, `WRONG_KEY`,
   * `AUDITOR_ONLY` about the backup, before anything is made; then as `create` and `open` do.
   *
   * @example
   * const vault = await Vault.restore({ from: '/backup/vault.muna', path: './vault', unlock, actor: 'user/ana' })
   */
  static async restore(options: RestoreOptions): Promise<Vault> {
    return new Vault(await Session.restore(options))
  }

  /**
   * Opens a backup to look at it, by any of its keyslots: nothing is written, and no value can be read. Throws
   * `NOT_FOUND`, `WRONG_KEY`, `INTEGRITY` (naming the byte or the position), `UNSUPPORTED`, `INVALID`, `ABORTED`.
   *
   * @example
   * const backup = await Vault.openBackup({ from: 'vault.muna', unlock: passphrase.fromFile('auditor'), verifier })
   * for await (const { events } of backup.audit.query({ outcome: 'denied' })) show(events)
   * await backup.close()
   */
  static async openBackup(options: BackupReaderOptions): Promise<BackupReader> {
    return BackupReader.open(options)
  }

  /** A first version, or the next. Throws `CONFLICT` where `ifVersion` is not what is there. */
  async write(path: string, value: SecretInput, options: WriteOptions = {}): Promise<Written> {
    return this.#calls.run(options, (call, engine) =>
      writeSecret(engine, call, { path, value, options }),
    )
  }

  /**
   * The value, once the record of this access is on disk. Throws `NOT_FOUND`, `DELETED`, `DESTROYED`, `EXPIRED`,
   * `NOT_YET_VALID`, each recorded as `secret.denied`.
   */
  async read(path: string, options: ReadOptions = {}): Promise<SecretValue> {
    return this.#calls.run(options, (call, engine) => {
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
    return this.#calls.run(options, (call, engine) =>
      rotateSecret(engine, call, { path, value, options }),
    )
  }

  /** Changes what is known of a secret and not its value. Throws `NOT_FOUND`, `CONFLICT`. */
  async annotate(path: string, options: WriteOptions): Promise<Annotated> {
    return this.#calls.run(options, (call, engine) =>
      annotateSecret(engine, call, { path, options }),
    )
  }

  /** Withdraws versions, the newest unless said, until `restore`. Throws `NOT_FOUND`, `DESTROYED`. */
  async delete(path: string, options: VersionsOptions = {}): Promise<VersionsChanged> {
    return this.#calls.run(options, (call, engine) =>
      changeVersions(engine, call, { path, change: 'delete', options }),
    )
  }

  /** Brings deleted versions back. Throws `NOT_FOUND`, `DESTROYED`. */
  async restore(path: string, options: VersionsOptions = {}): Promise<VersionsChanged> {
    return this.#calls.run(options, (call, engine) =>
      changeVersions(engine, call, { path, change: 'restore', options }),
    )
  }

  /** Destroys the keys of versions, for good. Throws `NOT_FOUND`. */
  async destroy(
    path: string,
    options: VersionsOptions & { readonly versions: readonly number[] },
  ): Promise<VersionsChanged> {
    return this.#calls.run(options, (call, engine) =>
      changeVersions(engine, call, { path, change: 'destroy', options }),
    )
  }

  /** Destroys all versions and frees the path; the record of what was stays. Throws `NOT_FOUND`. */
  async purge(path: string, options: CallOptions = {}): Promise<VersionsChanged> {
    return this.#calls.run(options, (call, engine) => purgeSecret(engine, call, path))
  }

  /** Whether the path has a newest version that is neither deleted nor destroyed. */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    return this.#calls.inspect(options, (inspector) => existsSecret(inspector, path))
  }

  /** What is known of the secrets whose paths begin with `prefix`, in pages. */
  async list(prefix = '', options: ListOptions = {}): Promise<SecretPage> {
    return this.#calls.inspect(options, (inspector) => listSecrets(inspector, prefix, options))
  }

  /** What is known of a secret besides its value. Throws `NOT_FOUND`. */
  async describe(path: string, options: CallOptions = {}): Promise<SecretInfo> {
    return this.#calls.inspect(options, (inspector) => describeSecret(inspector, path))
  }

  /** Its versions, newest first: who, when, why, and whether they can still be read. Throws `NOT_FOUND`. */
  async history(path: string, options: HistoryOptions = {}): Promise<readonly VersionInfo[]> {
    return this.#calls.inspect(options, (inspector) => historyOf(inspector, path, options))
  }

  /**
   * The current value, then each newest one, every delivery an audited read. Goes on across a reopen. Ends by
   * throwing what a read would: `EXPIRED`, `DELETED`, `DESTROYED`, `NOT_FOUND`; `CLOSED`, `ABORTED`.
   *
   * @example
   * for await (const secret of vault.watch('prod/db/password', { signal })) pool.reconnect(secret.text())
   */
  async *watch(path: string, options: CallOptions = {}): AsyncGenerator<SecretValue, void, void> {
    yield* watchUntilEnd(this.#session, { path, options, callOf: (own) => this.#calls.of(own) })
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
    return this.#calls.inspect({}, (inspector) => replayProjection(inspector, projection, options))
  }

  /**
   * The vault as it was with the event at a position, or at a date with the last event at or before it. Throws
   * `INVALID` for a moment outside the log, `ABORTED`.
   *
   * @example
   * const march = await vault.asOf({ time: '2026-04-01' })
   * const { items } = await march.list('prod/')
   * const secret = await march.read('prod/db/password', { reason: 'incident 12' })
   */
  async asOf(moment: Moment, options: PassOptions = {}): Promise<VaultAsOf> {
    return this.#calls.run({}, (_, engine) =>
      stateAsOf(engine, moment, {
        ...options,
        run: (call, work) => this.#calls.run(call, work),
        look: (call, work) => this.#calls.inspect(call, work),
      }),
    )
  }

  /**
   * Every live version of the secrets whose paths begin with `prefix`, expired ones too, once `export.created` is on
   * disk. Throws as `list` does; its entries throw `ABORTED`, and `CLOSED` where the vault is closed meanwhile.
   *
   * @example
   * const { position, entries } = await vault.export('prod/', { reason: 'move to eu-west' })
   * for await (const { path, versions } of entries) await put(path, versions)
   */
  async export(prefix = '', options: CallOptions = {}): Promise<Export> {
    return this.#calls.run(options, (call) =>
      exportSecrets(() => this.#session.engine(), call, prefix),
    )
  }

  /**
   * A copy of the log and of the keys as they are with `backup.created`, in one file, sealed as the vault is. It is made
   * while others go on, and read back before this resolves; its credentials are the vault's of now. Throws `EXISTS`,
   * `INVALID` where there is no folder for it, `NO_SPACE`, `INTEGRITY`; then no file is left.
   *
   * @example
   * const { position, sha256 } = await vault.backup('/backup/vault-2026-04-01.muna')
   */
  async backup(path: string, options: BackupOptions = {}): Promise<BackedUp> {
    return this.#calls.run(options, (call, engine) => backupVault(engine, call, { path, options }))
  }

  /** The bytes of such a file, in pieces: whoever takes them, and checks what arrives. Throws as `backup` does. */
  async *backupBytes(options: BackupOptions = {}): AsyncGenerator<Uint8Array, void, void> {
    yield* backupBytes(this.#session.engine(), this.#calls.of(options), options)
  }

  /**
   * The event of this id if it landed, undefined if it did not: the answer to `UNCERTAIN`. A commit that is still under
   * way is waited for; after a write that failed, `reopen` comes first.
   */
  async outcome(
    id: string,
    options: { readonly timeout?: number } = {},
  ): Promise<AuditEvent | undefined> {
    return outcomeOf(this.#session, id, options)
  }

  /**
   * Reads every byte of the log, in a thread of its own while others go on, and holds it against itself, its keyring and
   * all that was signed of it. What is wrong is told, never thrown. Without `against` or an anchor a rollback of the whole
   * folder cannot be seen. Throws `INVALID` and `INTEGRITY` about `against`, `ABORTED`.
   *
   * @example
   * const { ok, problems, unsigned } = await vault.verify({ against: { checkpoint, trust: { log: parseVkey(pinned) } } })
   */
  async verify(options: VerifyOptions = {}): Promise<Verification> {
    return this.#calls.run({}, (_, engine) => verifyVault(engine, options))
  }

  /** An owner's word that the clock is right, after `CLOCK`: recorded as `clock.corrected`. */
  async acceptClock(options: CallOptions = {}): Promise<void> {
    return this.#calls.run(options, (call, engine) => engine.acceptClock(call))
  }

  /** Which vault it is. Throws `CLOSED`, `FAILED`. */
  identity(): Identity {
    return identityOf(this.#session.engine())
  }

  /** What an operator looks at first; it answers in any state. */
  async health(): Promise<Health> {
    return healthOf(this.#session, {
      projections: this.#projections.statuses(),
      rejected: this.#calls.rejected,
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
}
