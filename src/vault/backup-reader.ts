import type { Explanation } from '../access/explain.ts'
import { VaultError } from '../errors.ts'
import type { KeyslotRole } from '../keys/keyslot.ts'
import type { Unlock } from '../keys/unlock.ts'
import type { Projection } from '../projections/projection.ts'
import type { LookAt } from './access-call.ts'
import { type KnownAsOf, knownAsOf, type Look } from './as-of.ts'
import { type AuditPage, type AuditQuery, checkQuery, queryAudit } from './audit.ts'
import { type BackupLog, closeBackupLog, openBackupLog } from './backup-log.ts'
import { type CallDefaults, type CallOptions, readCall } from './call.ts'
import type { SignedCheckpoint } from './checkpoints.ts'
import { type DiffOptions, diffVault } from './diff.ts'
import type { VaultDiff } from './diff-shape.ts'
import {
  type ExplainedAccess,
  type ExplainedActor,
  type ExplainOptions,
  explainTo,
} from './explain.ts'
import { type Identity, identityOf } from './identity.ts'
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
import { type Keyslot, keyslotOf } from './keyslots.ts'
import { PolicyReader } from './policies.ts'
import { checkRead, type ReadOptions } from './read.ts'
import type { AuditReader, SecretInspector } from './readers.ts'
import {
  type Moment,
  type PassOptions,
  type Replayed,
  type ReplayOptions,
  replayProjection,
} from './replay.ts'
import { backupSource } from './reporting/report-source.ts'
import { Reports } from './reporting/reports.ts'
import { RoleReader } from './roles.ts'
import { RotationPolicyReader } from './rotation-policies.ts'
import { type Verification, type VerifyOptions, verifyLog } from './verify.ts'
import { readVerifier } from './vouched.ts'

/** How a backup is opened. A pass over its whole log is part of it: `onProgress` and `signal` are of that. */
export interface BackupReaderOptions extends PassOptions {
  /** The backup: a file that `vault.backup` made. */
  readonly from: string
  /** Opens one of its keyslots, an owner's or an auditor's. */
  readonly unlock: Unlock
  /**
   * The vault's verifier as it was pinned, from `vault.identity()`: `INTEGRITY` where the vault's key is another, or
   * none of the checkpoints in the backup was signed by it.
   */
  readonly verifier?: string
}

/** What stands in a backup, and how much of it is proved. Nothing here is secret. */
export interface BackupStatus {
  /** The file, as an absolute path. */
  readonly location: string
  /** Its length. */
  readonly bytes: number
  /** Of the whole file, in hex, as `sha256sum` prints it. */
  readonly sha256: string
  /** Of the keyslot that opened it. */
  readonly role: KeyslotRole
  /** How many events it holds. */
  readonly size: number
  /**
   * How many of them, from the first on, are shown to be an owner's: to an owner all, to an auditor those that the
   * newest checkpoint covers, or with a pinned verifier the newest that its key vouches for.
   */
  readonly proved: number
  readonly secrets: number
  readonly failedUnlocks: number
}

/** Options of a call say who asks. They are checked as a vault checks them, and recorded nowhere. */
const nobody: CallDefaults = { actor: 'nobody', timeout: 1, slot: '', ambient: undefined }

const refusals: Readonly<Record<KeyslotRole, string>> = {
  owner: 'a backup cannot record an access: restore it to read values',
  auditor: 'an auditor reads the history, and no value',
}

/**
 * A backup that is looked at: its secrets without their values, their history, the audit trail, any moment of the past.
 * Its verbs take and give what those of a vault do. Nothing is written and nothing recorded: neither in the file nor in
 * the vault that it is of, wrong keys included.
 *
 * **What an auditor's opening proves.** An auditor's keys open the log, and with them anyone could seal another. Only
 * checkpoints tell: the events below `status().proved` are those that the vault has signed, and who holds no owner's
 * key can have changed, added or left out none of them. Those from there on are as good as the file they stand in, and
 * so is an end that is missing: an older backup is one as well. The signing key itself is read from the keyring, which
 * every auditor could write; pin `verifier` where the others are not to be trusted. An owner's opening checks the MAC
 * of each commit, and the head that says where the log ends.
 *
 * Any verb can throw `CLOSED`, `INVALID`, `INTEGRITY`.
 */
export class BackupReader implements SecretInspector {
  readonly #opened: BackupLog
  readonly audit: Pick<AuditReader, 'query'>
  /** Without an owner's signature: `generated.isSigned` says so, and what proves them is a checkpoint in the backup. */
  readonly reports: Reports
  readonly policies: PolicyReader
  readonly roles: RoleReader
  readonly rotationPolicies: RotationPolicyReader
  #closing: Promise<void> | undefined

