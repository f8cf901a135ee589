import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { VaultError } from '../index.ts'
import { OpenConnections } from './open-connections.ts'
import type { LiveStreams } from './operations/live-streams.ts'
import { liveStreams } from './operations/operate.ts'
import { createSecureWireServer, createWireServer } from './transport/server.ts'
import { answerUnreadable } from './unreadable.ts'

/** A certificate and its key, in PEM. */
export interface TlsFiles {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

/** Where to listen: at an address, or at a Unix socket. */
export type ListenOptions =
  | {
      /** `127.0.0.1` unless said. */
      readonly host?: string
      /** 0 for any that is free. */
      readonly port: number
      readonly tls?: TlsFiles
      /** Serves secrets in the clear beyond this machine: for a network that something else protects. */
      readonly insecure?: boolean
      /** Connections at one time, beyond which one is closed as it comes; 10,000 unless said. */
      readonly maxConnections?: number
      readonly path?: never
    }
  | {
      readonly path: string
      readonly maxConnections?: number
      readonly port?: never
      readonly tls?: never
      readonly insecure?: never
    }

/** A server that listens. */
export interface Listening {
  /** `http://127.0.0.1:8200`, or the path of the socket. */
  readonly address: string
  /** Takes another certificate; connections that are open keep theirs. Throws `INVALID` for one that cannot be used. */
  renewTls(tls: TlsFiles): void
  /**
   * Accepts no more, ends the streams of events that are read, answers what else is under way and lets go of connections
   * that rest; after `graceMs`, 30 s unless said, of all. A second call waits for the first. The vault is as it was.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>
}

const hostDefault = '127.0.0.1'
const graceMsDefault = 30_000
const maxConnectionsDefault = 10_000
/**
 * Milliseconds in which a request's head has to be here, all of it, and after which a connection that rests is closed. An
 * answer may take as long as it takes: a stream of events lasts for as long as its reader stays.
 */
const limits = { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 75_000 }
/** Milliseconds for the handshake of TLS, which comes before all of that. */
const handshakeTimeout = 10_000
/** How often they are looked at. */
const connectionsCheckingInterval = 5_000

/**
 * Serves an app. Throws `INVALID` for an address that is not this machine's own without TLS, unless `insecure`, and for
 * one that cannot be listened at; `IN_USE` where another process does.
 *
 * @example
 * const server = await listen(createApp(served), { port: 8200 })
 * process.once('SIGTERM', () => server.close().then(() => served.close()))
 */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<Listening> {
  expectPrivate(options)
  await app.ready()
  const server = serverOf(app, options.tls)
  const secure = options.tls !== undefined
  const connections = new OpenConnections(server, secure ? 'secureConnection' : 'connection')
  server.maxConnections = options.maxConnections ?? maxConnectionsDefault
  server.on('clientError', (error: Error, socket: Duplex) => answerUnreadable(error, socket))
  // The app says itself, and with a body, what it does not expect.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
  await bind(server, options)
  let closed: Promise<void> | undefined
  return {
    address: addressOf(server, options),
    renewTls: (tls) => renewTls(server, tls),
    close: ({ graceMs = graceMsDefault } = {}) => {
      if (app.hasDecorator(liveStreams)) app.getDecorator<LiveStreams>(liveStreams).end()
      closed ??= close(server, connections, graceMs)
      return closed
    },
  }
}

function serverOf(app: FastifyInstance, tls: TlsFiles | undefined): Server {
  const handler: RequestListener = (request: IncomingMessage, response: ServerResponse) =>
    app.routing(request, response)
  // Whether there is a host is the app's to say, which says it with a body.
  const options = { ...limits, connectionsCheckingInterval, requireHostHeader: false }
  if (tls === undefined) return createWireServer(handler, options)
  return usable(() =>
    createSecureWireServer(handler, {
      ...options,
      handshakeTimeout,
      ...tls,
      minVersion: 'TLSv1.2',
    }),
  )
}

/** Nothing that is said of a certificate or a key that cannot be used may quote it. */
function usable<T>(make: () => T): T {
  try {
    return make()
  } catch {
    throw new VaultError('INVALID', 'tls: expected a certificate and its key in PEM')
  }
}

function renewTls(server: Server, tls: TlsFiles): void {
  if (!('setSecureContext' in server) || typeof server.setSecureContext !== 'function') {
    throw new VaultError('INVALID', 'this server was begun without TLS')
  }
  const { setSecureContext } = server
  usable(() => setSecureContext.call(server, tlsOf(tls)))
}

function tlsOf({ cert, key }: TlsFiles) {
  return { cert, key, minVersion: 'TLSv1.2' } as const
}

function expectPrivate(options: ListenOptions): void {
  if (options.path !== undefined || options.tls !== undefined || options.insecure) return
  const { host = hostDefault } = options
  if (isLoopback(host)) return
  throw new VaultError(
    'INVALID',
    `secrets would pass in the clear: listening at ${host} takes tls, or insecure`,
  )
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === 'localhost' || host === '::1'
}

async function bind(server: Server, options: ListenOptions): Promise<void> {
  const { path, port, host } = { host: hostDefault, ...options }
  const where = path === undefined ? { host, port } : { path }
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(where, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    const named = path ?? `${host}:${port}`
    const inUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
    if (inUse) throw new VaultError('IN_USE', `another process listens at ${named}`, { cause })
    throw new VaultError('INVALID', `could not listen at ${named}`, { cause })
  }
}

function addressOf(server: Server, { path, tls }: ListenOptions): string {
  if (path !== undefined) return path
  const { address, port, family } = server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`
}

async function close(server: Server, connections: OpenConnections, graceMs: number): Promise<void> {
  const closing = new Promise<void>((resolve) => server.close(() => resolve()))
  connections.endAnswered()
  const end = setTimeout(() => connections.endAll(), graceMs)
  await closing
  clearTimeout(end)
}
