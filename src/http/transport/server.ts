import http, { type RequestListener } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { AnnouncedRequest, Feed } from './feed.ts'

type OwnOptions = 'IncomingMessage' | 'insecureHTTPParser'

/** What `http.createServer` takes: timeouts in milliseconds, `maxHeaderSize` in bytes. */
export type WireServerOptions = Omit<http.ServerOptions, OwnOptions>

/** What `https.createServer` takes: the same, and the certificate and its key. */
type SecureWireServerOptions = Omit<https.ServerOptions, OwnOptions>

/** The feed follows the strict parser; the lenient one would end heads in other ways. */
const ownOptions = { IncomingMessage: AnnouncedRequest, insecureHTTPParser: false }

/**
 * A server as of `http.createServer`, for an address or a Unix socket, that receives LIST and SCAN as well: they
 * reach `handler` as LINK and BIND (`methodOf` has the names that were sent). It serves no upgrades: a request that
 * asks for one is answered like any other.
 *
 * @example
 * const app = fastify({ serverFactory: (handler) => createWireServer(handler, { headersTimeout: 10_000 }) })
 * app.addHttpMethod('LINK')
 */
export function createWireServer(
  handler: RequestListener,
  options: WireServerOptions = {},
): http.Server {
  return fed(http.createServer({ ...options, ...ownOptions }, handler), 'connection')
}

/**
 * The same over TLS. A certificate is replaced under way by the server's `setSecureContext({ cert, key })`;
 * connections that are open keep the one that they began with.
 */
export function createSecureWireServer(
  handler: RequestListener,
  options: SecureWireServerOptions,
): https.Server {
  return fed(https.createServer({ ...options, ...ownOptions }, handler), 'secureConnection')
}

function fed<AnyServer extends http.Server>(server: AnyServer, accepted: string): AnyServer {
  // Heads tell where bodies end, so none of their fields is dropped; `maxHeaderSize` bounds how many there are.
  server.maxHeadersCount = 0
  // Runs after the listener of `node:http`, which puts the parser on the connection.
  server.on(accepted, (socket: Socket) => Feed.before(socket))
  return server
}
