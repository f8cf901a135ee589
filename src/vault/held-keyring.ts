import { VaultError } from '../errors.ts'
import type { Fact, VaultEvent } from '../events/catalogue.ts'
import { eraseDropped, eraseKeyring, type OwnerKeyring } from '../keys/keyring.ts'
import type { Epochs } from '../log/epochs.ts'
import type { Log } from '../log/log.ts'
import type { CallLimits } from '../log/queue.ts'
import { expectOngoing } from '../ongoing.ts'
import type { Store } from '../store/port.ts'
import { type InTurn, oneAtATime } from '../store/serial.ts'
import type { BuiltIns } from './built-ins.ts'
import type { Call } from './call.ts'
import type { Checkpoints } from './checkpoints.ts'
import {
  awaitsRewrap,
  beginChange,
  endChange,
  endRewrap,
  expectOfOneTime,
  type KeyringChange,
  pendingFacts,
  replacesSigner,
} from './keyring-change.ts'
import { writeKeyringFile } from './keyring-file.ts'
import { Patience } from './patience.ts'
import { type RewrapOptions, type Rewrapped, rewrapKeys } from './rewrap.ts'

/** What a change of the keyring needs of an open vault. */
export interface Keyed extends Rewrapped {
  readonly store: Pick<Store, 'files'>
  readonly epochs: Epochs
  readonly checkpoints: Pick<Checkpoints, 'sign'>
  readonly state: Pick<BuiltIns, 'lifecycle'>
  readonly log: Log
  record(
    facts: readonly Fact[],
    about: Partial<Call> & { afterwards: () => Promise<void> },
  ): Promise<readonly VaultEvent[]>
}

/** Who asks for a change, and how much is to be heard of it. The signal ends only what can go on later. */
export type ChangeCall = Partial<Call> & Pick<RewrapOptions, 'onProgress'>

/** The keyring of an open vault, which changes go through one at a time, and the root that seals it. */
export class HeldKeyring {
  readonly #vault: Keyed
  /** The newest first; another behind it while the file may be sealed with either. */
  readonly #roots: Buffer[]
  readonly #turn: InTurn = oneAtATime()
  #keyring: OwnerKeyring

  /** Takes both over, to erase them. */
  constructor(vault: Keyed, { keyring, R }: { keyring: OwnerKeyring; R: Buffer }) {
    this.#vault = vault
    this.#keyring = keyring
    this.#roots = [R]
  }

  get keyring(): OwnerKeyring {
    return this.#keyring
  }

  /** What a keyslot of an owner wraps. Throws `CLOSED` once it is erased. */
  get root(): Buffer {
    const [root] = this.#roots
    if (root !== undefined) return root
    throw new VaultError('CLOSED', 'the keys of this vault have been erased')
  }

  /** Those that the file may be sealed with, the likeliest first. */
  get roots(): readonly Buffer[] {
    return this.#roots
  }

  /**
   * Of the keys that sign what is durable: while one replaces another, from its event on both do, and before that event
   * the old one alone.
   */
  get seeds(): readonly Buffer[] {
    const { pending, signing } = this.#keyring.values
    const isUnsaid = pending !== undefined && this.#logged < this.#keyring.generation
    return (isUnsaid ? signing.slice(0, 1) : signing).map(({ seed }) => seed)
  }

