import { VaultError } from '../errors.ts'
import type { Fact } from '../events/catalogue.ts'
import type { SecretRow, VersionState } from '../projections/secrets.ts'
import { type At, type Outcome, refuse, type Secrets } from './outcome.ts'

export interface ReadIntent {
  readonly path: string
  readonly operation: 'read' | 'watch'
  /** A version that is not simply the newest, as its history tells it; absent for the newest. */
  readonly version?: ReadableVersion | AbsentVersion | HiddenVersion
  readonly allowExpired?: boolean
  /** The position that it is read as of: `version` is the one that the log held then, as it stands today. */
  readonly asOf?: number
}

/** A version that never was, or a whole secret. */
export interface AbsentVersion {
  readonly version?: number
  readonly state: 'absent'
}

/** A version that is kept, and that whoever asks is to take for one that is not there. */
export interface HiddenVersion {
  readonly version: number
  readonly state: 'hidden'
}

/** What decides whether a version may be read. */
export interface ReadableVersion {
  readonly version: number
  readonly state: VersionState
  readonly expiresAt?: number
  readonly notBefore?: number
}

/** A value is handed out as `secret.accessed`, or refused as `secret.denied`; both are on disk first. */
export function read(secrets: Secrets, intent: ReadIntent, { now }: At): Outcome {
  const { path, operation, asOf } = intent
  const target = intent.version ?? newest(secrets.get(path))
  if (target.state === 'absent') return refuseAbsent(intent, target.version)
  const { version } = target
  if (target.state !== 'live') return refuse(operation, path, { cause: target.state, version })
  if (target.notBefore !== undefined && now < target.notBefore) {
    return refuse(operation, path, {
      cause: 'not_yet_valid',
      version,
      ...dates('from', target.notBefore, now),
    })
  }
  const expired = target.expiresAt !== undefined && target.expiresAt <= now
  if (expired && intent.allowExpired !== true) {
    return refuse(operation, path, {
      cause: 'expired',
      version,
      ...dates('on', target.expiresAt, now),
    })
  }
  const accessed: Fact = {
    type: 'secret.accessed',
    subject: path,
    data: {
      operation,
      version,
      ...(expired && { allowExpired: true as const }),
      ...(asOf !== undefined && { asOf }),
    },
  }
  return { facts: [accessed] }
}

function newest(row: SecretRow | undefined): ReadableVersion | AbsentVersion {
  if (row === undefined) return { state: 'absent' }
  const { expiresAt, notBefore } = row.meta
  return {
    version: row.version,
    state: row.state,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(notBefore !== undefined && { notBefore }),
  }
}

function refuseAbsent({ operation, path, asOf }: ReadIntent, version: number | undefined): Outcome {
  const outcome = refuse(operation, path, { cause: 'absent', version })
  if (asOf === undefined) return outcome
  const what = version === undefined ? path : `version ${version} of ${path}`
  const message = `${what} did not exist at position ${asOf}`
  return { ...outcome, refused: new VaultError('NOT_FOUND', message, { path }) }
}

function dates(word: string, date: number | undefined, now: number) {
  return {
    expected: `${word} ${new Date(date ?? now).toISOString()}`,
    found: new Date(now).toISOString(),
  }
}
