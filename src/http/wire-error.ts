import { VaultError, type VaultErrorCode } from '../index.ts'

/**
 * An answer that is not a success, as a handler throws it: the app sends `{"errors":[…]}` with its status, or `body`
 * instead, as the 404 of a deleted version has one. A 403 says `permission denied` and nothing else, whatever it holds.
 */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly status: number
  readonly errors: readonly string[]
  readonly body?: object

  constructor(status: number, errors: readonly string[] = [], body?: object) {
    super(errors.join('; ') || `status ${status}`)
    this.status = status
    this.errors = errors
    if (body !== undefined) this.body = body
  }
}

/**
 * The status of each code, where a route says nothing of its own. The wire knows 500 for what could not be put on
 * record, and clients try 5xx again: 503 is for what may well succeed then, as nothing was done. 501 and 507 are not
 * used, as clients take the one for a vault that is not initialised and do not know the other.
 */
const statusOf = {
  INVALID: 400,
  TOO_LARGE: 400,
  NOT_FOUND: 404,
  EXISTS: 400,
  CONFLICT: 400,
  DENIED: 403,
  DELETED: 404,
  DESTROYED: 404,
  EXPIRED: 404,
  NOT_YET_VALID: 404,
  WRONG_KEY: 400,
  AUDITOR_ONLY: 400,
  IN_USE: 503,
  CLOSED: 503,
  FAILED: 500,
  UNCERTAIN: 500,
  INTEGRITY: 500,
  CLOCK: 500,
  TIMEOUT: 503,
  ABORTED: 503,
  NO_SPACE: 500,
  UNSUPPORTED: 400,
} as const satisfies Record<VaultErrorCode, number>

/** What is said instead of a message that tells of the server's own affairs: its folder, its disk, its processes. */
export const ownAffairs: Partial<Record<VaultErrorCode, string>> = {
  IN_USE: 'the vault is in use by another process',
  CLOSED: 'Vault is sealed',
  FAILED: 'an earlier write failed: nothing is accepted until the vault is opened again',
  UNCERTAIN: 'it is not known whether this was recorded: look before trying again',
  INTEGRITY: 'the vault does not hold together: see what verify says',
  CLOCK: 'the clock of the server cannot be right',
  TIMEOUT: 'the vault is busy: nothing was done',
  ABORTED: 'the request was given up',
  NO_SPACE: 'no space is left to put this on record',
}

/** The answer to whatever a handler threw. What is not expected says `internal error` and no more. */
export function wireErrorOf(error: unknown): WireError {
  if (error instanceof WireError) return error
  if (!(error instanceof VaultError)) return new WireError(500, ['internal error'])
  const status = statusOf[error.code]
  if (status === 404) return new WireError(404)
  return new WireError(status, [ownAffairs[error.code] ?? error.message])
}

/** Clients look for this text. */
export const permissionDenied = 'permission denied'
