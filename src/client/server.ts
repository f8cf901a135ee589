import { VaultError } from '../errors.ts'
import type { Asking, ServerOptions } from './asking.ts'
import { Calling, expectTimeout, Late } from './calling.ts'
import {
  answerIn,
  didNothing,
  failureOf,
  isLook,
  noVault,
  Refused,
  refusalIn,
  refusedBy,
} from './failure.ts'
import { headersOf } from './headers.ts'
import { bytesOf, linesIn } from './pieces.ts'
import { retryDelay } from './retries.ts'

const timeoutDefaultMs = 30_000
const retriesDefault = 3
/** What a call that ends by a timeout of its own has for the way there and back: what its server says of it is the better answer. */
const wayMsMax = 2_000
/** A server that reads much before it has something to say is not gone. */
const silenceDefaultMs = 60_000

/** A server as this client reaches it. */
export class Server {
  readonly #options: ServerOptions
  readonly #origin: string
  #position = -1
  /** Milliseconds by which the server's clock is ahead of this machine's, to the second. */
  #ahead = 0

  /** Throws `INVALID` for what is no URL of a server, and for a timeout that no clock takes. */
  constructor(options: ServerOptions) {
    if (options.timeout !== undefined) expectTimeout(options.timeout)
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

  /**
   * What the server answers: a JSON object, as `read` makes it. Throws `UNSUPPORTED` for one of which `read` cannot make
   * anything.
   */
  async json<S extends object, T = S>(
    asking: Asking,
    read: (said: S) => T = (said) => said as unknown as T,
  ): Promise<T> {
    return this.#whole(asking, async (response, calling) =>
      answerIn(await calling.within(response.text()), read),
    )
  }

