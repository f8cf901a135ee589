import { VaultError, type VaultErrorCode } from '../../index.ts'
import { UsageError } from '../failure.ts'

/** A server that speaks the wire of Vault, as one token may use it. */
export interface Wire {
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answer>
}

export interface Answer {
  /** Its `auth` or its `data`; `undefined` where it answered with nothing. */
  readonly content: unknown
  /** Of the event that the call appended; absent where it changed nothing, and where the server does not say. */
  readonly position?: number
}

/** Where a server is, and what it is shown. */
export interface WireAddress {
  readonly server: string
  readonly token: string
  readonly signal: AbortSignal
}

/** A server that takes longer is not coming back. */
const answerMsMax = 60_000

export function wireTo({ server, token, signal }: WireAddress): Wire {
  const base = baseOf(server)
  return {
    ask: async (method, path, body) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)])
      const answer = await fetch(new URL(`v1/${path}`, base), {
        method,
        headers: { 'X-Vault-Token': token, 'X-Vault-Request': 'true' },
        redirect: 'error',
        signal: limit,
        ...(body && { body: JSON.stringify(body) }),
      }).catch((cause) => {
        throw unreachable(base, cause, signal)
      })
      return contentOf(base, answer)
    },
  }
}

function baseOf(server: string): URL {
  const base = URL.canParse(server) ? new URL(server) : null
  const isWeb = base?.protocol === 'http:' || base?.protocol === 'https:'
  if (base === null || !isWeb || base.username !== '' || base.password !== '') {
    throw new UsageError('--server: expected an address such as https://vault.internal:8200')
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
}

function unreachable({ host }: URL, cause: unknown, signal: AbortSignal): VaultError {
  if (signal.aborted) return new VaultError('ABORTED', 'the call was ended')
  if (cause instanceof Error && cause.name === 'TimeoutError') {
    return new VaultError('TIMEOUT', `${host} has not answered for ${answerMsMax / 1000} s`)
  }
  return new VaultError('CLOSED', `${host} cannot be reached: ${reasonOf(cause)}`)
}

/** `fetch failed` says nothing: what it was stands in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
}

const codeOf: ReadonlyMap<number, VaultErrorCode> = new Map([
  [400, 'INVALID'],
  [403, 'DENIED'],
  [404, 'NOT_FOUND'],
  [405, 'UNSUPPORTED'],
  [413, 'TOO_LARGE'],
  [503, 'CLOSED'],
])

async function contentOf({ host }: URL, answer: Response): Promise<Answer> {
  const position = answer.headers.get('muniment-position')
  const changed = position === null ? {} : { position: Number(position) }
  if (answer.status === 204) return { content: undefined, ...changed }
  const { auth, data, errors } = await bodyOf(answer)
  if (answer.ok) return { content: auth ?? data, ...changed }
  const said = Array.isArray(errors) ? errors.filter((each) => typeof each === 'string') : []
  const why = said.join('; ') || answer.statusText || `status ${answer.status}`
  throw new VaultError(codeOf.get(answer.status) ?? 'FAILED', `${host}: ${why}`)
}

interface Body {
  readonly auth?: unknown
  readonly data?: unknown
  readonly errors?: unknown
}

/** What stands between a client and its server may answer with a page of its own. */
async function bodyOf(answer: Response): Promise<Body> {
  const body: unknown = await answer.json().catch(() => undefined)
  return typeof body === 'object' && body !== null ? body : {}
}
