import { VaultError } from '../errors.ts'
import type { Asking, ServerOptions } from './asking.ts'
import { failureOf, Late, parsedAnswer, refusalIn } from './failure.ts'
import { headersOf } from './headers.ts'
import { bytesOf, linesIn } from './pieces.ts'
import { retryDelay, wait } from './retries.ts'

const timeoutDefaultMs = 30_000
const retriesDefault = 3

/** A server as this client reaches it. */
export class Server {
  readonly #options: ServerOptions
  readonly #origin: string
  #position = -1
  /** Milliseconds by which the server's clock is ahead of this machine's, to the second. */
  #ahead = 0

  /** Throws `INVALID` for what is no URL of a server. */
  constructor(options: ServerOptions) {
    this.#options = options
    this.#origin = originOf(options.server)
  }

  /** Of the newest event that an answer was able to know of; -1 before the first. */
  get position(): number {
    return this.#position
  }

  /** Milliseconds since the epoch by the server's clock, as far as its answers told; to the second. */
  get now(): number {
    return Date.now() + this.#ahead
  }

  /** What the server answers, as JSON; undefined where it answers with nothing. */
  async json<T>(asking: Asking): Promise<T> {
    const response = await this.#ask(asking)
    try {
      const text = await response.text()
      return (text === '' ? undefined : parsedAnswer(text)) as T
    } catch (error) {
      throw this.#failure(error, asking)
    }
  }

  /** The bytes that it answers with, as they come. What is not read to its end is given up. */
  async *bytes(asking: Asking): AsyncGenerator<Uint8Array, void, void> {
    const response = await this.#ask(asking)
    asking.onAnswer?.()
    try {
      yield* bytesOf(response)
    } catch (error) {
      throw this.#failure(error, asking)
    }
  }

  /** The lines of JSON that it answers with. Throws what the last of them says, where that is a problem. */
  async *lines<T>(asking: Asking): AsyncGenerator<T, void, void> {
    const bytes = this.bytes({ accept: 'application/x-ndjson', ...asking })
    try {
      for await (const line of linesIn(bytes)) {
        const said = parsedAnswer(line)
        if (typeof said === 'object' && said !== null && 'problem' in said) throw said.problem
        yield said as T
      }
    } catch (error) {
      throw this.#failure(error, asking)
    }
  }

  /** The answer to a request, its head: sent until it is answered, or must not be sent again. */
  async #ask(asking: Asking): Promise<Response> {
    const { retries = retriesDefault } = this.#options
    for (let tries = 0; ; tries++) {
      try {
        return await this.#askOnce(asking)
      } catch (error) {
        const delay = tries < retries ? retryDelay(error, { asking, tries }) : undefined
        if (delay === undefined) throw this.#failure(error, asking)
        await wait(delay, asking.call?.signal)
      }
    }
  }

  async #askOnce(asking: Asking): Promise<Response> {
    const { fetch: own = fetch, timeout = timeoutDefaultMs } = this.#options
    const { call, method = 'GET', body } = asking
    const late = new AbortController()
    const limit = setTimeout(() => late.abort(new Late()), timeout + (call?.timeout ?? 0))
    const signal = call?.signal ? AbortSignal.any([call.signal, late.signal]) : late.signal
    try {
      const headers = { ...headersOf(asking), ...(await this.#authorization()) }
      signal.throwIfAborted()
      const response = await own(`${this.#origin}/api/v1${asking.path}${queryOf(asking)}`, {
        method,
        headers,
        signal,
        redirect: 'error',
        ...(body !== undefined && { body: sentBody(body) }),
      })
      this.#note(response.headers)
      if (!response.ok) throw await refusalIn(response)
      return response
    } finally {
      clearTimeout(limit)
    }
  }

  #note(headers: Headers): void {
    const position = Number(headers.get('muniment-position') ?? -1)
    if (position > this.#position) this.#position = position
    const time = Date.parse(headers.get('date') ?? '')
    if (!Number.isNaN(time)) this.#ahead = time - Date.now()
  }

  async #authorization(): Promise<Record<string, string>> {
    const { token } = this.#options
    const text = typeof token === 'function' ? await givenBy(token) : token
    if (text === undefined) return {}
    // `fetch` would quote it in its refusal.
    if (/^[\x21-\x7e]+$/.test(text)) return { authorization: `Bearer ${text}` }
    throw new VaultError('INVALID', 'token must be printable ASCII')
  }

  #failure(error: unknown, asking: Asking): VaultError {
    return failureOf(error, { asking, origin: this.#origin })
  }
}

/** What gives a token is the caller's own: that it fails is not the server's doing, and no reason to ask that again. */
async function givenBy(token: () => string | Promise<string>): Promise<string> {
  try {
    return await token()
  } catch (cause) {
    throw new VaultError('INVALID', 'the token could not be had', { cause })
  }
}

/** Anything below its root would be another server's. */
function originOf(server: string | URL): string {
  const url = URL.canParse(String(server)) ? new URL(server) : undefined
  const isServer =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === ''
  if (isServer) return url.origin
  throw new VaultError('INVALID', 'server must be the URL of one: https://HOST:PORT')
}

/** What cannot be said in JSON was never sent. */
function sentBody(body: object): string {
  try {
    return JSON.stringify(body)
  } catch {
    throw new VaultError(
      'INVALID',
      'what is sent must be JSON: no bigint, and nothing that holds itself',
    )
  }
}

function queryOf({ query = {} }: Asking): string {
  const said = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : value === undefined ? [] : [value]
    for (const each of values) said.append(name, String(each))
  }
  return said.size === 0 ? '' : `?${said}`
}
