import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { VaultError } from '../index.ts'
import { authRoutes } from './auth/routes.ts'
import { callerOf, headerOf, watchClient } from './caller.ts'
import { parseBody } from './json-body.ts'
import { KnownPaths } from './known-paths.ts'
import { kvRoutes } from './kv2/routes.ts'
import { askedListing } from './listing-query.ts'
import { policyRoutes } from './policies/routes.ts'
import { isUnforeseen, sendRefusal } from './refusal.ts'
import type { Served } from './served.ts'
import { sysRoutes } from './sys/routes.ts'
import { WireError } from './wire-error.ts'

export interface AppOptions {
  /** Under which name the secrets are mounted; `secret` unless said. */
  readonly mount?: string
  /** Bytes of a request's body; 32 MiB unless said. Nothing that is longer than 8 MiB can be accepted: it is not parsed. */
  readonly bodyBytesMax?: number
  /**
   * Told of every error that nothing in the program foresees; the client hears `internal error`. It is for whoever runs
   * the server: it can quote what a client sent.
   */
  readonly onUnforeseen?: (error: unknown) => void
}

const bodyBytesMaxDefault = 32 * 1024 * 1024
/** Of callers that nobody knows. */
const openBodyBytesMax = 64 * 1024
/** A path parameter: more than any name that a vault takes. */
const paramCharsMax = 4096

/**
 * The HTTP app of a vault: the KV v2 wire of Vault and OpenBao, its `sys`, tokens, AppRole and policies. LIST and SCAN
 * reach it as the methods LINK and BIND: Node's HTTP parser knows neither, and `listen` puts what renames them before
 * it. Throws `INVALID` for a mount that no path can have.
 *
 * @example
 * const app = createApp(embedded(vault))
 * const server = await listen(app, { host: '127.0.0.1', port: 8200 })
 */
export function createApp(served: Served, options: AppOptions = {}): FastifyInstance {
  const { mount = 'secret', bodyBytesMax = bodyBytesMaxDefault, onUnforeseen } = options
  checkMount(mount)
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    exposeHeadRoutes: false,
    genReqId: () => randomUUID(),
    // What is under way when the server closes is answered as ever.
    return503OnClosing: false,
    routerOptions: { maxParamLength: paramCharsMax },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    rewriteUrl: (request) => renameListing(request),
    // No hook runs for these, and the framework's own way to write JSON adds a charset to the type.
    frameworkErrors: (error, _, reply) =>
      sendRefusal(withHeaders(reply).serializer(JSON.stringify), error),
  })
  app.addHttpMethod('LINK')
  app.addHttpMethod('BIND')
  app.decorate('served', served)
  readEveryBody(app)
  const known = knownPaths(app)
  app.addHook('onRequest', async (request, reply) => begin(request, reply, known))
  app.addHook('onSend', async (_, reply, payload) => {
    withHeaders(reply)
    // A type without a body says nothing.
    if (payload === undefined || payload === null) reply.removeHeader('content-type')
  })
  app.setErrorHandler((error, _, reply) => {
    if (isUnforeseen(error)) onUnforeseen?.(error)
    if (takesReopening(error)) served.recover?.()
    return sendRefusal(reply, error)
  })
  app.setNotFoundHandler((request) => {
    throw notFound(request, known)
  })
  for (const routes of [sysRoutes, kvRoutes, authRoutes, policyRoutes])
    routes(app, { served, mount })
  return app
}

const mountPattern = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)*$/
/** What the wire has at the top itself. */
const takenMounts: readonly string[] = ['sys', 'auth', 'identity', 'cubbyhole', 'audit']

function checkMount(mount: string): void {
  const [first = ''] = mount.split('/')
  if (mountPattern.test(mount) && !takenMounts.includes(first)) return
  throw new VaultError(
    'INVALID',
    `mount must be letters, digits, "_", ".", "-" and "/" within, and not begin with ${takenMounts.join(', ')}`,
  )
}

/** Bodies are JSON whatever their type says: clients say `text/plain`, or what a form has, and mean JSON. */
function readEveryBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_: FastifyRequest, body: Buffer) =>
    parseBody(body),
  )
  app.addHook('preValidation', async (request) => {
    request.body ??= {}
  })
}

/** `GET ?list=true` and LIST are one. */
function renameListing(request: IncomingMessage): string {
  const asked = askedListing(request)
  if (asked === 'LINK' || asked === 'BIND') request.method = asked
  return request.url ?? '/'
}

function knownPaths(app: FastifyInstance): KnownPaths {
  const known = new KnownPaths()
  app.addHook('onRoute', (route) => {
    const open = route.config?.open === true
    if (open) route.bodyLimit ??= openBodyBytesMax
    known.add(route.url, { open })
  })
  return known
}

/** What comes before everything else, the body's first byte included. */
async function begin(
  request: FastifyRequest,
  reply: FastifyReply,
  known: KnownPaths,
): Promise<void> {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort()
  })
  watchClient(request, gone.signal)
  // Nobody else asks for it, and the framework would refuse what is no media type.
  if (request.method !== 'PATCH') delete request.raw.headers['content-type']
  if (askedListing(request.raw) === 'unclear') throw new WireError(400)
  refuseUnsupported(request)
  const path = pathOf(request)
  if (!path.startsWith('/v1/')) throw new WireError(404)
  const open = request.is404 ? known.find(path)?.open : request.routeOptions.config.open
  if (open !== true) await callerOf(request)
  if (asksForHelp(request)) await reply.send({ help: helpText, see_also: '' })
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

function pathOf({ raw }: FastifyRequest): string {
  const [path = '/'] = (raw.url ?? '/').split(/[?#]/, 1)
  return path
}

function notFound(request: FastifyRequest, known: KnownPaths): WireError {
  const path = pathOf(request)
  if (known.find(path) !== undefined) return new WireError(405, ['unsupported operation'])
  const asked = JSON.stringify(path.slice('/v1/'.length))
  return new WireError(404, [`no handler for route ${asked}. route entry not found.`])
}

function takesReopening(error: unknown): boolean {
  return error instanceof VaultError && error.retry === 'reopen'
}

/** Some clients compare the type as a string. */
function withHeaders(reply: FastifyReply): FastifyReply {
  return reply.headers({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
}
