import type { SecretMeta } from '../events/catalogue.ts'
import type { VersionState } from '../projections/secrets.ts'
import type { ChangeType } from '../projections/versions.ts'
import type { NotedChange } from './diff-noted.ts'

/**
 * What changed in a vault from one moment to a later one, and by whom. Plain data: as JSON, dates are ISO 8601. It holds no
 * value of a secret, and nothing of secrets that were only declared.
 */
export interface VaultDiff {
  readonly from: DiffEnd
  readonly to: DiffEnd
  /** In the order of UTF-16 code units of their paths. */
  readonly secrets: readonly SecretDiff[]
  /**
   * Policies, roles and grants, tokens that were issued and revoked, applications that log in and their secret ids, in the
   * order of the log. The tokens of logins, which come and go with those, are not told.
   */
  readonly access: readonly NotedChange[]
  /** Rotation policies, in the order of the log. */
  readonly rotationPolicies: readonly NotedChange[]
  /** Settings of mounts, in the order of the log. */
  readonly mounts: readonly NotedChange[]
  /** Keyslots, keys and anchors, in the order of the log. */
  readonly keys: readonly NotedChange[]
  readonly counts: DiffCounts
}

/** With the event at `position`, and of its time. */
export interface DiffEnd {
  readonly position: number
  readonly time: Date
}

/**
 * What became of a secret in the end. The first that holds:
 *
 * - `transient`: it is at neither end; it was added and purged in between
 * - `added`, `purged`: it is at one end only
 * - `replaced`: it was purged, and another secret has its path
 * - `rotated`, `written`: its newest version is another, and that is how it came
 * - `deleted`, `restored`, `destroyed`: what was done last to its versions; of the newest, `before` and `after` tell
 * - `annotated`: no more than what is known of it
 */
export type SecretChange =
  | 'transient'
  | 'added'
  | 'purged'
  | 'replaced'
  | 'rotated'
  | 'written'
  | 'deleted'
  | 'restored'
  | 'destroyed'
  | 'annotated'

export interface SecretDiff {
  readonly path: string
  readonly change: SecretChange
  /** Absent where there was no secret. */
  readonly before?: SecretEnd
  /** Absent where there is none in the end. */
  readonly after?: SecretEnd
  /** Who changed it: each once, in the order in which they first did. */
  readonly by: readonly string[]
  /** Every event in between that changed it, in the order of the log. */
  readonly events: readonly SecretStep[]
  /** What is known of it besides its value, where that differs between the ends; by name. */
  readonly fields: readonly FieldDiff[]
}

/** Of its newest version at that end. */
export interface SecretEnd {
  readonly version: number
  readonly state: VersionState
}

export interface SecretStep {
  readonly position: number
  readonly time: Date
  readonly type: ChangeType
  readonly by: string
  /** As whoever did it said. */
  readonly reason?: string
}

/** A field of the metadata; absent at an end at which it was not set. `rotateEvery` and `expireAfter` are in milliseconds. */
export interface FieldDiff {
  readonly field: keyof SecretMeta
  readonly before?: FieldValue
  readonly after?: FieldValue
}

export type FieldValue = string | number | boolean | Date | Readonly<Record<string, string>>

export interface DiffCounts {
  /** Of the log, whatever they say. */
  readonly events: number
  /** Events that changed a secret. */
  readonly changes: number
  /** Secrets that changed, and how many in each way; a way in which none did is left out. */
  readonly secrets: number
  readonly bySecretChange: Readonly<Partial<Record<SecretChange, number>>>
  readonly access: number
  readonly rotationPolicies: number
  readonly mounts: number
  readonly keys: number
}
