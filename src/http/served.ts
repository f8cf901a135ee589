import { type Vault, VaultError } from '../index.ts'
import type { Reopening } from './operations/reopening.ts'
import { WireError } from './wire-error.ts'

export type ServedState = 'uninitialised' | 'sealed' | 'open'

/** What `sys/seal-status` tells of the way to open the vault. Nothing here is secret. */
export interface SealStatus {
  readonly state: ServedState
  /** How many shares there are, and how many of them open the vault; 0 and 0 where it is opened by no shares. */
  readonly shares: number
  readonly threshold: number
  /** How many of them are given so far. */
  readonly progress: number
  /** Names the attempt that is under way; '' for none. */
  readonly nonce: string
}

/** What `init` hands out, once. */
export interface Initialised {
  /** What `unseal` takes: shares, or a recovery key where one key alone is to open the vault. */
  readonly keys: readonly string[]
  /** Of policy `root`, without an end. */
  readonly rootToken: string
}

/** A vault as a server has it: not made yet, sealed, or open. */
export interface Served {
  readonly state: ServedState
  /** The open vault. Throws WireError 503, or gives one whose verbs throw `CLOSED`. */
  vault(): Vault
  status(): Promise<SealStatus>
  /** Makes the vault and leaves it sealed. Throws WireError 400 over one that is there. */
  init(options: { readonly shares: number; readonly threshold: number }): Promise<Initialised>
  /** Takes one share, or the one key. Throws WireError 400 for one that is wrong. */
  unseal(key: string): Promise<SealStatus>
  /** Forgets the shares that are given so far. */
  resetUnseal(): Promise<SealStatus>
  /** Closes the vault, once what was asked of it before is answered. */
  seal(): Promise<void>
  /** Called after a write that failed: has the vault opened again, where that is not its host's own affair. */
  recover?(): void
  /** How far that has come. */
  readonly reopening?: Reopening
}

export function sealed(): WireError {
  return new WireError(503, ['Vault is sealed'])
}

/**
 * A vault that its host opened, and goes on opening and closing by itself: over the wire it can be neither made,
 * unsealed nor sealed.
 *
 * @example
 * const app = createApp(embedded(vault))
 */
export function embedded(vault: Vault): Served {
  const state = (): ServedState => (isClosed(vault) ? 'sealed' : 'open')
  const hostsOwn = async () => {
    throw new WireError(400, ['the service that this vault is part of opens and closes it'])
  }
  return {
    get state() {
      return state()
    },
    // A closed one says so by itself, `CLOSED`: to ask it before each request would be to ask twice.
    vault: () => vault,
    status: async () => ({ state: state(), shares: 0, threshold: 0, progress: 0, nonce: '' }),
    init: async () => {
      throw new WireError(400, ['Vault is already initialized'])
    },
    unseal: hostsOwn,
    resetUnseal: hostsOwn,
    seal: hostsOwn,
  }
}

/** A vault that failed is open still: its callers are told so, and its host may reopen it. */
function isClosed(vault: Vault): boolean {
  try {
    vault.identity()
    return false
  } catch (error) {
    return error instanceof VaultError && error.code === 'CLOSED'
  }
}
