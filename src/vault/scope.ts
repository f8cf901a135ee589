import type { Explanation } from '../access/explain.ts'
import type { SecretInput, SecretValue } from '../secret/value.ts'
import { Anchors } from './anchors.ts'
import { stateAsOf, type VaultAsOf } from './as-of.ts'
import { type BackedUp, type BackupOptions, backupBytes, backupVault } from './backup.ts'
import { type CallOptions, contextIn } from './call.ts'
import type { Calls } from './calls.ts'
import {
  changeVersions,
  purgeSecret,
  type VersionsChanged,
  type VersionsOptions,
} from './change-versions.ts'
import type { Engine } from './engine.ts'
import {
  type ExplainedAccess,
  type ExplainedActor,
  type ExplainOptions,
  explainTo,
} from './explain.ts'
import { type Export, exportSecrets } from './export.ts'
import type { ChangeOptions } from './given-id.ts'
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
import { type ScopedKeys, scopedKeys } from './keys.ts'
import { type ScopedKeyslots, scopedKeyslots } from './keyslots.ts'
import { Kv } from './kv/kv.ts'
import type { WriteOptions } from './new-value.ts'
import { Policies } from './policies.ts'
import { checkRead, type ReadOptions, readSecret } from './read.ts'
import type { SecretInspector, SecretReader } from './readers.ts'
import type { AsOfOptions, Moment } from './replay.ts'
import { vaultSource, wholeLog } from './reporting/report-source.ts'
import { Reports } from './reporting/reports.ts'
import { Roles } from './roles.ts'
import { RotationPolicies } from './rotation-policies.ts'
import { scopedAsOf } from './scoped-as-of.ts'
import type { Session } from './session.ts'
import { AppRoles } from './tokens/app-roles.ts'
import { Tokens } from './tokens/tokens.ts'
import { type WatchOptions, watchUntilEnd } from './watch.ts'
import { type ScopeParts, WholeLog } from './whole-log.ts'
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

/**
 * The verbs of a vault, as one actor has them. The handle that `Vault.open` gives is the host's own and unrestricted;
 * one that `vault.as` gives is held to the vault's policies: each call is decided in the log's writer, by the policies
 * of its position, and each of its events tells which rule decided. What is refused is recorded as `secret.denied` and
 * then thrown as `DENIED`, whether or not there is such a secret. Every look of such a scope is on record, too.
 *
 * Any verb can throw `INVALID` or `TOO_LARGE` (an argument, named), `DENIED` (to a scope that is held to policy), `CLOSED`,
 * `FAILED` (call `vault.reopen`), `TIMEOUT`, `ABORTED`, `UNCERTAIN` (ask `vault.outcome`), `NO_SPACE`, `CLOCK` and
 * `INTEGRITY`.
 */
export class Scope extends WholeLog implements SecretReader, SecretInspector {
  readonly #session: Session
  readonly #calls: Calls
  /** What roles may do. Of a scope they take the right to `policy`, as roles and rotation policies do. */
  readonly policies: Policies
  /** Names for policies, and who has them. */
  readonly roles: Roles
  /** What lets its bearer act as an actor. Of a scope they take the right to `token`, as applications do. */
  readonly tokens: Tokens
  /** Applications that log in by themselves. */
  readonly appRoles: AppRoles
  /** How old values may get. */
  readonly rotationPolicies: RotationPolicies
  /** Secrets as the KV v2 wire has them. */
  readonly kv: Kv
  /** Of a scope they take the right to `report` on everything. */
  readonly reports: Reports
  /** What opens the vault. Of a scope it takes the right to `keys`, as keys and anchors do. */
  readonly keyslots: ScopedKeyslots
  /** The keys of the log and of values. */
  readonly keys: ScopedKeys
  /** Where checkpoints go besides. */
  readonly anchors: Anchors

  constructor(parts: ScopeParts) {
    super(parts)
    const { session, calls } = parts
    this.#session = session
    this.#calls = calls
    const engine = () => session.engine()
    const call = (options: CallOptions) => calls.of(options)
    const changes = new KeyChanges(engine, call, session.keyTurn)
    this.policies = new Policies(calls)
    this.roles = new Roles(calls, () => session.current.time.judged())
    this.tokens = new Tokens(calls, session)
    this.appRoles = new AppRoles(calls, session)
    this.rotationPolicies = new RotationPolicies(calls)
    this.kv = new Kv(calls, () => session.current.time.judged())
    this.reports = new Reports(async (options) => {
      const permitted = await calls.permit(options, wholeLog)
      return vaultSource(session.engine(), permitted)
    })
    this.keyslots = scopedKeyslots(changes)
    this.keys = scopedKeys(changes)
    this.anchors = new Anchors(engine, call)
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
      const checked = checkRead(path, options)
      return readSecret(engine, call, { path, checked, operation: 'read' })
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
  async purge(path: string, options: ChangeOptions = {}): Promise<VersionsChanged> {
    return this.#calls.run(options, (call, engine) => purgeSecret(engine, call, { path, options }))
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
  async *watch(path: string, options: WatchOptions = {}): AsyncGenerator<SecretValue, void, void> {
    yield* watchUntilEnd(this.#session, { path, options, callOf: (own) => this.#calls.of(own) })
  }

  /**
   * The vault as it was with the event at a position, or at a date with the last event at or before it; a scope is held
   * to the policies of today, and takes the right to list, describe or read any path. Throws `INVALID` for a moment outside the log, `ABORTED`.
   *
   * @example
   * const march = await vault.asOf({ time: '2026-04-01' })
   * const { items } = await march.list('prod/')
   * const secret = await march.read('prod/db/password', { reason: 'incident 12' })
   */
  async asOf(moment: Moment, options: AsOfOptions = {}): Promise<VaultAsOf> {
    const calls = this.#calls
    const find = (engine: Engine) =>
      stateAsOf(engine, moment, {
        ...options,
        run: (call, work) => calls.run(call, work),
        look: (call, work) => calls.inspect(call, work),
      })
    return calls.isScoped
      ? scopedAsOf(calls, contextIn(options), find)
      : calls.run({}, (_, engine) => find(engine))
  }

  /**
   * Every live version of the secrets whose paths begin with `prefix`, expired ones too, once `export.created` is on
   * disk. A scope takes the right to `read` all of them, whichever there are. Throws as `list` does; its entries throw
   * `ABORTED`, and `CLOSED` where the vault is closed meanwhile.
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
   * Whether an actor may do something, now or at a moment, and which rule says so. Throws `INVALID`.
   *
   * @example
   * const { allowed, why } = await vault.explain({ actor: 'user/ana' }, { capability: 'read', path: 'prod/db/password' })
   */
  async explain(
    who: ExplainedActor,
    what: ExplainedAccess,
    { at, ...options }: ExplainOptions = {},
  ): Promise<Explanation> {
    const now = this.#session.current.time.judged()
    return this.#calls.inspect(options, (inspector) =>
      explainTo(inspector, { who, ...what, at, now }),
    )
  }
}
