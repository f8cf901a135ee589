import type { Observable } from 'rxjs'
import type { Commit } from '../log/reader.ts'
import type { AuditEvent } from './audit.ts'
import { BackupReader, type BackupReaderOptions } from './backup-reader.ts'
import { type CallOptions, checkTimeout } from './call.ts'
import { Calls, type ScopeOptions } from './calls.ts'
import { type Health, healthOf } from './health.ts'
import { type Identity, identityOf } from './identity.ts'
import { KeyChanges } from './key-changes.ts'
import { Keys } from './keys.ts'
import { Keyslots } from './keyslots.ts'
import { eventsFrom } from './live.ts'
import type { CreateOptions, OpenOptions, RestoreOptions } from './options.ts'
import { outcomeOf } from './outcome.ts'
import { LiveProjections } from './projections.ts'
import { Proofs } from './proofs.ts'
import { Scope } from './scope.ts'
import { Session } from './session.ts'
import type { Verification, VerifyOptions } from './verify.ts'
import { verifyVault } from './verify-vault.ts'
import { within } from './within.ts'

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
export class Vault extends Scope {
  readonly #session: Session
  readonly #projections: LiveProjections
  readonly #calls: Calls
  override readonly keyslots: Keyslots
  override readonly keys: Keys
  readonly proofs: Proofs

  private constructor(session: Session) {
    const calls = new Calls(session)
    const projections = new LiveProjections(session)
    super({ session, calls, projections })
    this.#session = session
    this.#projections = projections
    this.#calls = calls
    const call = (options: CallOptions) => calls.of(options)
    const changes = new KeyChanges(() => session.engine(), call, session.keyTurn)
    this.keyslots = new Keyslots(changes)
    this.keys = new Keys(changes)
    this.proofs = new Proofs(session, call)
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

  /**
   * The verbs as another actor has them, held to policy: by the roles that it was granted, and by `roles` that the host
   * vouches for, which are recorded as asserted. Throws `INVALID`, `TOO_LARGE`.
   *
   * @example
   * const ana = vault.as({ actor: 'user/ana', source: '10.0.0.7' })
   * await ana.read('prod/db/password', { reason: 'incident 12' })
   */
  as(options: ScopeOptions): Scope {
    const [session, projections] = [this.#session, this.#projections]
    return new Scope({ session, calls: this.#calls.as(options), projections })
  }

  /** Every commit from the first on, then each as it lands; completes on close. Each subscription reads for itself. */
  get events$(): Observable<Commit> {
    return eventsFrom(this.#session.followed, 0)
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
