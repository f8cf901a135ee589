import { VaultError, type VaultErrorCode } from '../../../index.ts'
import { problemStatuses } from '../problem.ts'

/** What each code means to whoever is refused, and what to do about it. */
const meanings = {
  INVALID: ['An argument is not what it must be. The detail names it.', 'Mend the request.'],
  TOO_LARGE: [
    'A bound is passed.',
    'Store less, or split it: `expected` and `found` say by how much.',
  ],
  NOT_FOUND: [
    'There is no such secret, version, policy, or whatever was named.',
    'Check the name.',
  ],
  EXISTS: ['There is one of that name already.', 'Use it, or take another name.'],
  CONFLICT: [
    'The secret is at another version than `ifVersion` says; or the `Idempotency-Key` was used for something else.',
    'Read, decide anew, try again.',
  ],
  DENIED: [
    'With 401: no token that holds was shown. With 403: policy does not let its bearer do this, whether or not there is such a thing. Either is on record.',
    'Show another token; or have a policy written that allows it. `explain` says which rule decides.',
  ],
  DELETED: ['The version was withdrawn.', 'Restore it, if it should be read.'],
  DESTROYED: ['The key of the version is gone, for good.', 'Write a new value.'],
  EXPIRED: [
    'The value has expired.',
    'Rotate it. In an emergency `allowExpired` with a reason, which goes on record.',
  ],
  NOT_YET_VALID: ['The time from which the value can be read is to come.', 'Wait.'],
  WRONG_KEY: ['No keyslot opens with this credential.', 'Check which one it is.'],
  AUDITOR_ONLY: ['An owner’s credential is needed.', 'Use one.'],
  IN_USE: ['Another process holds the vault.', 'Try again.'],
  CLOSED: [
    'The vault is sealed, or the server is shutting down.',
    'Wait until it is unsealed, or started again.',
  ],
  FAILED: [
    'An earlier write failed, and nothing is accepted until the vault is opened again, which the server goes about by itself.',
    'Try again later. If it lasts, see to the disk.',
  ],
  UNCERTAIN: [
    'The change may or may not be on disk.',
    'Send it again with the same `Idempotency-Key`; without one, look first, or ask what became of `eventIds`.',
  ],
  INTEGRITY: [
    'Bytes on the disk are not what an owner wrote.',
    'Stop, and have the vault examined.',
  ],
  CLOCK: [
    'The clock of the server cannot be right.',
    'Have it set right, or accepted by an owner.',
  ],
  TIMEOUT: [
    'The vault is busy, or what was waited for did not come in time. Nothing was done.',
    'Try again.',
  ],
  ABORTED: ['The request was given up. Nothing was done.', 'Nothing.'],
  NO_SPACE: [
    'No space is left to put this on record. Nothing was done.',
    'Have room made, and try again.',
  ],
  UNSUPPORTED: [
    'With 405: the path has no such method. Otherwise: this server cannot do that.',
    'Look it up in this reference.',
  ],
} as const satisfies Record<VaultErrorCode, readonly [means: string, advice: string]>

/** A code as the reference tells of it. */
export interface CodeAbout {
  readonly code: VaultErrorCode
  readonly statuses: readonly number[]
  readonly retry: VaultError['retry']
  readonly means: string
  readonly advice: string
}

/** Codes that come with another status than their own, too. */
const besides: Partial<Record<VaultErrorCode, readonly number[]>> = {
  DENIED: [401],
  INVALID: [415],
  TIMEOUT: [429],
  TOO_LARGE: [414],
  UNSUPPORTED: [405],
}

/** Every code that a problem can have. */
export const codes: readonly CodeAbout[] = Object.entries(meanings).map(
  ([name, [means, advice]]) => {
    const code = name as VaultErrorCode
    return {
      code,
      statuses: [problemStatuses[code], ...(besides[code] ?? [])].sort((a, b) => a - b),
      retry: new VaultError(code, '').retry,
      means,
      advice,
    }
  },
)
