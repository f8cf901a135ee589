import type { Observable } from 'rxjs'
import { VaultError } from '../errors.ts'
import type { Commit } from '../log/reader.ts'
import { BackupReader, type BackupReaderOptions } from './backup-reader.ts'
import { type CallOptions, checkTimeout } from './call.ts'
import { Calls, type ScopeOptions } from './calls.ts'
import type { ControlOptions, ServedControl } from './control/serve-control.ts'
import { type Identity, identityOf } from './identity.ts'
import { KeyChanges } from './key-changes.ts'
import { Keys } from './keys.ts'
import { Keyslots } from './keyslots.ts'
import { eventsFrom } from './live.ts'
import type { CreateOptions, OpenOptions, RestoreOptions } from './options.ts'
import { LiveProjections } from './projections.ts'
import { Scope } from './scope.ts'
import { Session } from './session.ts'
import { showToken } from './tokens/authenticate.ts'
import { logInWith } from './tokens/login.ts'
import type { LoginRequest, ShownOptions } from './tokens/shown.ts'
import type { IssuedToken } from './tokens/token-info.ts'
import { TokenScope } from './tokens/token-scope.ts'
import type { ScopeParts } from './whole-log.ts'
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

  #control: Promise<ServedControl> | undefined

  private constructor(
    session: Session,
    {
      calls = new Calls(session),
      projections = new LiveProjections(session),
    }: Partial<Pick<ScopeParts, 'calls' | 'projections'>> = {},
  ) {
    super({ session, calls, projections })
    this.#session = session
    this.#projections = projections
    this.#calls = calls
    const call = (options: CallOptions) => calls.of(options)
    const changes = new KeyChanges(() => session.engine(), call, session.keyTurn)
    this.keyslots = new Keyslots(changes)
    this.keys = new Keys(changes)
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

  /**
   * The verbs as whoever shows this token has them, held to what the token gives by then. One whose uses are counted is
   * used by it. Throws `DENIED` where it does not hold, recorded as `auth.failed` and slowed down.
   *
   * @example
   * const scope = await vault.authenticate(request.headers['x-vault-token'], { source: request.ip })
   * await scope.read('prod/db/password')
   */
  async authenticate(token: string | undefined, options: ShownOptions = {}): Promise<TokenScope> {
    const [session, projections] = [this.#session, this.#projections]
    const shown = await showToken({ session, calls: this.#calls }, token, options)
    return new TokenScope({ session, calls: shown.calls, projections }, shown.token)
  }

  /**
   * A token for an application that logs in by itself (`appRoles`). Throws `DENIED` where it may not, recorded as
   * `auth.failed` and slowed down.
   *
   * @example
   * const { token } = await vault.login({ roleId, secretId }, { source: request.ip })
   */
  async login(request: LoginRequest, options: ShownOptions = {}): Promise<IssuedToken> {
    return logInWith({ session: this.#session, calls: this.#calls }, request, options)
  }

  /**
   * Serves this vault at the socket `control.sock` in its folder, mode 0600, until it is closed: the KV v2 wire with its
   * tokens, and whoever opens a keyslot (`openControl`, which `muniment` on the command line uses by itself) with the
   * verbs of the vault itself, every look of his on record. Throws `UNSUPPORTED` where the store is no folder, `INVALID`
   * for a path that is too long for a socket, `EXISTS` where something answers there.
   *
   * @example
   * await vault.serveControl()
   */
  async serveControl(options: ControlOptions = {}): Promise<ServedControl> {
    if (this.#control !== undefined) {
      throw new VaultError('EXISTS', 'the vault is served at its socket already')
    }
    const [session, calls, projections] = [this.#session, this.#calls, this.#projections]
    const vaultFor = (own: Calls) => new Vault(session, { calls: own, projections })
    const served = import('./control/serve-control.ts').then(({ serveControl }) =>
      serveControl({ session, calls, vaultFor }, { vault: this, ...options }),
    )
    const forget = () => {
      if (this.#control === served) this.#control = undefined
    }
    this.#control = served
    served.catch(forget)
    const { path, close } = await served
    return { path, close: () => close().finally(forget) }
  }

  /** Every commit from the first on, then each as it lands; completes on close. Each subscription reads for itself. */
  get events$(): Observable<Commit> {
    return eventsFrom(this.#session.followed, 0)
  }

  /** An owner's word that the clock is right, after `CLOCK`: recorded as `clock.corrected`. */
  async acceptClock(options: CallOptions = {}): Promise<void> {
    return this.#calls.run(options, (call, engine) => engine.acceptClock(call))
  }

  /** Which vault it is. Throws `CLOSED`, `FAILED`. */
  identity(): Identity {
    return identityOf(this.#session.engine())
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
    return within(timeout, this.#close(), 'close')
  }

  /** Operators are answered before the vault is closed under them. */
  async #close(): Promise<void> {
    const served = this.#control
    if (served === undefined) return this.#session.close()
    try {
      const control = await served.catch(() => undefined)
      await control?.close()
    } finally {
      await this.#session.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
