import { type Retry, VaultError, type VaultErrorCode } from '../errors.ts'
import type { Asking } from './asking.ts'
import { Aborted, type Calling, Late } from './calling.ts'

/** What a server refused, and when it says to come again. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly error: VaultError
  /** Milliseconds. */
  readonly retryAfter: number | undefined

  constructor(error: VaultError, retryAfter?: number) {
    super(error.message)
    this.error = error
    this.retryAfter = retryAfter
  }
}

/** Refused before anything was done. */
const nothingDone: readonly VaultErrorCode[] = ['CLOSED', 'IN_USE', 'TIMEOUT', 'FAILED']

const codes = {
  INVALID: true,
  TOO_LARGE: true,
  NOT_FOUND: true,
  EXISTS: true,
  CONFLICT: true,
  DENIED: true,
  DELETED: true,
  DESTROYED: true,
  EXPIRED: true,
  NOT_YET_VALID: true,
  WRONG_KEY: true,
  AUDITOR_ONLY: true,
  IN_USE: true,
  CLOSED: true,
  FAILED: true,
  UNCERTAIN: true,
  INTEGRITY: true,
  CLOCK: true,
  TIMEOUT: true,
  ABORTED: true,
  NO_SPACE: true,
  UNSUPPORTED: true,
} as const satisfies Record<VaultErrorCode, true>

const retries = { never: true, now: true, reopen: true } as const satisfies Record<Retry, true>

/** What an answer refuses; of one that the vault's server need not have made, or of which nobody knows, no refusal. */
export async function refusalIn(response: Response): Promise<Refused | Error> {
  const { status, headers } = response
  const problem = jsonOrNothing(await response.text())
  if (!isProblem(problem) && isOnTheWay(status)) {
    return new Error(`a server on the way answered ${status}`)
  }
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const retryAfter = Number.isFinite(seconds) ? seconds * 1000 : undefined
  return new Refused(refusedBy(problem, `it answered ${status}`), retryAfter)
}

/** What a server between answers where it has no answer of the vault's: that one is away, or it is asked too much. */
function isOnTheWay(status: number): boolean {
  return status >= 500 || status === 408 || status === 429
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

interface SaidProblem {
  readonly code: VaultErrorCode
  readonly detail: string
  readonly retry?: unknown
  readonly path?: unknown
  readonly expected?: unknown
  readonly found?: unknown
  readonly eventIds?: unknown
}

/** A problem as the server tells it (RFC 9457), or that there is no such server. */
export function refusedBy(problem: unknown, otherwise = saysNothing): VaultError {
  if (!isProblem(problem)) return noVault(otherwise)
  const { code, detail, retry, path, expected, found, eventIds } = problem
  return new VaultError(code, detail, {
    ...(isIn(retries, retry) && { retry }),
    ...(typeof path === 'string' && { path }),
    ...(isScalar(expected) && { expected }),
    ...(isScalar(found) && { found }),
    ...(isTexts(eventIds) && { eventIds }),
  })
}

const saysNothing = 'it answered with what it does not say'

/** @param why what it did instead */
export function noVault(why: string): VaultError {
  return new VaultError('UNSUPPORTED', `what answers is no server of a vault: ${why}`)
}

function isProblem(said: unknown): said is SaidProblem {
  const { code, detail } = Object(said) as Partial<SaidProblem>
  return isIn(codes, code) && typeof detail === 'string'
}

function isIn<T extends object>(table: T, name: unknown): name is keyof T {
  return typeof name === 'string' && Object.hasOwn(table, name)
}

function isScalar(said: unknown): said is string | number {
  return typeof said === 'string' || typeof said === 'number'
}

function isTexts(said: unknown): said is readonly string[] {
  return Array.isArray(said) && said.every((each) => typeof each === 'string')
}

/**
 * What a JSON object of an answer says, as `read` makes it. Throws `UNSUPPORTED` for a text that is none, or of which
 * `read` cannot make anything. What JSON's own parser refuses it quotes, and it may be a value.
 */
export function answerIn<S extends object, T>(text: string, read: (said: S) => T): T {
  const said = jsonOrNothing(text)
  if (said === undefined) throw noVault('it answered with what is no JSON')
  if (typeof said !== 'object' || said === null || Array.isArray(said)) throw noVault(saysNothing)
  try {
    return read(said as S)
  } catch (error) {
    throw error instanceof VaultError ? error : noVault(saysNothing)
  }
}

/** What a request came to that has no answer, or a refusal for one. */
export function failureOf(
  error: unknown,
  {
    asking,
    origin,
    calling,
  }: { readonly asking: Asking; readonly origin: string; readonly calling: Calling },
): VaultError {
  const failure = plainFailure(error, { origin, ended: calling.ended })
  if (!calling.isUncertain || failure.code === 'UNCERTAIN') return failure
  const { id } = asking.call ?? {}
  return new VaultError(
    'UNCERTAIN',
    `${failure.message}: it is not known whether the change took place`,
    {
      cause: failure.cause ?? failure,
      retry: id === undefined ? 'never' : 'now',
      ...(id !== undefined && { eventIds: [id] }),
    },
  )
}

/** The same of a request that did nothing. */
function plainFailure(
  error: unknown,
  { origin, ended }: { readonly origin: string; readonly ended: Calling['ended'] },
): VaultError {
  if (error instanceof VaultError) return error
  if (error instanceof Refused) return error.error
  if (ended instanceof Aborted) {
    return new VaultError('ABORTED', 'the caller aborted', { cause: ended.cause })
  }
  if (ended instanceof Late) {
    return new VaultError('TIMEOUT', `${origin} does not answer`, { cause: ended, retry: 'now' })
  }
  return new VaultError('CLOSED', `${origin} cannot be reached`, { cause: error, retry: 'now' })
}

/** Whether it changes nothing, or nothing that it would not change once more. */
export function isLook({ method = 'GET', repeatable }: Asking): boolean {
  return method === 'GET' || repeatable === true
}

/** Whether a failed try says of itself that it did nothing; of those before it that says nothing. */
export function didNothing(error: unknown): boolean {
  if (!(error instanceof Refused)) return isUnsent(error)
  const { code, eventIds } = error.error
  return nothingDone.includes(code) && eventIds === undefined
}

/** Whether nothing of the request can have arrived, as far as the platform tells. */
function isUnsent(error: unknown): boolean {
  const { cause } = Object(error) as { readonly cause?: unknown }
  const { code } = Object(cause) as { readonly code?: unknown }
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN'
}
