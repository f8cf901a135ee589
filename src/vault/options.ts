import { VaultError } from '../errors.ts'
import { checkActor } from '../events/path.ts'
import type { Credential, Unlock } from '../keys/unlock.ts'
import { type Clock, systemClock } from '../log/clock.ts'
import { levelStore } from '../store/level.ts'
import type { StoreOpener } from '../store/port.ts'
import { type CallOptions, checkTimeout } from './call.ts'

/** Where a vault is: a folder of its own, or whatever store keeps it. */
export type VaultPlace =
  | {
      /** A folder, held by this process alone while the vault is open. */
      readonly path: string
      /** Milliseconds to wait for another process to let go of it; 0 unless said. */
      readonly waitForLock?: number
      readonly store?: never
    }
  | { readonly store: StoreOpener; readonly path?: never; readonly waitForLock?: never }

interface CommonOptions {
  /** Who acts where a call names nobody: `svc/billing`, `user/ana`. */
  readonly actor: string
  /** What the host knows of the request at hand: `() => asyncLocalStorage.getStore()`. */
  readonly context?: () => CallOptions | undefined
  /** Milliseconds after which a call gives up; 5,000 unless said. */
  readonly timeout?: number
  /** Bytes of opened values kept in memory, masked; 8 MiB unless said, 0 for none (see docs/embedding.md). */
  readonly cache?: { readonly values: number }
  /** Records `list`, `describe`, `history`, `exists` and audit queries too, as `secret.inspected` and `audit.read`. */
  readonly inspections?: boolean
  readonly clock?: Clock
}

export type OpenOptions = VaultPlace &
  CommonOptions & {
    /** Opens one of the vault's keyslots: `passphrase(…)`, `passphrase.fromFile(…)`, `recoveryKey.parse(…)`. */
    readonly unlock: Unlock
    /** An owner's word that the clock is right although the log's newest event bears a later time. */
    readonly acceptClock?: boolean
  }

export type CreateOptions = VaultPlace &
  CommonOptions & {
    /** Makes the first keyslot. */
    readonly unlock: Credential
    /** Its label, for people. */
    readonly label?: string
  }

export type RestoreOptions = VaultPlace &
  CommonOptions & {
    /** The backup: a file that `vault.backup` made. */
    readonly from: string
    /** Opens one of the backup's keyslots, which are the vault's from here on. */
    readonly unlock: Unlock
    /** An owner's word that the clock is right although the backup's newest event bears a later time. */
    readonly acceptClock?: boolean
  }

type AnyOptions = OpenOptions | CreateOptions | RestoreOptions

/** Options with their defaults, checked. */
export interface ReadOptions {
  readonly opener: StoreOpener
  readonly actor: string
  readonly ambient: (() => CallOptions | undefined) | undefined
  readonly timeout: number
  readonly cacheBytes: number
  readonly inspections: boolean
  readonly clock: Clock
}

const timeoutDefaultMs = 5_000
const cacheBytesDefault = 8 * 1024 * 1024

/** Throws `INVALID`, naming the option. */
export function readOptions(options: AnyOptions): ReadOptions {
  const cacheBytes = options.cache?.values ?? cacheBytesDefault
  if (!Number.isSafeInteger(cacheBytes) || cacheBytes < 0) {
    throw new VaultError('INVALID', 'cache.values must be a number of bytes, from 0')
  }
  if (typeof options.unlock?.key !== 'function') {
    throw new VaultError('INVALID', 'unlock must be a credential, such as passphrase.fromFile(…)')
  }
  return {
    opener: openerOf(options),
    actor: checkActor(options.actor),
    ambient: options.context,
    timeout: checkTimeout(options.timeout ?? timeoutDefaultMs),
    cacheBytes,
    inspections: options.inspections ?? false,
    clock: options.clock ?? systemClock,
  }
}

function openerOf({ path, store, waitForLock = 0 }: AnyOptions): StoreOpener {
  if (store !== undefined) {
    if (path === undefined) return store
    throw new VaultError('INVALID', 'give either path or store')
  }
  if (typeof path !== 'string' || path === '') {
    throw new VaultError('INVALID', 'path must name the folder of the vault')
  }
  if (!Number.isSafeInteger(waitForLock) || waitForLock < 0) {
    throw new VaultError('INVALID', 'waitForLock must be a number of milliseconds, from 0')
  }
  return levelStore(path, { waitForLock })
}
