import { VaultError } from '../errors.ts'
import { commitEventsMax } from '../limits.ts'
import { pack, unpack } from './pack.ts'

/**
 * LOG    := [[[epoch, from, logKey, blindKey], …], [[epoch, publicKey], …]]
 * VALUES := [[[epoch, wrappingKey], …], [[epoch, appendKey], …], [[epoch, seed], …], A, pending | nil]
 * pending := [[type, data], …]                  the events to append
 *
 * In msgpack; keys, seeds and public keys are bin of 32 bytes, epochs and positions integers. Each list but that of
 * pending events is ordered by epoch, without repetition and never empty.
 */
const keyBytes = 32
/** A year of rotations every 10 minutes; it keeps a keyring far below its 16 MiB. */
export const epochsMax = 50_000

/** A key and the period in which it is, or was, the one for new entries. */
export interface EpochKey {
  readonly epoch: number
  readonly key: Buffer
}

/** What an auditor holds: it reads all of the history and makes none. */
export interface LogKeys {
  readonly epochs: readonly LogEpoch[]
  /** Raw Ed25519 public keys; the newest signs. */
  readonly signers: readonly { readonly epoch: number; readonly publicKey: Buffer }[]
}

export interface LogEpoch {
  readonly epoch: number
  /** The first position sealed under it. */
  readonly from: number
  readonly logKey: Buffer
  readonly blindKey: Buffer
}

/** What only an owner holds. */
export interface ValueKeys {
  /** They seal key rows; the newest seals new ones. */
  readonly wraps: readonly EpochKey[]
  /** They make the MACs of commits; one an epoch of the log. */
  readonly appends: readonly EpochKey[]
  /** Seeds of Ed25519 private keys; two while one replaces the other. */
  readonly signing: readonly { readonly epoch: number; readonly seed: Buffer }[]
  /** The auditors' root. */
  readonly A: Buffer
  readonly pending?: Pending
}

/**
 * A change of keys whose events may not be in the log yet. Auditors do not see it: they append nothing, and what has
 * happened they read in the log.
 */
export interface Pending {
  readonly facts: readonly PendingFact[]
}

/** An event to append; it is about the vault itself. */
export interface PendingFact {
  readonly type: string
  readonly data: unknown
}

export function packLogKeys({ epochs, signers }: LogKeys): Buffer {
  return pack([
    epochs.map(({ epoch, from, logKey, blindKey }) => [epoch, from, logKey, blindKey]),
    signers.map(({ epoch, publicKey }) => [epoch, publicKey]),
  ])
}

export function unpackLogKeys(bytes: Uint8Array): LogKeys {
  const [epochs, signers] = tuple(unpack(bytes, 'keyring'), 2)
  const keys = {
    epochs: list(epochs, epochsMax).map((item) => {
      const [epoch, from, logKey, blindKey] = tuple(item, 4)
      return { epoch: uint(epoch), from: uint(from), logKey: key(logKey), blindKey: key(blindKey) }
    }),
    signers: byEpoch(signers).map(({ epoch, key }) => ({ epoch, publicKey: key })),
  }
  expectAscending(keys.epochs.map(({ epoch }) => epoch))
  expectAscending(keys.epochs.map(({ from }) => from))
  if (keys.epochs[0]?.from !== 0) throw malformed('the first log key does not begin at position 0')
  return keys
}

export function packValueKeys({ A, appends, pending, signing, wraps }: ValueKeys): Buffer {
  return pack([
    wraps.map(({ epoch, key }) => [epoch, key]),
    appends.map(({ epoch, key }) => [epoch, key]),
    signing.map(({ epoch, seed }) => [epoch, seed]),
    A,
    pending === undefined ? null : pending.facts.map(({ type, data }) => [type, data]),
  ])
}

export function unpackValueKeys(bytes: Uint8Array): ValueKeys {
  const [wraps, appends, signing, A, pending] = tuple(unpack(bytes, 'keyring'), 5)
  return {
    wraps: byEpoch(wraps),
    appends: byEpoch(appends),
    signing: byEpoch(signing).map(({ epoch, key }) => ({ epoch, seed: key })),
    A: key(A),
    ...(pending === null ? {} : { pending: pendingOf(pending) }),
  }
}

function pendingOf(value: unknown): Pending {
  return {
    facts: list(value, commitEventsMax).map((item) => {
      const [type, data] = tuple(item, 2)
      return { type: text(type), data }
    }),
  }
}

function byEpoch(value: unknown): readonly EpochKey[] {
  const keys = list(value, epochsMax).map((item) => {
    const [epoch, bytes] = tuple(item, 2)
    return { epoch: uint(epoch), key: key(bytes) }
  })
  expectAscending(keys.map(({ epoch }) => epoch))
  return keys
}

function expectAscending(numbers: readonly number[]): void {
  const ordered = numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? number))
  if (!ordered) throw malformed('its keys are not in order')
}

function list(value: unknown, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > most) {
    throw malformed(`expected a list of 1 to ${most}`)
  }
  return value
}

function tuple(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(`expected ${length} fields`)
  return value
}

function uint(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw malformed('expected an integer')
  }
  return value
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw malformed('expected text')
  return value
}

function key(value: unknown): Buffer {
  if (!Buffer.isBuffer(value) || value.length !== keyBytes) {
    throw malformed(`expected a key of ${keyBytes} bytes`)
  }
  return value
}

function malformed(what: string): VaultError {
  return new VaultError('INTEGRITY', `keyring: ${what}`)
}
