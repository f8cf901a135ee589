import type { Fact } from '../events/catalogue.ts'
import type { SecretRow, VersionState } from '../projections/secrets.ts'
import { type At, type Outcome, refuse, type Secrets } from './outcome.ts'

export interface ReadIntent {
  readonly path: string
  readonly operation: 'read' | 'watch'
  /** An older version, as its history tells it; absent for the newest. */
  readonly version?: ReadableVersion | { readonly version: number; readonly state: 'absent' }
  readonly allowExpired?: boolean
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
  const { path, operation } = intent
  const row = secrets.get(path)
  if (row === undefined)
    return refuse(operation, path, { cause: 'absent', version: intent.version?.version })
  const target = intent.version ?? newest(row)
  const { version } = target
  if (target.state === 'absent') return refuse(operation, path, { cause: 'absent', version })
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
    data: { operation, version, ...(expired && { allowExpired: true as const }) },
  }
  return { facts: [accessed] }
}

function newest(row: SecretRow): ReadableVersion {
  const { expiresAt, notBefore } = row.meta
  return {
    version: row.version,
    state: row.state,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(notBefore !== undefined && { notBefore }),
  }
}

function dates(word: string, date: number | undefined, now: number) {
  return {
    expected: `${word} ${new Date(date ?? now).toISOString()}`,
    found: new Date(now).toISOString(),
  }
}
