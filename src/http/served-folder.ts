import {
  type CallOptions,
  type Clock,
  type Credential,
  keyslotsReader,
  lockedKeyslots,
  opensKeyslot,
  recoveryKey,
  rootPolicy,
  type ShareCount,
  shares,
  type Unlock,
  Vault,
  VaultError,
} from '../index.ts'
import { type ReopeningStep, SupervisedReopening } from './operations/reopening.ts'
import {
  type Initialised,
  type SealStatus,
  type Served,
  type ServedState,
  sealed,
} from './served.ts'
import { type ShareSet, Unsealing } from './unsealing.ts'
import { WireError } from './wire-error.ts'

/** How a server opens the vault of a folder. */
export interface ServedFolderOptions {
  readonly path: string
  /** Who opens and closes it, on record; `svc/muniment-server` unless said. */
  readonly actor?: string
  /** Milliseconds to wait for another process to let go of it; 0 unless said. */
  readonly waitForLock?: number
  /** Milliseconds after which a call gives up; 5,000 unless said. */
  readonly timeout?: number
  /** Bytes of opened values kept in memory; 8 MiB unless said. */
  readonly cache?: { readonly values: number }
  readonly context?: () => CallOptions | undefined
  readonly clock?: Clock
  /** Opens the vault at once. Without it the vault is sealed until `unseal`. */
  readonly unlock?: Unlock
  /** Told of each opening, before anybody is served. The vault is closed again where it throws. */
  readonly onOpen?: (vault: Vault) => Promise<void>
  /** Told of each attempt to open the vault again after a write that failed, and of its end. */
  readonly onReopening?: (step: ReopeningStep) => void
  /** An owner's word that the clock is right, for that opening. */
  readonly acceptClock?: boolean
}

const actorDefault = 'svc/muniment-server'
/** Wrong keys that are put on record in a minute. */
const notedKeysMax = 10
const notedKeysMs = 60_000

/**
 * The vault of a folder, in any state: a folder without one waits for `init`, a sealed one for as many shares as open
 * it, or for a recovery key. A vault that has neither, but a passphrase, is opened by `unlock` alone: whoever asks over
 * the wire must not make the server derive keys.
 *
 * @example
 * const served = await ServedFolder.open({ path: './vault', unlock: passphrase.fromFile('/run/credentials/vault') })
 * const app = createApp(served)
 */
export class ServedFolder implements Served {
  readonly #options: ServedFolderOptions & { readonly actor: string }
  readonly #keyslots: ReturnType<typeof keyslotsReader>
  readonly #unsealing = new Unsealing()
  readonly reopening: SupervisedReopening
  #state: ServedState
  #vault: Vault | undefined
  #ended = false
  #closed: Promise<void> | undefined
  /** Wrong keys that were put on record since a time of the monotonic clock. */
  #noted = { since: Number.NEGATIVE_INFINITY, count: 0 }
  /** What changes the state, one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(options: ServedFolderOptions, state: ServedState) {
    this.#options = { ...options, actor: options.actor ?? actorDefault }
    this.#keyslots = keyslotsReader(options.path)
    this.#state = state
    const reopen = () => this.#inTurn(async () => this.#vault?.reopen())
    this.reopening = new SupervisedReopening(reopen, options.onReopening)
  }

  /** Looks what is in the folder, and opens it with `unlock`. Throws `INTEGRITY`, `UNSUPPORTED`, and what `Vault.open` throws. */
  static async open(options: ServedFolderOptions): Promise<ServedFolder> {
    const { path, unlock } = options
    const served = new ServedFolder(options, await stateOf(path))
    if (unlock !== undefined) await served.#open(unlock, options.acceptClock)
    return served
  }

  get state(): ServedState {
    return this.#state
  }

  vault(): Vault {
    if (this.#vault === undefined) throw sealed()
    return this.#vault
  }

  async status(): Promise<SealStatus> {
    const { threshold, of } = await this.#shareCount()
    const { progress, nonce } = this.#unsealing
    return { state: this.#state, threshold, shares: of, progress, nonce }
  }

  /**
   * Makes the vault and its root token, and closes it again. A crash before the answer is there leaves a vault that nobody
   * can open: empty the folder and begin again.
   */
  async init(count: { readonly shares: number; readonly threshold: number }): Promise<Initialised> {
    return this.#inTurn(async () => {
      if ((await this.#look()) !== 'uninitialised') throw alreadyInitialised()
      const { keys, credential } = await newKeys(count)
      const vault = await this.#create(credential)
      this.#state = 'sealed'
      try {
        const { token } = await vault.tokens.issue({
          actor: 'root',
          policies: [rootPolicy],
          orphan: true,
        })
        return { keys, rootToken: token.text() }
      } finally {
        await vault.close()
      }
    })
  }

  async unseal(key: string): Promise<SealStatus> {
    return this.#inTurn(async () => {
      const state = await this.#look()
      if (state === 'uninitialised') throw new WireError(400, ['Vault is not initialized'])
      if (state === 'open') return this.status()
      const credential = await this.#unsealing.take(key, await this.#shareSets())
      if (credential !== undefined) await this.#tryKey(credential)
      return this.status()
    })
  }

