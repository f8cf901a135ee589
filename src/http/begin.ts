import type { FastifyReply, FastifyRequest } from 'fastify'
import { VaultError } from '../index.ts'
import { Unauthenticated } from './api/problem.ts'
import { callerOf, headerOf, localSource, sourceOf, tokenOf, watchClient } from './caller.ts'
import type { KnownPaths } from './known-paths.ts'
import { askedListing } from './listing-query.ts'
import { type FailureLimit, TooManyFailures } from './operations/failure-limit.ts'
import type { AuthWay } from './operations/metrics/http-metrics.ts'
import { routeOf } from './operations/observed.ts'
import { expectSoundHead } from './operations/sound-head.ts'
import { surfaceOf } from './surface.ts'
import { WireError } from './wire-error.ts'

/** Who is let in, and who hears of it where somebody is not. */
export interface Doorkeeper {
  readonly known: KnownPaths
  /** Undefined where callers may fail as often as they like. */
  readonly limit: FailureLimit | undefined
  /** Somebody was not let in; `isLimited`: and is told to come again later. */
  refused(way: AuthWay, isLimited: boolean): void
}

/** What comes before everything else, the body's first byte included. */
export async function begin(
  request: FastifyRequest,
  reply: FastifyReply,
  door: Doorkeeper,
): Promise<void> {
  watchClient(request, reply)
  expectSoundHead(request)
  // Nobody else asks for it, and the framework would refuse what is no media type.
  if (request.method !== 'PATCH') delete request.raw.headers['content-type']
  const path = pathOf(request)
  const isWire = surfaceOf(path) === 'wire'
  if (isWire && askedListing(request.raw) === 'unclear') throw new WireError(400)
  if (isWire) refuseUnsupported(request)
  if (isWire && !path.startsWith('/v1/')) throw new WireError(404)
  const open = request.is404 ? door.known.find(path)?.open : request.routeOptions.config.open
  if (open !== true) await knownCaller(request, door)
  else if (isLogin(request)) expectAttemptsLeft(request, door)
  if (isWire && asksForHelp(request)) await reply.send({ help: helpText, see_also: '' })
}

/** Of a request's URL. */
export function pathOf({ raw }: Pick<FastifyRequest, 'raw'>): string {
  const [path = '/'] = (raw.url ?? '/').split(/[?#]/, 1)
  return path
}

/** Throws where nobody is behind the token, and nobody says whether that is so for want of one. */
async function knownCaller(request: FastifyRequest, door: Doorkeeper): Promise<void> {
  try {
    await callerOf(request)
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'DENIED') throw error
    // Whoever shows none guesses none.
    const seconds = tokenOf(request) === undefined ? 0 : failed(request, door)
    door.refused('token', seconds > 0)
    if (seconds > 0) throw new TooManyFailures(seconds)
    // The API tells it from what a known caller may not do.
    throw surfaceOf(request.raw.url) === 'api' ? new Unauthenticated() : error
  }
}

/** Of callers without an address, none can be told from another: none of them waits for what others do. */
function failed(request: FastifyRequest, { limit }: Doorkeeper): number {
  const source = sourceOf(request)
  return source === localSource ? 0 : (limit?.failed(source) ?? 0)
}

function isLogin(request: FastifyRequest): boolean {
  return routeOf(request).endsWith('/login')
}

/** Of logins that failed before, from the same address. */
function expectAttemptsLeft(request: FastifyRequest, door: Doorkeeper): void {
  const source = sourceOf(request)
  const seconds = source === localSource ? 0 : (door.limit?.wait(source) ?? 0)
  if (seconds === 0) return
  door.refused('login', true)
  throw new TooManyFailures(seconds)
}

/** What a login that let nobody in is answered with. */
const loginFailures: readonly (number | undefined)[] = [400, 401, 403]

/** A request is over: one that failed to log in counts. */
export function noteLogin(
  { request, status }: { readonly request: FastifyRequest; readonly status: number | undefined },
  door: Doorkeeper,
): void {
  if (!loginFailures.includes(status) || !isLogin(request)) return
  failed(request, door)
  door.refused('login', false)
}

const helpText = 'The KV v2 secrets engine, tokens, AppRole and policies as Vault has them.'

/** `GET ?help=1`, of any path that there is. */
function asksForHelp({ method, is404, query }: FastifyRequest): boolean {
  const { help } = query as { readonly help?: unknown }
  return method === 'GET' && !is404 && help !== undefined && help !== ''
}

const rootNamespaces: readonly string[] = ['', '/', 'root', 'root/']
const noWrapping: readonly string[] = ['', '0', '0s']

/** What would be served to the wrong place, or in the clear, if it were ignored. */
function refuseUnsupported(request: FastifyRequest): void {
  const namespace = headerOf(request, 'x-vault-namespace') ?? ''
  if (!rootNamespaces.includes(namespace)) {
    throw new WireError(400, ['namespaces are not supported'])
  }
  const wrapping = headerOf(request, 'x-vault-wrap-ttl') ?? ''
  if (!noWrapping.includes(wrapping)) {
    throw new WireError(400, ['response wrapping is not supported'])
  }
}
