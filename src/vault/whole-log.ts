import { fixedProjection, type Projection } from '../projections/projection.ts'
import type { AuditEvent } from './audit.ts'
import { auditReader } from './audit-reader.ts'
import type { CallOptions } from './call.ts'
import type { Calls } from './calls.ts'
import { type DiffOptions, recordedDiff } from './diff.ts'
import type { VaultDiff } from './diff-shape.ts'
import { type Health, healthOf } from './health.ts'
import type { LiveProjection } from './live.ts'
import { outcomeOf } from './outcome.ts'
import { ProjectionStates } from './projection-states.ts'
import type { LiveProjections } from './projections.ts'
import { Proofs } from './proofs.ts'
import { type ReachedOptions, reached } from './reached.ts'
import type { AuditReader } from './readers.ts'
import { type Moment, type Replayed, type ReplayOptions, replayProjection } from './replay.ts'
import type { Session } from './session.ts'
import type { Verification, VerifyOptions } from './verify.ts'
import { verifyVault } from './verify-vault.ts'
import { lookAtAll, wholeTrail } from './whole-trail.ts'

/** What the verbs work on: an open vault, and for whom. */
export interface ScopeParts {
  readonly session: Session
  readonly calls: Calls
  readonly projections: LiveProjections
}

/**
 * What a scope sees of the log as a whole, and of what is folded from it. One that is held to policy takes the right to
 * `audit` everything for it, unless a verb says otherwise.
 */
export class WholeLog {
  readonly #session: Session
  readonly #calls: Calls
  readonly #projections: LiveProjections
  /** The log's events: of a scope those whose subjects it may `audit`. */
  readonly audit: AuditReader
  /** What the vault says of its log to others. Of a scope it takes the right to `audit` everything, as projections do. */
  readonly proofs: Proofs
  /** What projections say, by their names. */
  readonly projections: ProjectionStates

  constructor({ session, calls, projections }: ScopeParts) {
    this.#session = session
    this.#calls = calls
    this.#projections = projections
    this.audit = auditReader(session, calls)
    this.proofs = new Proofs(session, calls)
    this.projections = new ProjectionStates(session, calls, projections)
  }

  /**
   * Folds a projection live, from its snapshot where it has one. The vault's own (`secrets`, `rotations`,
   * `accesses`) are never behind; one of the host's folds off the path of the callers. A scope takes the right to
   * `audit` everything, judged when it begins; what it is given is folded for it alone, from the first event on.
   *
   * @example
   * const live = await vault.project(writesByActor)
   * const { position } = await vault.write('a', 'b')
   * const view = await live.waitFor(position)
   */
  async project<S>(projection: Projection<S>): Promise<LiveProjection<S>> {
    if (!this.#calls.isScoped) return this.#projections.start(projection)
    const fixed = fixedProjection(projection)
    const filter = { projection: fixed.name }
    await this.#calls.inspect({}, (inspector) => lookAtAll(inspector, filter))
    return this.#projections.follow(fixed)
  }

  /**
   * A projection's state at a moment, folded from the first event on. A scope takes the right to `audit` everything.
   * Throws `INVALID`, `ABORTED`.
   */
  async replay<S>(projection: Projection<S>, options: ReplayOptions = {}): Promise<Replayed<S>> {
    return this.#calls.inspect(options, async (inspector) => {
      if (inspector.sight) await inspector.sight.begin(wholeTrail)
      return replayProjection(inspector, projection, options)
    })
  }

  /**
   * What changed from one moment to a later one, and by whom: secrets without their values, access, keys. A scope takes
   * the right to `audit` everything. Throws `INVALID` for a moment outside the log and where the second is the earlier,
   * `ABORTED`.
   *
   * @example
   * const { secrets } = await vault.diff({ time: '2026-03-31' }, { time: '2026-04-30' })
   * for (const { path, change, by } of secrets) console.log(path, change, by.join(', '))
   */
  async diff(from: Moment, to: Moment, options: DiffOptions = {}): Promise<VaultDiff> {
    return this.#calls.inspect(options, async (inspector) => {
      if (inspector.sight) await inspector.sight.begin(wholeTrail)
      return recordedDiff(inspector, { from, to }, options)
    })
  }

  /** Of the newest event that is on disk: what an answer that is given by now is true at. */
  get position(): number {
    return this.#session.current.size - 1
  }

  /**
   * Resolves once the log holds the event of a position: another caller's write is then seen by whatever is asked next.
   * It takes no right, and goes on across a reopen. Throws `INVALID`, `TIMEOUT`, `ABORTED`, `CLOSED`.
   *
   * @example
   * await scope.reached(position, { timeout: 2_000 })
   */
  async reached(position: number, options: ReachedOptions = {}): Promise<void> {
    return this.#calls.run({}, () => reached(this.#session, position, options))
  }

  /**
   * The event of this id if it landed, undefined if it did not: the answer to `UNCERTAIN`. A commit that is still under
   * way is waited for; after a write that failed, `reopen` comes first. A scope is told of what its actor did, and of what
   * others did where it may `audit` that event's subject; that it asked is on record. Throws `INVALID`, `DENIED`, `FAILED`.
   */
  async outcome(id: string, options: CallOptions = {}): Promise<AuditEvent | undefined> {
    return outcomeOf(this.#session, id, { calls: this.#calls, options })
  }

  /**
   * Reads every byte of the log, in a thread of its own while others go on, and holds it against itself, its keyring and
   * all that was signed of it. What is wrong is told, never thrown. Without `against` or an anchor a rollback of the whole
   * folder cannot be seen. A scope takes the right to `audit` everything. Throws `INVALID` and `INTEGRITY` about `against`, `ABORTED`.
   *
   * @example
   * const { ok, problems, unsigned } = await vault.verify({ against: { checkpoint, trust: { log: parseVkey(pinned) } } })
   */
  async verify(options: VerifyOptions & CallOptions = {}): Promise<Verification> {
    await this.expectAuditor('verify', options)
    return this.#calls.run({}, (_, engine) => verifyVault(engine, options))
  }

  /**
   * What an operator looks at first. Of the host it is answered in any state; a scope takes the right to `audit`
   * everything, which a vault that failed or closed can judge no more: `FAILED`, `CLOSED`.
   */
  async health(options: CallOptions = {}): Promise<Health> {
    await this.expectAuditor('health', options)
    return healthOf(this.#session, {
      projections: this.#projections.statuses(),
      rejected: this.#calls.rejected,
    })
  }

  /**
   * Puts on record that a scope looks at what is known of the whole log already, such as what a verification found. It
   * takes the right to `audit` everything; of the host nothing is on record. Throws `DENIED`.
   */
  async expectAuditor(look: string, options: CallOptions = {}): Promise<void> {
    if (!this.#calls.isScoped) return
    await this.#calls.inspect(options, (inspector) => lookAtAll(inspector, { look }))
  }
}
