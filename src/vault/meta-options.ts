import type { MetaPatch } from '../decide/meta.ts'
import { VaultError } from '../errors.ts'
import { isoTime } from '../events/iso-time.ts'
import { type SecretType, secretTypes } from '../events/words.ts'
import {
  descriptionBytesMax,
  ownerBytesMax,
  rotateEveryMsMax,
  tagKeyBytesMax,
  tagsMax,
  tagValueBytesMax,
  timeMsMax,
  versionsMax,
} from '../limits.ts'

/**
 * What can be said of a secret. A field that is absent stays as it is; null takes it away.
 */
export interface MetaOptions {
  /** `generic` unless said. */
  readonly type?: SecretType
  readonly description?: string | null
  readonly owner?: string | null
  /** All of its tags: those not named are taken away. */
  readonly tags?: Readonly<Record<string, string>> | null
  /** A `Date` or an ISO 8601 text. Read out of a certificate unless said. */
  readonly expiresAt?: Date | string | null
  readonly notBefore?: Date | string | null
  /** Milliseconds after which its value is due for a rotation. */
  readonly rotateEvery?: number | null
  /** Older versions are destroyed when a new one comes. */
  readonly maxVersions?: number | null
  /** Each write must say `ifVersion`. */
  readonly casRequired?: boolean | null
  /** Milliseconds after which each new value expires, unless its write or the value itself says when. */
  readonly expireAfter?: number | null
}

/** Checks every field and gives what the log holds of it. Throws `INVALID` or `TOO_LARGE`, naming the argument. */
export function readMeta(options: MetaOptions): MetaPatch {
  const patch: Record<string, unknown> = {}
  for (const [field, read] of Object.entries(readers)) {
    const value = options[field as keyof MetaOptions]
    if (value === undefined) continue
    patch[field] = value === null && field !== 'type' ? null : read(value)
  }
  return patch as MetaPatch
}

const readers: Record<keyof MetaOptions, (value: unknown) => unknown> = {
  type: (value) => {
    if (secretTypes.includes(value as SecretType)) return value
    throw new VaultError('INVALID', `type must be one of ${secretTypes.join(', ')}`)
  },
  description: (value) => text('description', value, descriptionBytesMax),
  owner: (value) => text('owner', value, ownerBytesMax),
  tags,
  expiresAt: (value) => date('expiresAt', value),
  notBefore: (value) => date('notBefore', value),
  rotateEvery: (value) => integer('rotateEvery', value, rotateEveryMsMax),
  maxVersions: (value) => integer('maxVersions', value, versionsMax),
  casRequired: (value) => {
    if (typeof value === 'boolean') return value
    throw new VaultError('INVALID', 'casRequired must be true or false')
  },
  expireAfter: (value) => integer('expireAfter', value, rotateEveryMsMax),
}

function text(name: string, value: unknown, most: number): string {
  if (typeof value !== 'string' || !value.isWellFormed()) {
    throw new VaultError('INVALID', `${name} must be a string of well-formed text`)
  }
  const bytes = Buffer.byteLength(value)
  if (bytes <= most) return value
  throw new VaultError('TOO_LARGE', `${name} takes at most ${most} bytes, not ${bytes}`, {
    expected: most,
    found: bytes,
  })
}

function tags(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new VaultError('INVALID', 'tags must be an object of strings')
  }
  const entries = Object.entries(value)
  if (entries.length > tagsMax) {
    throw new VaultError(
      'TOO_LARGE',
      `tags takes at most ${tagsMax} entries, not ${entries.length}`,
      {
        expected: tagsMax,
        found: entries.length,
      },
    )
  }
  return Object.fromEntries(
    entries.map(([key, tag]) => {
      if (key === '' || key === '__proto__')
        throw new VaultError('INVALID', `tags has a key that is no name`)
      return [
        text('a key of tags', key, tagKeyBytesMax),
        text(`tags.${key}`, tag, tagValueBytesMax),
      ]
    }),
  )
}

/** A date in milliseconds since the epoch, from a `Date` or an ISO 8601 text with a zone or a date alone. */
export function date(name: string, value: unknown): number {
  const time =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'string'
        ? isoTime(value)
        : Number.NaN
  if (Number.isSafeInteger(time) && time >= 0 && time <= timeMsMax) return time
  throw new VaultError('INVALID', `${name} must be a Date or an ISO 8601 date from 1970 to 9999`)
}

function integer(name: string, value: unknown, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most)
    return value as number
  throw new VaultError('INVALID', `${name} must be an integer from 1 to ${most}`)
}