  /** Goes on with a change that a crash interrupted. Throws `INTEGRITY` where the log is of another time. */
  async resume(): Promise<void> {
    expectOfOneTime(this.#keyring, this.#logged)
    if (this.#keyring.values.pending === undefined) return
    await this.#conclude(await this.#rewrap({}), {})
  }

  /**
   * Changes the keyring, and resolves with the events that say so. A change that was interrupted is finished before it.
   * Throws `UNCERTAIN` where only a reopen can tell, and where a step takes longer than its caller waits: it goes on then. What
   * `rewrapKeys` throws leaves the change interrupted.
   */
  change(change: KeyringChange, about: ChangeCall): Promise<readonly VaultEvent[]> {
    const patience = new Patience(about.limits?.timeout)
    const changing = this.#turn(async () => {
      await this.#finish(about, patience)
      expectOngoing(about.limits?.signal)
      const begun = beginChange(this.#keyring, change)
      await patience.step(() => this.#surely(() => this.#begin(begun, change.root, about)))
      return this.#finish(about, patience)
    })
    return patience.of(changing)
  }

  /** Finishes the change that was interrupted, if there is one; its events, as far as they were still to be appended. */
  finish(about: ChangeCall): Promise<readonly VaultEvent[]> {
    const patience = new Patience(about.limits?.timeout)
    return patience.of(this.#turn(() => this.#finish(about, patience)))
  }

  async #finish(about: ChangeCall, patience: Patience): Promise<readonly VaultEvent[]> {
    if (this.#keyring.values.pending === undefined) return []
    const keys = await this.#rewrap(about)
    return patience.step(() => this.#surely(() => this.#conclude(keys, about)))
  }

  erase(): void {
    eraseKeyring(this.#keyring)
    for (const root of this.#roots.splice(0)) root.fill(0)
  }

  /** The newest generation that the log speaks of. */
  get #logged(): number {
    return this.#vault.state.lifecycle.fold.state.generation
  }

  async #begin(begun: OwnerKeyring, root: Buffer | undefined, about: ChangeCall): Promise<void> {
    if (root !== undefined) this.#roots.unshift(root)
    await this.#writeInTurn(begun, about)
    for (const old of this.#roots.splice(1)) old.fill(0)
  }

  async #rewrap({ onProgress, limits }: ChangeCall): Promise<number | undefined> {
    if (!awaitsRewrap(this.#keyring)) return undefined
    const signal = limits?.signal
    return rewrapKeys(this.#vault, { ...(onProgress && { onProgress }), ...(signal && { signal }) })
  }

  async #conclude(keys: number | undefined, about: ChangeCall): Promise<readonly VaultEvent[]> {
    const { actor, context } = about
    if (keys !== undefined) await this.#writeInTurn(endRewrap(this.#keyring, keys), about)
    const facts = pendingFacts(this.#keyring)
    const afterwards = async () => {
      if (replacesSigner(facts)) await this.#vault.checkpoints.sign({ kept: true })
      await this.#write(endChange(this.#keyring, this.#vault.log.size))
    }
    if (this.#logged < this.#keyring.generation) {
      return this.#vault.record(facts, {
        afterwards,
        ...(actor !== undefined && { actor }),
        ...(context !== undefined && { context }),
        limits: timeoutOf(about),
      })
    }
    await afterwards()
    return []
  }

  /** In the writer, where nothing is appended and nobody looks at file and rows together. */
  async #writeInTurn(keyring: OwnerKeyring, about: ChangeCall): Promise<void> {
    const command = {
      actor: '',
      context: {},
      aggregate: '',
      alone: true,
      prepare: () => this.#write(keyring),
      decide: () => ({ facts: [] }),
    }
    await this.#vault.log.append(command, timeoutOf(about))
  }

  /** A generation is used from where its file is durable; keys that it drops are erased then. */
  async #write(keyring: OwnerKeyring): Promise<void> {
    try {
      await writeKeyringFile(this.#vault.store.files, keyring, this.root)
      // The vault may have been let go of meanwhile, and its keys are zeros.
      if (this.#roots.length === 0) throw new VaultError('CLOSED', 'the vault is closed')
    } catch (error) {
      eraseDropped(keyring, this.#keyring)
      throw error
    }
    const before = this.#keyring
    this.#keyring = keyring
    this.#vault.epochs.adopt(keyring)
    this.#vault.keyRows.adopt(keyring)
    eraseDropped(before, keyring)
  }

  async #surely<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      // The file may be of either generation; only the next opening finds out, and goes on with the change. A vault that
      // is being closed closes in peace.
      if (this.#vault.log.state === 'open') this.#vault.log.fail(cause)
      throw new VaultError('UNCERTAIN', 'the keyring may have changed; only reopen() can tell', {
        cause,
      })
    }
  }
}

/** A step that is given up leaves the vault to be opened again: a caller in a hurry hears earlier that it goes on. */
const stepMsMin = 60_000

/** What bounds a step that waits for the writer: not the signal, which must not leave a change half said. */
function timeoutOf({ limits }: ChangeCall): CallLimits {
  return limits?.timeout === undefined ? {} : { timeout: Math.max(limits.timeout, stepMsMin) }
}