  private constructor(opened: BackupLog) {
    this.#opened = opened
    this.audit = { query: (query = {}) => this.#query(query) }
    const look: LookAt = (call, work) => this.#look(call, work)
    this.policies = new PolicyReader(look)
    this.roles = new RoleReader(look, Date.now)
    this.rotationPolicies = new RotationPolicyReader(look)
    this.reports = new Reports(async () => backupSource(this.#backup()))
  }

  static async open(options: BackupReaderOptions): Promise<BackupReader> {
    const { from, unlock, verifier, ...pass } = options
    if (typeof unlock?.key !== 'function') {
      throw new VaultError('INVALID', 'unlock must be a credential, such as passphrase.fromFile(…)')
    }
    const pinned = verifier === undefined ? {} : { verifier: readVerifier(verifier) }
    return new BackupReader(await openBackupLog(from, { unlock, ...pinned, ...pass }))
  }

  /** Whether the path has a newest version that is neither deleted nor destroyed. */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    return this.#look(options, (inspector) => existsSecret(inspector, path))
  }

  /** What is known of the secrets whose paths begin with `prefix`, in pages. */
  async list(prefix = '', options: ListOptions = {}): Promise<SecretPage> {
    return this.#look(options, (inspector) => listSecrets(inspector, prefix, options))
  }

  /** What is known of a secret besides its value. Throws `NOT_FOUND`. */
  async describe(path: string, options: CallOptions = {}): Promise<SecretInfo> {
    return this.#look(options, (inspector) => describeSecret(inspector, path))
  }

  /** Its versions, newest first. Throws `NOT_FOUND`. */
  async history(path: string, options: HistoryOptions = {}): Promise<readonly VersionInfo[]> {
    return this.#look(options, (inspector) => historyOf(inspector, path, options))
  }

  /** Always throws `AUDITOR_ONLY`: no read goes without a record, and a backup takes none. */
  async read(path: string, options: ReadOptions = {}): Promise<never> {
    const { slot } = this.#backup()
    checkRead(path, options)
    throw new VaultError('AUDITOR_ONLY', refusals[slot.role], { path })
  }

  /** A projection's state at a moment, folded from the first event on. Throws `ABORTED`. */
  async replay<S>(projection: Projection<S>, options: ReplayOptions = {}): Promise<Replayed<S>> {
    return this.#look({}, (inspector) => replayProjection(inspector, projection, options))
  }

  /** What was known at a moment. Throws `INVALID` for one outside the log, `ABORTED`. */
  async asOf(moment: Moment, options: PassOptions = {}): Promise<KnownAsOf> {
    const look: Look = (call, work) => this.#look(call, work)
    return this.#look({}, ({ log }) => knownAsOf(log, moment, { ...options, look }))
  }

  /** Whether an actor may do something by the vault's policies, and which rule says so. Throws `INVALID`. */
  async explain(
    who: ExplainedActor,
    what: ExplainedAccess,
    { at, ...options }: ExplainOptions = {},
  ): Promise<Explanation> {
    const now = Date.now()
    return this.#look(options, (inspector) => explainTo(inspector, { who, ...what, at, now }))
  }

  /** What changed from one moment to a later one, and by whom. Throws `INVALID`, `ABORTED`. */
  async diff(from: Moment, to: Moment, options: DiffOptions = {}): Promise<VaultDiff> {
    return this.#look({}, ({ log }) => diffVault(log, { from, to }, options))
  }

  /**
   * Reads every byte of the backup, and says what is amiss: to an auditor without MACs and values' keys, which it says.
   * Throws `ABORTED`, and as `vault.verify` does about `against`.
   */
  async verify(options: VerifyOptions = {}): Promise<Verification> {
    return this.#look({}, () => verifyLog(this.#opened, options))
  }

  /** The ways to open the backup; they are those that the vault had then. */
  keyslots(): readonly Keyslot[] {
    const opened = this.#backup()
    return opened.keyring.slots.map((slot) => keyslotOf(slot, opened))
  }

  /** Which vault it is of. Whoever pins a verifier takes it from elsewhere. */
  identity(): Identity {
    return identityOf(this.#backup())
  }

  /** Every checkpoint that was kept, oldest first, then the newest. */
  async *checkpoints(): AsyncGenerator<SignedCheckpoint, void, void> {
    yield* this.#backup().checkpoints()
  }

  status(): BackupStatus {
    const { store, slot, log, proved } = this.#backup()
    const { secrets, lifecycle } = log.state
    return {
      location: store.location,
      bytes: store.bytes,
      sha256: store.sha256,
      role: slot.role,
      size: log.size,
      proved,
      secrets: secrets.fold.state.size,
      failedUnlocks: lifecycle.fold.state.failedUnlocks,
    }
  }

  /** Lets go of the file and wipes the keys; what is under way ends with `CLOSED`. */
  close(): Promise<void> {
    this.#closing ??= closeBackupLog(this.#opened)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async *#query(query: AuditQuery): AsyncGenerator<AuditPage, void, void> {
    checkQuery(query)
    const { log } = this.#backup()
    try {
      for await (const page of queryAudit(log, query)) {
        this.#backup()
        yield page
      }
    } catch (error) {
      throw this.#closing === undefined ? error : closed()
    }
  }

  async #look<T>(options: CallOptions, work: (inspector: Inspector) => Promise<T>): Promise<T> {
    const { log } = this.#backup()
    readCall(nobody, options)
    try {
      const found = await work({ log })
      // What was read before the keys were wiped does not open: that says nothing of the backup.
      this.#backup()
      return found
    } catch (error) {
      throw this.#closing === undefined ? error : closed()
    }
  }

  #backup(): BackupLog {
    if (this.#closing === undefined) return this.#opened
    throw closed()
  }
}

function closed(): VaultError {
  return new VaultError('CLOSED', 'the backup is closed')
}