  /** Asks for what is answered with nothing: that it was done. */
  async done(asking: Asking): Promise<void> {
    return this.#whole(asking, async ({ status, body }) => {
      body?.cancel().catch(() => undefined)
      if (status !== 204) throw noVault(`it answered ${status}`)
    })
  }

  /** The bytes that it answers with, as they come. What is not read to its end is given up. */
  async *bytes(asking: Asking): AsyncGenerator<Uint8Array, void, void> {
    const calling = this.#begin(asking, wholeOfPieces)
    try {
      yield* this.#pieces(asking, calling)
    } finally {
      calling.end()
    }
  }

  /**
   * The lines that it answers with, each a JSON object, as `read` makes it. Throws what the last of them says, where that is
   * a problem, and `UNSUPPORTED` for one of which `read` cannot make anything.
   */
  async *lines<S extends object, T = S>(
    asking: Asking,
    read: (said: S) => T = (said) => said as unknown as T,
  ): AsyncGenerator<T, void, void> {
    const typed = { accept: 'application/x-ndjson', ...asking }
    const calling = this.#begin(asking, wholeOfPieces)
    const readLine = (said: S) => {
      if (!('problem' in said)) return read(said)
      // It says itself what came of it.
      calling.isUncertain = false
      throw refusedBy(said.problem)
    }
    try {
      for await (const line of linesIn(this.#pieces(typed, calling))) {
        yield answerIn(line, readLine)
      }
    } catch (error) {
      throw this.#failure(error, { asking, calling })
    } finally {
      calling.end()
    }
  }

  #begin(asking: Asking, wholeOf: (patience: Waits) => number): Calling {
    const { timeout: own = timeoutDefaultMs } = this.#options
    const { call = {}, signal, waitMs = 0 } = asking
    const { timeout: asked } = call
    if (asked !== undefined) expectTimeout(asked)
    const patience = { wholeMs: wholeOf({ own, asked }) + waitMs, againMs: asked ?? own }
    return new Calling(patience, [call.signal, signal])
  }

  /** An answer that is of use once it is whole. */
  async #whole<T>(
    asking: Asking,
    take: (response: Response, calling: Calling) => Promise<T>,
  ): Promise<T> {
    const calling = this.#begin(asking, wholeOfOne)
    try {
      return await this.#ask(asking, { calling, take: (response) => take(response, calling) })
    } catch (error) {
      throw this.#failure(error, { asking, calling })
    } finally {
      calling.end()
    }
  }

  async *#pieces(asking: Asking, calling: Calling): AsyncGenerator<Uint8Array, void, void> {
    const { timeout = 0 } = this.#options
    const response = await this.#ask(asking, {
      calling,
      take: async (begun) => ofType(begun, asking.accept),
    }).catch((error) => {
      throw this.#failure(error, { asking, calling })
    })
    calling.begun(asking.silenceMs ?? Math.max(timeout, silenceDefaultMs))
    asking.onAnswer?.()
    try {
      yield* bytesOf(response, calling)
    } catch (error) {
      throw this.#failure(error, { asking, calling })
    }
  }

  /** What `take` makes of the answer to a request: sent until that is there, or it must not be sent again. */
  async #ask<T>(
    asking: Asking,
    { calling, take }: { readonly calling: Calling; readonly take: Take<T> },
  ): Promise<T> {
    const { retries = retriesDefault } = this.#options
    for (let tries = 0; ; tries++) {
      const { isUncertain } = calling
      try {
        return await take(await this.#askOnce(asking, calling))
      } catch (error) {
        if (didNothing(error)) calling.isUncertain = isUncertain
        else if (error instanceof Refused) calling.isUncertain = false
        const mayTry = tries < retries && calling.ended === undefined
        const delay = mayTry ? retryDelay(error, { asking, tries }) : undefined
        if (delay === undefined || !calling.lets(delay)) throw error
        await calling.pause(delay)
      }
    }
  }

  async #askOnce(asking: Asking, calling: Calling): Promise<Response> {
    const { fetch: own = fetch } = this.#options
    const { method = 'GET', body } = asking
    calling.expectOpen()
    const token = await this.#authorization(calling)
    const headers = { ...headersOf(asking, (ms) => calling.leftOf(ms)), ...token }
    const sent = body === undefined ? {} : { body: sentBody(body) }
    const url = `${this.#origin}/api/v1${asking.path}${queryOf(asking)}`
    calling.expectOpen()
    if (!isLook(asking)) calling.isUncertain = true
    const { signal } = calling
    const asked = own(url, { method, headers, signal, redirect: 'error', ...sent })
    const response = await calling.within(asked)
    this.#note(response.headers)
    if (!response.ok) throw await calling.within(refusalIn(response))
    return response
  }

  #note(headers: Headers): void {
    const position = Number(headers.get('muniment-position') ?? -1)
    if (Number.isSafeInteger(position) && position > this.#position) this.#position = position
    const time = Date.parse(headers.get('date') ?? '')
    if (!Number.isNaN(time)) this.#ahead = time - Date.now()
  }

  async #authorization(calling: Calling): Promise<Record<string, string>> {
    const { token } = this.#options
    const text: unknown = typeof token === 'function' ? await givenBy(token, calling) : token
    if (text === undefined) return {}
    // `fetch` would quote it in its refusal.
    if (typeof text === 'string' && /^[\x21-\x7e]+$/.test(text)) {
      return { authorization: `Bearer ${text}` }
    }
    throw new VaultError('INVALID', `token must be printable ASCII, found ${amissIn(text)}`)
  }

  #failure(
    error: unknown,
    about: { readonly asking: Asking; readonly calling: Calling },
  ): VaultError {
    return failureOf(error, { ...about, origin: this.#origin })
  }
}

type Take<T> = (response: Response) => Promise<T>

/** Milliseconds: the client's own timeout, and the call's. */
interface Waits {
  readonly own: number
  readonly asked: number | undefined
}

function wholeOfOne({ own, asked }: Waits): number {
  return asked === undefined ? own : asked + Math.min(own, wayMsMax)
}

/** What comes in pieces begins once the server has read as much as it takes to have the first: that is no wait of the call's. */
function wholeOfPieces({ own, asked = 0 }: Waits): number {
  return own + asked
}

/** The same answer. Throws `UNSUPPORTED` where it is of another type than was asked for: a page is no backup. */
function ofType(response: Response, expected: string | undefined): Response {
  const said = response.headers.get('content-type') ?? ''
  const [, type = 'no type'] = /^\s*([\w.+-]+\/[\w.+-]+)\s*(?:;|$)/.exec(said) ?? []
  if (type.toLowerCase() === expected) return response
  response.body?.cancel().catch(() => undefined)
  throw noVault(`it answered with ${type}`)
}

/** What gives a token is the caller's own: that it fails is not the server's doing, and no reason to ask that again. */
async function givenBy(token: () => string | Promise<string>, calling: Calling): Promise<string> {
  try {
    return await calling.within((async () => token())())
  } catch (cause) {
    if (cause !== calling.ended) {
      throw new VaultError('INVALID', 'the token could not be had', { cause })
    }
    if (!(cause instanceof Late)) throw cause
    throw new VaultError('TIMEOUT', 'the token was not given in time', { cause })
  }
}

/** What is wrong with a token, without a letter of it. */
function amissIn(token: unknown): string {
  if (typeof token !== 'string') return 'no text'
  if (token === '') return 'nothing'
  return token.trim() === token ? 'another character' : 'white space around it: trim it'
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
