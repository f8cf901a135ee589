import { VaultError, type VaultErrorCode } from '../errors.ts'
import type { Fact } from '../events/catalogue.ts'
import type { DenialCause, Operation } from '../events/words.ts'
import type { SecretRow } from '../projections/secrets.ts'

export type Secrets = ReadonlyMap<string, SecretRow>

/** When and where what is decided will stand in the log. */
export interface At {
  readonly now: number
  /** Of the first fact decided. */
  readonly position: number
}

/** The facts to append, and the refusal that the caller gets once they are on disk. */
export interface Outcome {
  readonly facts: readonly Fact[]
  readonly refused?: VaultError
}

const refusals = {
  policy: ['DENIED', 'is not allowed'],
  expired: ['EXPIRED', 'has expired'],
  not_yet_valid: ['NOT_YET_VALID', 'is not valid yet'],
  deleted: ['DELETED', 'is deleted; restore it to read it'],
  destroyed: ['DESTROYED', 'is destroyed: its key is gone'],
  absent: ['NOT_FOUND', 'does not exist'],
  hidden: ['NOT_FOUND', 'does not exist'],
} as const satisfies Record<DenialCause, readonly [VaultErrorCode, string]>

/** A refusal is a fact like any other: it is recorded first, then thrown. */
export function refuse(
  operation: Operation,
  path: string,
  about: { cause: DenialCause; version?: number | undefined; expected?: string; found?: string },
): Outcome {
  const [code, words] = refusals[about.cause]
  const { version } = about
  const what = version === undefined ? path : `version ${version} of ${path}`
  const dates = about.expected === undefined ? '' : ` (${about.expected}; it is ${about.found})`
  return {
    facts: [
      {
        type: 'secret.denied',
        subject: path,
        data: { operation, cause: about.cause, ...(version !== undefined && { version }) },
      },
    ],
    refused: new VaultError(code, `${what} ${words}${dates}`, { path }),
  }
}

/** Throws `CONFLICT` where the secret is not at the version its caller saw; 0 stands for no secret. */
export function expectVersion(path: string, found: number, expected: number | undefined): void {
  if (expected === undefined || expected === found) return
  throw new VaultError('CONFLICT', `${path} is at version ${found}, not ${expected}`, {
    path,
    expected,
    found,
  })
}

/** Position of the change before this one, as events carry it. */
export function previousOf(row: SecretRow | undefined): { previous?: number } {
  return row === undefined ? {} : { previous: row.last }
}
