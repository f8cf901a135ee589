import type { Log } from '../log/log.ts'
import type { Snapshots } from '../projections/snapshots.ts'
import { encodeFrontier } from '../proofs/tree.ts'
import type { BuiltIns } from './built-ins.ts'
import { type Swept, sweepKeys } from './sweep.ts'

/** What upkeep needs of an open vault. */
interface Tended extends Swept {
  readonly state: BuiltIns
  readonly snapshots: Snapshots
  readonly log: Log
}

/** After this much rest the projections are kept, so that a kill leaves nothing to replay. */
const restMs = 2_000

/** What an open vault does beside its callers: keeping the projections, and deleting keys that came back. */
export class Upkeep {
  readonly #vault: Tended
  #resting: NodeJS.Timeout | undefined
  #swept = false

  constructor(vault: Tended) {
    this.#vault = vault
  }

  /** A commit was folded. */
  committed(size: number): void {
    if (this.#vault.snapshots.due(size)) void this.keep()
    this.#resting ??= setTimeout(() => this.#rest(size), restMs).unref()
  }

  /** Keeps the projections as they are now. */
  async keep(): Promise<void> {
    const { snapshots, state, log } = this.#vault
    await snapshots.settled()
    await snapshots.flush(state.secrets.fold.position, encodeFrontier(log.frontier))
  }

  stop(): void {
    clearTimeout(this.#resting)
  }

  /** Nothing is done while callers come: only once the log has not grown for a while. */
  #rest(size: number): void {
    const { log } = this.#vault
    this.#resting = undefined
    if (log.state !== 'open') return
    if (log.size === size) void this.#tidy()
    else this.#resting = setTimeout(() => this.#rest(log.size), restMs).unref()
  }

  async #tidy(): Promise<void> {
    await this.keep()
    if (this.#swept) return
    this.#swept = true
    // Reads refuse such a version in any case; a sweep that fails is tried again by the next opening.
    await sweepKeys(this.#vault).catch(() => undefined)
  }
}
