import type { SecretMeta } from '../events/catalogue.ts'
import type { SecretInput } from '../secret/value.ts'

/** One value of a secret that is carried from one place to another. */
export interface EntryVersion {
  readonly value: SecretInput
  /** Milliseconds since the epoch, as in `SecretMeta`: each version may have its own. */
  readonly expiresAt?: number
  readonly notBefore?: number
}

/** A secret as a file tells of it: what is known of it, and its values that can still be read, oldest first. */
export interface TransferEntry {
  readonly path: string
  /** Without the dates, which belong to each version. */
  readonly meta: Omit<SecretMeta, 'expiresAt' | 'notBefore' | 'fingerprint'>
  /** At least one. */
  readonly versions: readonly EntryVersion[]
}

/**
 * What a file holds and no secret was made of, or what of a secret was left: `row` says where (`line 12`, `items[3]`,
 * a path), neither says what.
 */
export interface SkippedRow {
  readonly row: string
  readonly reason: string
}

export interface ParsedTransfer {
  readonly entries: readonly TransferEntry[]
  readonly skipped: readonly SkippedRow[]
}
