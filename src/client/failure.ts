import { type Retry, VaultError, type VaultErrorCode } from '../errors.ts'
import type { Asking } from './asking.ts'

/** No answer began within its time. */
export class Late extends Error {
  override readonly name = 'Late'
}

/** What a server refused, and when it says to come again. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly error: VaultError
  /** Milliseconds. */
  readonly retryAfter: number | undefined

  constructor(error: VaultError, retryAfter: number | undefined) {
    super(error.message)
    this.error = error
    this.retryAfter = retryAfter
  }
}

/** What a server on the way to that of the vault answers, where it has no answer of that. */
const onTheWay: readonly number[] = [502, 503, 504]

/** What an answer refuses; of one that never reached the vault's server, or of which nobody knows, no refusal. */
export async function refusalIn(response: Response): Promise<Refused | Error> {
  const problem: unknown = await response.json().catch(() => undefined)
  if (!isProblem(problem) && onTheWay.includes(response.status)) {
    return new Error(`a server on the way answered ${response.status}`)
  }
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfter = Number.isFinite(seconds) ? seconds * 1000 : undefined
  return new Refused(refusedBy(problem, `it answered ${response.status}`), retryAfter)
}

interface SaidProblem {
  readonly code: VaultErrorCode
  readonly detail: string
  readonly retry?: Retry
  readonly path?: string
  readonly expected?: string | number
  readonly found?: string | number
  readonly eventIds?: readonly string[]
}

/** A problem as the server tells it (RFC 9457), or that there is no such server. */
function refusedBy(problem: unknown, otherwise: string): VaultError {
  if (isProblem(problem)) {
    const { code, detail, ...details } = problem
    const { retry, path, expected, found, eventIds } = details
    return new VaultError(code, detail, {
      ...(retry !== undefined && { retry }),
      ...(path !== undefined && { path }),
      ...(expected !== undefined && { expected }),
      ...(found !== undefined && { found }),
      ...(eventIds !== undefined && { eventIds }),
    })
  }
  return new VaultError('UNSUPPORTED', `what answers is no server of a vault: ${otherwise}`)
}

function isProblem(said: unknown): said is SaidProblem {
  const { code, detail } = Object(said) as Partial<SaidProblem>
  return typeof code === 'string' && typeof detail === 'string'
}

/** An answer read as JSON. What JSON's own parser refuses it quotes, and it may be a value. */
export function parsedAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw refusedBy(undefined, 'it answered with what is no JSON')
  }
}

/** What a request came to that has no answer, or a refusal for one. */
export function failureOf(
  error: unknown,
  { asking, origin }: { readonly asking: Asking; readonly origin: string },
): VaultError {
  const { call } = asking
  const isAborted = call?.signal?.aborted === true
  // Whatever it is that a caller aborts with comes back as it is.
  if (!isAborted || error !== call?.signal?.reason) {
    if (error instanceof VaultError) return error
    if (error instanceof Refused) return error.error
  }
  if (!isAborted && !(error instanceof Error)) {
    return refusedBy(error, 'it answered with what it does not say')
  }
  const [code, why]: [VaultErrorCode, string] = isAborted
    ? ['ABORTED', 'the caller aborted']
    : error instanceof Late
      ? ['TIMEOUT', `${origin} does not answer`]
      : ['CLOSED', `${origin} cannot be reached`]
  const cause = isAborted ? call?.signal?.reason : error
  if (isLook(asking) || isUnsent(error)) {
    return new VaultError(code, why, { cause, ...(!isAborted && { retry: 'now' }) })
  }
  return new VaultError('UNCERTAIN', `${why}: it is not known whether the change took place`, {
    cause,
    retry: call?.id === undefined ? 'never' : 'now',
    ...(call?.id !== undefined && { eventIds: [call.id] }),
  })
}

export function isLook({ method = 'GET', repeatable }: Asking): boolean {
  return method === 'GET' || repeatable === true
}

/** Whether nothing of the request can have arrived, as far as the platform tells. */
export function isUnsent(error: unknown): boolean {
  const { cause } = Object(error) as { readonly cause?: unknown }
  const { code } = Object(cause) as { readonly code?: unknown }
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN'
}
