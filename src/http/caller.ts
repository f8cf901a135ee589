import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenScope } from '../index.ts'
import type { Served } from './served.ts'
import { WireError } from './wire-error.ts'

/** Where a request comes from, for the record, and when to give up on it. */
export interface Origin {
  /** The peer's address. What a proxy says of its own peer is not taken: whoever asks could say it as well. */
  readonly source: string
  /** The `request_id` that the client is given. */
  readonly correlationId: string
  /** Aborts when the client goes away before it is answered. */
  readonly signal: AbortSignal
}

const ends = new WeakMap<FastifyRequest, AbortController>()
const callers = new WeakMap<FastifyRequest, Promise<TokenScope>>()
const known = new WeakMap<FastifyRequest, TokenScope>()

/** Makes the signal that `originOf` gives. */
export function watchClient(request: FastifyRequest, { raw }: FastifyReply): void {
  const gone = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort()
  })
  ends.set(request, gone)
}

export function originOf(request: FastifyRequest): Origin {
  const signal = ends.get(request)?.signal
  if (signal === undefined) throw new Error('a request has a signal from its start')
  return { source: sourceOf(request), correlationId: request.id, signal }
}

/** Ends what is under way for a request, as if its client had gone away. */
export function abandon(request: FastifyRequest): void {
  ends.get(request)?.abort()
}

/**
 * The verbs as the caller has them, by the token it gave: authenticated once a request, however often this is asked.
 * Throws WireError 503 while the vault is sealed, 400 for a token given twice, and `DENIED` (on record) without a token
 * or with one that does not hold.
 */
export function callerOf(request: FastifyRequest): Promise<TokenScope> {
  const known = callers.get(request)
  if (known !== undefined) return known
  const caller = authenticate(request)
  callers.set(request, caller)
  return caller
}

async function authenticate(request: FastifyRequest): Promise<TokenScope> {
  const served = request.server.getDecorator<Served>('served')
  const vault = served.vault()
  const scope = await vault.authenticate(tokenOf(request), originOf(request))
  known.set(request, scope)
  return scope
}

/** The caller, where it has been let in by now. */
export function knownCallerOf(request: FastifyRequest): TokenScope | undefined {
  return known.get(request)
}

/** The token that a request gives. Throws WireError 400 where it gives two. */
export function tokenOf(request: FastifyRequest): string | undefined {
  const own = headerOf(request, 'x-vault-token')
  if (own !== undefined && own !== '') return own
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headerOf(request, 'authorization') ?? '') ?? []
  return bearer
}

/** Of a header that stands twice, servers, proxies and clients each take another one. */
export function headerOf({ raw }: FastifyRequest, name: string): string | undefined {
  const { rawHeaders } = raw
  let found: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== name) continue
    if (found !== undefined) throw new WireError(400, [`header ${name} is given twice`])
    found = rawHeaders[at + 1] ?? ''
  }
  return found
}

/** What callers of a Unix socket have for an address: none of them can be told from another. */
export const localSource = 'local'

/** The peer's address. */
export function sourceOf({ raw }: FastifyRequest): string {
  const address = raw.socket.remoteAddress
  if (address === undefined || address === '') return localSource
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}
