import type { VersionState } from '../../projections/secrets.ts'
import type { SecretValue } from '../../secret/value.ts'
import type { CallOptions } from '../call.ts'
import type { Written } from '../write.ts'

/** What holds for the secrets of a mount where they say nothing themselves. */
export interface KvSettings {
  /** Versions that a secret keeps; 0 where none is said. */
  readonly maxVersions: number
  readonly casRequired: boolean
  /** Milliseconds after which each new value expires; 0 for never. */
  readonly expireAfter: number
}

/** One version, as the wire knows it. */
export interface KvVersion {
  readonly version: number
  /** One that has expired counts as deleted. */
  readonly state: VersionState
  readonly createdAt: Date
  /** When it was deleted, or expires, whichever is first; of one that was destroyed as well. */
  readonly deletedAt?: Date
  readonly createdBy: string
  /** Absent where it expires by itself. */
  readonly deletedBy?: string
}

/** What a read gives: also of a version that is gone, of which the metadata is left. */
export interface KvRead {
  /** Absent where it is deleted, destroyed or expired; the refusal is then on record. */
  readonly secret?: SecretValue
  readonly version: KvVersion
  readonly tags: Readonly<Record<string, string>>
}

/** What is read. */
export interface KvReadOptions {
  /** The newest unless said. */
  readonly version?: number | undefined
  /** Over which mount: of a secret of which nobody said how many versions are kept, it has the newest ten. */
  readonly mount?: string | undefined
}

export interface KvWriteOptions extends CallOptions {
  /** Whose settings hold besides the secret's own. */
  readonly mount: string
  /** The version that the secret must be at; 0 where it must have none. */
  readonly ifVersion?: number
}

export interface KvWritten {
  readonly written: Written
  readonly version: KvVersion
  readonly tags: Readonly<Record<string, string>>
}

export interface KvChildrenOptions {
  /** Keys behind this one: the `next` of a page goes on from there. */
  readonly after?: string
  /** Keys a page, from 1; all of them unless said. */
  readonly limit?: number
}

export interface KvChildren {
  /** `foo` for a secret, `foo/` for a folder, in the order of UTF-16 code units. */
  readonly keys: readonly string[]
  /** Of the newest event that it knows of. */
  readonly position: number
  /** Where to go on with `after`; absent on the last page. */
  readonly next?: string
}

/** All that is known of a secret besides its values; of one that was only declared, there are no versions. */
export interface KvMetadata extends KvSettings {
  readonly path: string
  /** 0 where it has no version. */
  readonly currentVersion: number
  /** The oldest version that is kept; 0 until one was pruned. */
  readonly oldestVersion: number
  readonly createdAt: Date
  /** When its newest version was written. */
  readonly updatedAt: Date
  readonly createdBy?: string
  readonly updatedBy?: string
  readonly tags: Readonly<Record<string, string>>
  /** Oldest first; without those that a bound on their number has destroyed. */
  readonly versions: readonly KvVersion[]
}

/** What to change of what is known of a secret: absent stays as it is; 0, and false, take the field away. */
export interface KvAnnotation {
  readonly maxVersions?: number
  readonly casRequired?: boolean
  /** Milliseconds. */
  readonly expireAfter?: number
  /** All of its tags. */
  readonly tags?: Readonly<Record<string, string>>
  /** Over those that are there; null takes one away. */
  readonly patchTags?: Readonly<Record<string, string | null>>
}

export interface KvAnnotateOptions extends CallOptions {
  /** Refuse a path that is not there, instead of declaring it. */
  readonly mustExist?: boolean
}
