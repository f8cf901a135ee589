import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { type Report, VaultError } from '../index.ts'
import { sendProblem } from './api/problem.ts'
import { ownReports, ownReportsOf } from './api/reports/own-reports.ts'
import { apiRoutes } from './api/routes.ts'
import { authRoutes } from './auth/routes.ts'
import { begin, type Doorkeeper, noteLogin, pathOf } from './begin.ts'
import { parseBody } from './json-body.ts'
import { KnownPaths } from './known-paths.ts'
import { kvRoutes } from './kv2/routes.ts'
import { askedListing } from './listing-query.ts'
import { withHeaders } from './operations/answer-headers.ts'
import { TooManyFailures } from './operations/failure-limit.ts'
import { watch } from './operations/observed.ts'
import { type Operations, type OperationsOptions, operate } from './operations/operate.ts'
import { policyRoutes } from './policies/routes.ts'
import { isUnforeseen, sendRefusal } from './refusal.ts'
import type { Served } from './served.ts'
import { surfaceOf } from './surface.ts'
import { sysRoutes } from './sys/routes.ts'
import { WireError } from './wire-error.ts'

export interface AppOptions extends OperationsOptions {
  /** Under which name the secrets are mounted; `secret` unless said. */
  readonly mount?: string
  /** Bytes of a request's body; 32 MiB unless said. Nothing that is longer than 8 MiB can be accepted: it is not parsed. */
  readonly bodyBytesMax?: number
  /** Reports of the host's own, that `defineReport` made: the API gives them beside the vault's. */
  readonly reports?: readonly Report<unknown>[]
  /**
   * Told of every error that nothing in the program foresees; the client hears `internal error`. It is for whoever runs
   * the server: it can quote what a client sent.
   */
  readonly onUnforeseen?: (error: unknown) => void
}

const bodyBytesMaxDefault = 32 * 1024 * 1024
/** Of callers that nobody knows. */
const openBodyBytesMax = 64 * 1024
/** Of the vault's own API: nothing longer is parsed. */
const apiBodyBytesMax = 8 * 1024 * 1024
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
    frameworkErrors: (error, request, reply) => {
      watch(request, reply, operations.observers)
      withHeaders(reply, request).serializer(JSON.stringify)
      return refuseIn(request, reply, error)
    },
  })
  app.addHttpMethod('LINK')
  app.addHttpMethod('BIND')
  app.decorate('served', served)
  app.decorate(ownReports, ownReportsOf(options.reports ?? []))
  readEveryBody(app)
  const known = knownPaths(app)
  const operations = operate(app, served, options)
  keepDoor(app, known, operations)
  app.addHook('onSend', async (request, reply, payload) => {
    withHeaders(reply, request)
    // A type without a body says nothing.
    if (payload === undefined || payload === null) reply.removeHeader('content-type')
  })
  app.setErrorHandler((error, request, reply) => {
    if (isUnforeseen(error)) {
      onUnforeseen?.(error)
      operations.unforeseen(error, request)
    }
    if (takesReopening(error)) served.recover?.()
    return refuseIn(request, reply, error)
  })
  app.setNotFoundHandler((request) => {
    throw notFound(request, known)
  })
  for (const routes of [sysRoutes, kvRoutes, authRoutes, policyRoutes, apiRoutes])
    routes(app, { served, mount })
  return app
}

/** Nobody gets further who is not known, but where that is asked of nobody. */
function keepDoor(app: FastifyInstance, known: KnownPaths, operations: Operations): void {
  const { limit, metrics } = operations
  const door: Doorkeeper = {
    known,
    limit,
    refused: (way, isLimited) => {
      metrics?.failed(way)
      if (isLimited) metrics?.limited(way)
    },
  }
  app.addHook('onRequest', async (request, reply) => begin(request, reply, door))
  app.addHook('onResponse', async (request, reply) => {
    noteLogin({ request, status: reply.statusCode }, door)
  })
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

/** In the words of the language that the request speaks. */
function refuseIn(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof TooManyFailures) reply.header('retry-after', String(error.seconds))
  const refuse = surfaceOf(request.raw.url) === 'api' ? sendProblem : sendRefusal
  return refuse(reply, error)
}

/** On the wire `GET ?list=true` and LIST are one. */
function renameListing(request: IncomingMessage): string {
  if (surfaceOf(request.url) === 'api') return request.url ?? '/'
  const asked = askedListing(request)
  if (asked === 'LINK' || asked === 'BIND') request.method = asked
  return request.url ?? '/'
}

function knownPaths(app: FastifyInstance): KnownPaths {
  const known = new KnownPaths()
  app.addHook('onRoute', (route) => {
    const open = route.config?.open === true
    if (open) route.bodyLimit ??= openBodyBytesMax
    else if (surfaceOf(route.url) === 'api') route.bodyLimit ??= apiBodyBytesMax
    known.add(route.url, { open })
  })
  return known
}

function notFound(request: FastifyRequest, known: KnownPaths): WireError {
  const path = pathOf(request)
  if (known.find(path) !== undefined) return new WireError(405, ['unsupported operation'])
  if (surfaceOf(path) === 'api') return new WireError(404, ['there is no such path: see /docs'])
  const asked = JSON.stringify(path.slice('/v1/'.length))
  return new WireError(404, [`no handler for route ${asked}. route entry not found.`])
}

function takesReopening(error: unknown): boolean {
  return error instanceof VaultError && error.retry === 'reopen'
}
