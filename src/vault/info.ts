import type { SecretType } from '../events/words.ts'
import type { AccessRow } from '../projections/accesses.ts'
import {
  maxAgeOf,
  type RotationPolicyRow,
  rotationStatusOf,
} from '../projections/rotation-policies.ts'
import type { RotationRow } from '../projections/rotations.ts'
import type { SecretRow, VersionState } from '../projections/secrets.ts'
import type { VersionRow } from '../projections/versions.ts'

/** What is known of a secret besides its value. As JSON, dates are ISO 8601, as `write` and `annotate` take them. */
export interface SecretInfo {
  readonly path: string
  readonly type: SecretType
  /** The newest version. */
  readonly version: number
  readonly state: VersionState
  readonly createdAt: Date
  readonly updatedAt: Date
  /** When the value itself last changed, whoever changed it: the age that rotation policies judge. */
  readonly valueChangedAt: Date
  readonly updatedBy: string
  readonly expiresAt?: Date
  readonly notBefore?: Date
  readonly rotationCount: number
  readonly lastRotatedAt?: Date
  readonly accessCount: number
  readonly lastAccessedAt?: Date
  readonly tags: Readonly<Record<string, string>>
  readonly description?: string
  readonly owner?: string
  /** Milliseconds. */
  readonly rotateEvery?: number
  /** When its value will be, or was, as old as it may get: by its own `rotateEvery`, or by a rotation policy. */
  readonly dueAt?: Date
  readonly maxVersions?: number
  readonly casRequired: boolean
  /** Milliseconds after which each new value expires, where nothing else is said of it. */
  readonly expireAfter?: number
  readonly fingerprint?: string
}

export function infoOf(
  path: string,
  row: SecretRow,
  seen: {
    rotation: RotationRow | undefined
    access: AccessRow | undefined
    policies: readonly RotationPolicyRow[]
  },
): SecretInfo {
  const { type, tags, casRequired, expiresAt, notBefore, ...meta } = row.meta
  const { due } = rotationStatusOf(
    {
      state: row.state,
      valueChangedAt: row.valueChangedAt,
      rotations: seen.rotation?.count ?? 0,
      maxAge: maxAgeOf(path, row.meta, seen.policies),
    },
    { now: row.valueChangedAt },
  )
  return {
    path,
    type,
    version: row.version,
    state: row.state,
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
    valueChangedAt: new Date(row.valueChangedAt),
    updatedBy: row.updatedBy,
    ...dateOf('expiresAt', expiresAt),
    ...dateOf('notBefore', notBefore),
    ...dateOf('dueAt', due),
    rotationCount: seen.rotation?.count ?? 0,
    ...dateOf('lastRotatedAt', seen.rotation?.lastAt),
    accessCount: seen.access?.count ?? 0,
    ...dateOf('lastAccessedAt', seen.access?.lastAt),
    tags: { ...tags },
    casRequired: casRequired ?? false,
    ...meta,
  }
}

/** One version in a secret's history: who, when, why, and whether it can still be read. */
export interface VersionInfo {
  readonly version: number
  readonly state: VersionState
  readonly createdAt: Date
  readonly createdBy: string
  readonly origin: VersionRow['origin']
  readonly reason?: string
  readonly changed: boolean
  readonly expiresAt?: Date
  readonly notBefore?: Date
  readonly stateChangedAt?: Date
  readonly stateChangedBy?: string
  readonly position: number
}

export function versionInfoOf(row: VersionRow): VersionInfo {
  return {
    version: row.version,
    state: row.state,
    createdAt: new Date(row.createdAt),
    createdBy: row.createdBy,
    origin: row.origin,
    ...(row.reason !== undefined && { reason: row.reason }),
    changed: row.changed,
    ...dateOf('expiresAt', row.expiresAt),
    ...dateOf('notBefore', row.notBefore),
    ...dateOf('stateChangedAt', row.stateChangedAt),
    ...(row.stateChangedBy !== undefined && { stateChangedBy: row.stateChangedBy }),
    position: row.position,
  }
}

function dateOf<N extends string>(name: N, time: number | undefined): { readonly [K in N]?: Date } {
  return time === undefined ? {} : ({ [name]: new Date(time) } as { readonly [K in N]: Date })
}
