/** Every way an operation can fail. The set is closed: tables at the edges map it to HTTP statuses and exit codes. */
export type VaultErrorCode =
  | 'INVALID'
  | 'TOO_LARGE'
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'CONFLICT'
  | 'DENIED'
  | 'DELETED'
  | 'DESTROYED'
  | 'EXPIRED'
  | 'NOT_YET_VALID'
  | 'WRONG_KEY'
  | 'AUDITOR_ONLY'
  | 'IN_USE'
  | 'CLOSED'
  | 'FAILED'
  | 'UNCERTAIN'
  | 'INTEGRITY'
  | 'CLOCK'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'NO_SPACE'
  | 'UNSUPPORTED'

/** Whether the same call can succeed: `never` as it stands, `now`, or only after `vault.reopen()`. */
export type Retry = 'never' | 'now' | 'reopen'

const retries: Partial<Record<VaultErrorCode, Retry>> = {
  CONFLICT: 'now',
  IN_USE: 'now',
  NO_SPACE: 'now',
  TIMEOUT: 'now',
  FAILED: 'reopen',
  UNCERTAIN: 'reopen',
}

export interface VaultErrorDetails {
  /** What caused it. Never an error that could quote a value or a key. */
  readonly cause?: unknown
  /** The secret's path, or the folder or file that the error is about. */
  readonly path?: string
  readonly expected?: string | number
  readonly found?: string | number
  /** Ids of the events whose fate is unknown; `vault.outcome(id)` answers after a reopen. */
  readonly eventIds?: readonly string[]
  readonly retry?: Retry
}

/**
 * The one error class. Decide by `code`, show `message`; neither ever holds a value or a key.
 *
 * @example
 * try { await vault.read('prod/db') } catch (error) {
 *   if (error instanceof VaultError && error.code === 'EXPIRED') await renew()
 * }
 */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly code: VaultErrorCode
  readonly retry: Retry
  readonly path?: string
  readonly expected?: string | number
  readonly found?: string | number
  readonly eventIds?: readonly string[]

  constructor(code: VaultErrorCode, message: string, details: VaultErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retry = details.retry ?? retries[code] ?? 'never'
    if (details.path !== undefined) this.path = details.path
    if (details.expected !== undefined) this.expected = details.expected
    if (details.found !== undefined) this.found = details.found
    if (details.eventIds !== undefined) this.eventIds = details.eventIds
  }
}