  async resetUnseal(): Promise<SealStatus> {
    return this.#inTurn(async () => {
      if (this.#state === 'open') throw new WireError(400, ['vault is unsealed'])
      this.#unsealing.reset()
      return this.status()
    })
  }

  async seal(): Promise<void> {
    return this.#inTurn(() => this.#closeVault())
  }

  /**
   * Opens the vault again, which takes no share, after a write that failed: only then is it known what is on disk. Where
   * that fails too it is tried again by itself, after longer and longer waits, until it is given up (`reopening`).
   */
  recover(): void {
    if (this.#vault !== undefined && !this.#ended) this.reopening.begin()
  }

  /** Closes the vault for good: nothing opens it again through this. A second call waits for the first. */
  close(): Promise<void> {
    this.#ended = true
    this.reopening.stop()
    this.#closed ??= this.#turn.then(() => {
      this.#unsealing.reset()
      return this.#closeVault()
    })
    return this.#closed
  }

  async #closeVault(): Promise<void> {
    const vault = this.#vault
    if (vault === undefined) return
    // From here on new callers hear that it is sealed; those whose calls are under way get their answers.
    this.#vault = undefined
    this.#state = 'sealed'
    this.reopening.stop()
    await vault.close()
  }

  async #create(unlock: Credential): Promise<Vault> {
    try {
      return await Vault.create({ ...this.#place(), unlock })
    } catch (error) {
      if (!(error instanceof VaultError) || error.code !== 'EXISTS') throw error
      // Another process made one meanwhile.
      this.#state = 'sealed'
      throw alreadyInitialised()
    }
  }

  /**
   * Opens the vault with a key that anybody may have sent. A wrong one is on record at the next opening, as long as there
   * are few of them: that takes opening the store, for which the right one would wait.
   */
  async #tryKey(key: Credential): Promise<void> {
    const now = this.#options.clock?.monotonic() ?? performance.now()
    if (now - this.#noted.since >= notedKeysMs) this.#noted = { since: now, count: 0 }
    const isNoted = this.#noted.count < notedKeysMax
    if (!isNoted && !(await opensKeyslot(this.#options.path, key))) {
      throw new VaultError('WRONG_KEY', 'no keyslot opens')
    }
    try {
      await this.#open(key)
    } catch (error) {
      if (error instanceof VaultError && error.code === 'WRONG_KEY') this.#noted.count++
      throw error
    }
  }

  async #open(unlock: Unlock, acceptClock = false): Promise<void> {
    const vault = await Vault.open({ ...this.#place(), unlock, acceptClock })
    try {
      await this.#options.onOpen?.(vault)
    } catch (error) {
      await vault.close().catch(() => undefined)
      throw error
    }
    this.#vault = vault
    this.#state = 'open'
  }

  #place() {
    const { path, actor, waitForLock, timeout, cache, context, clock } = this.#options
    return {
      path,
      actor,
      ...(waitForLock !== undefined && { waitForLock }),
      ...(timeout !== undefined && { timeout }),
      ...(cache !== undefined && { cache }),
      ...(context !== undefined && { context }),
      ...(clock !== undefined && { clock }),
    }
  }

  /** The state by now: another process may have made a vault in the folder. */
  async #look(): Promise<ServedState> {
    if (this.#state === 'uninitialised') this.#state = await stateOf(this.#options.path)
    return this.#state
  }

  /** Of the set that shares were given of, or else of the first that the vault has. */
  async #shareCount(): Promise<ShareCount> {
    const none = { threshold: 0, of: 0 }
    if ((await this.#look()) === 'uninitialised') return none
    const { count } = this.#unsealing
    if (count !== undefined) return count
    const [first = none] = await this.#shareSets()
    return { threshold: first.threshold, of: first.of }
  }

  /** Those that open the vault as an owner does. */
  async #shareSets(): Promise<readonly ShareSet[]> {
    const slots = await this.#keyslots()
    return slots.flatMap(({ role, shares, setId }) =>
      role === 'owner' && shares !== undefined && setId !== undefined ? [{ ...shares, setId }] : [],
    )
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      if (this.#ended) throw sealed()
      return work()
    })
    this.#turn = result.catch(() => undefined)
    return result
  }
}

async function stateOf(path: string): Promise<ServedState> {
  try {
    await lockedKeyslots(path)
    return 'sealed'
  } catch (error) {
    if (error instanceof VaultError && error.code === 'NOT_FOUND') return 'uninitialised'
    throw error
  }
}

function alreadyInitialised(): WireError {
  return new WireError(400, ['Vault is already initialized'])
}

/** One key alone is a recovery key: shares are two at the least. */
async function newKeys({
  shares: of,
  threshold,
}: {
  readonly shares: number
  readonly threshold: number
}): Promise<{ readonly keys: readonly string[]; readonly credential: Credential }> {
  if (of === 1 && threshold === 1) {
    const { text, credential } = recoveryKey()
    return { keys: [text], credential }
  }
  const { texts, credential } = await shares({ threshold, of })
  return { keys: texts, credential }
}
