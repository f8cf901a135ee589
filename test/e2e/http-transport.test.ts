import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import http, { type IncomingMessage, type RequestListener, type Server } from 'node:http'
import https from 'node:https'
import { type AddressInfo, connect, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { privateKeyOf } from '../../src/crypto/ed25519.ts'
import { methodOf } from '../../src/http/list-method.ts'
import {
  createSecureWireServer,
  createWireServer,
  type WireServerOptions,
} from '../../src/http/transport/server.ts'
import { certificateOf } from '../fixtures/company-year/credentials.ts'

const opened: Server[] = []
afterEach(async () => {
  for (const server of opened.splice(0)) {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
})

async function start<AnyServer extends Server>(server: AnyServer, path?: string) {
  opened.push(server)
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** A connection on which one writes what one likes. */
async function connected(server: Server): Promise<Socket> {
  const socket = connect(portOf(server), '127.0.0.1')
  socket.setNoDelay(true)
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until the server ends the connection. */
async function raw(server: Server, bytes: string): Promise<string> {
  const socket = await connected(server)
  socket.write(bytes)
  return text(socket)
}

const head = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, 'Host: vault', ...fields].join('\r\n')}\r\n\r\n`
const statusesOf = (answers: string) =>
  [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

const answerMethod: RequestListener = (request, response) => {
  request.resume().on('end', () => response.end(`${methodOf(request)} ${request.url}`))
}

/** Resolves with the arguments of `call`'s first call. */
function called<T>() {
  let call: (value: T) => void = () => {}
  const first = new Promise<T>((resolve) => {
    call = resolve
  })
  return { call: (value: T) => call(value), first }
}

type Create = (handler: RequestListener, options?: WireServerOptions) => Server
const plain: Create = (handler, options = {}) => http.createServer(options, handler)

/** What Node promises of its server holds whether or not the server receives LIST. */
/** A server that answers `/slow` when it is told to, and a connection that has been answered and rests. */
async function startSlow(create: Create, verb: string) {
  const asked = called<http.ServerResponse>()
  const server = await start(
    create((request, response) => {
      if (request.url === '/slow') asked.call(response)
      else response.end()
    }),
  )
  const resting = await connected(server)
  resting.write(head(`${verb} /fast`))
  await once(resting, 'data')
  return { server, asked, resting }
}

describe.each<[string, Create, string]>([
  ['a plain server', plain, 'GET'],
  ['a wire server', createWireServer, 'LIST'],
])('%s', (_name, create, verb) => {
  const soon = { connectionsCheckingInterval: 10, keepAliveTimeout: 0 }

  it('answers 408 to a head that does not come', async () => {
    const options = { ...soon, headersTimeout: 50, requestTimeout: 0 }
    const server = await start(create(answerMethod, options))
    expect(statusesOf(await raw(server, ''))).toEqual([408])
    expect(statusesOf(await raw(server, `${verb} /a HTTP/1.1\r\nHost: va`))).toEqual([408])
    const second = await raw(server, `${head(`${verb} /a`)}${verb} /b HTTP/1.1\r\n`)
    expect(statusesOf(second)).toEqual([200, 408])
  })

  it('answers 408 to a body that does not come', async () => {
    const options = { ...soon, headersTimeout: 50, requestTimeout: 60 }
    const server = await start(create(answerMethod, options))
    const answers = await raw(server, head('POST /a', 'Content-Length: 10') + verb)
    expect(statusesOf(answers)).toEqual([408])
  })

  it('answers 431 to a flood of header fields', async () => {
    const server = await start(create(answerMethod, { maxHeaderSize: 2_000 }))
    const flood = Array.from({ length: 300 }, (_, index) => `X-${index}: ${verb}`)
    expect(statusesOf(await raw(server, head(`${verb} /a`, ...flood)))).toEqual([431])
    const socket = await connected(server)
    socket.write(head(`${verb} /a`))
    expect(statusesOf(String((await once(socket, 'data'))[0]))).toEqual([200])
    socket.write(head(`${verb} /b`, ...flood))
    expect(statusesOf(await text(socket))).toEqual([431])
  })

  it('ends a connection that rests for longer than keepAliveTimeout', async () => {
    const server = await start(create(answerMethod, { keepAliveTimeout: 20 }))
    const socket = await connected(server)
    socket.write(head(`${verb} /a`))
    expect(await text(socket)).toMatch(/200 OK.*\/a$/s)
  })

  it('ends a connection that is silent for longer than its timeout', async () => {
    const server = create(() => {})
    server.timeout = 20
    await start(server)
    expect(await raw(server, head(`${verb} /a`))).toBe('')
  })

  it('answers 503 beyond maxRequestsPerSocket', async () => {
    const server = create(answerMethod)
    server.maxRequestsPerSocket = 2
    await start(server)
    const dropped = called<IncomingMessage>()
    server.once('dropRequest', dropped.call)
    const answers = raw(
      server,
      [1, 2].map((n) => head(`${verb} /${n}`)).join('') + head(`${verb} /3`, 'Connection: close'),
    )
    expect((await dropped.first).url).toBe('/3')
    expect(statusesOf(await answers)).toEqual([200, 200, 503])
  })

  it('closes: connections that rest end, what is under way is answered, no more is accepted', async () => {
    const { server, asked, resting } = await startSlow(create, verb)
    const under = raw(server, head(`${verb} /slow`, 'Connection: close'))
    const response = await asked.first
    const port = portOf(server)
    const closed = once(server, 'close')
    server.close()
    await once(resting, 'close')
    response.end('late')
    expect(await under).toMatch(/200 OK.*late$/s)
    await closed
    const [error] = await once(connect(port, '127.0.0.1'), 'error')
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('closes at once where it must', async () => {
    const asked = called<unknown>()
    const server = await start(create(asked.call))
    const under = raw(server, head(`${verb} /slow`))
    await asked.first
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    expect(await under.catch((error) => error.code)).toMatch(/^(ECONNRESET)?$/)
    await closed
  })

  it('lets go of what rests, and not of what is under way', async () => {
    const { server, asked, resting } = await startSlow(create, verb)
    const busy = await connected(server)
    busy.write(head(`${verb} /slow`))
    const response = await asked.first
    server.closeIdleConnections()
    await once(resting, 'close')
    response.end('still here')
    const [answer] = await once(busy, 'data')
    expect(String(answer)).toMatch(/still here$/)
  })

  it('answers a client that has closed its half', async () => {
    const server = await start(create((_request, response) => response.end('whole')))
    const socket = await connected(server)
    socket.end(head(`${verb} /a`))
    expect(await text(socket)).toMatch(/whole$/)
  })

  it('tells the handler of a client that goes away, and serves the next', async () => {
    const asked = called<IncomingMessage>()
    const server = await start(
      create((request, response) => {
        if (request.method === 'POST') asked.call(request)
        else response.end('next')
      }),
    )
    const socket = await connected(server)
    socket.write(`${head('POST /a', 'Content-Length: 10')}${verb}`)
    const request = await asked.first
    const failed = once(request, 'error')
    request.resume()
    socket.resetAndDestroy()
    const [error] = await failed
    expect(error).toMatchObject({ code: 'ECONNRESET' })
    expect(request.complete).toBe(false)
    expect(await raw(server, head(`${verb} /b`, 'Connection: close'))).toMatch(/next$/)
  })

  it('reads no faster than its handler', async () => {
    const asked = called<IncomingMessage>()
    const server = await start(
      create((request, response) => {
        asked.call(request)
        request.on('end', () => response.end('whole'))
      }),
    )
    const size = 32 * 1024 * 1024
    const socket = await connected(server)
    const whole = text(socket)
    socket.write(head('POST /a', `Content-Length: ${size}`, 'Connection: close'))
    socket.write(Buffer.alloc(size, `${verb} /decoy HTTP/1.1\r\n\r\n`))
    const request = await asked.first
    // The kernel's buffers and one chunk of the stream, and then the sender stands still.
    const standing = async (): Promise<number> => {
      const before = request.socket.bytesRead
      for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
      return request.socket.bytesRead === before ? before : standing()
    }
    expect(await standing()).toBeLessThan(1024 * 1024)
    const hash = createHash('sha256')
    for await (const bytes of request) hash.update(bytes)
    expect(await whole).toMatch(/whole$/)
    const sent = createHash('sha256').update(Buffer.alloc(size, `${verb} /decoy HTTP/1.1\r\n\r\n`))
    expect(hash.digest('hex')).toBe(sent.digest('hex'))
  })

  it('writes no faster than its client reads', async () => {
    const asked = called<http.ServerResponse>()
    const server = await start(create((_request, response) => asked.call(response)))
    const socket = await connected(server)
    socket.pause()
    socket.write(head(`${verb} /a`, 'Connection: close'))
    const response = await asked.first
    const block = Buffer.alloc(1024 * 1024, 'x')
    let blocks = 0
    while (response.write(block)) blocks += 1
    const drained = once(response, 'drain')
    const whole = text(socket)
    await drained
    response.end()
    expect((await whole).match(/x{1000}/g)?.length).toBeGreaterThan(1_000 * blocks)
  })
})

describe('a wire server', () => {
  it('answers 408 to a method that does not come', async () => {
    const server = await start(
      createWireServer(answerMethod, { headersTimeout: 50, connectionsCheckingInterval: 10 }),
    )
    expect(statusesOf(await raw(server, 'LI'))).toEqual([408])
  })

  it('receives LIST byte by byte', async () => {
    const server = await start(createWireServer(answerMethod))
    const socket = await connected(server)
    const answers = text(socket)
    for (const byte of head('LIST /a') + head('SCAN /b', 'Connection: close')) {
      socket.write(byte)
      await new Promise(setImmediate)
    }
    expect(await answers).toMatch(/LIST \/a.*SCAN \/b$/s)
  })

  it('asks for the body of a client that waits to be asked', async () => {
    const server = await start(createWireServer(answerMethod))
    const socket = await connected(server)
    socket.write(head('LIST /a', 'Expect: 100-continue', 'Content-Length: 5', 'Connection: close'))
    const [interim] = await once(socket, 'data')
    expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('LIST ')
    expect(await text(socket)).toMatch(/200 OK.*LIST \/a$/s)
  })

  it('tells of what it cannot read once, whatever follows', async () => {
    const codes: unknown[] = []
    const server = await start(createWireServer(answerMethod))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      codes.push(error.code)
      socket.end('HTTP/1.1 400 no\r\n\r\n', () => socket.destroy())
    })
    const answers = await raw(server, head('LINK /a') + head('LIST /b') + head('GET /c'))
    expect(answers).toBe('HTTP/1.1 400 no\r\n\r\n')
    expect(codes).toEqual(['HPE_INVALID_METHOD'])
  })

  it('hands its handlers the socket itself', async () => {
    const seen: unknown[] = []
    const server = await start(
      createWireServer((request, response) => {
        seen.push(request.socket instanceof Socket, request.socket.remoteAddress)
        response.end()
      }),
    )
    await raw(server, head('LIST /a', 'Connection: close'))
    expect(seen).toEqual([true, '127.0.0.1'])
  })

  it('listens at a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-transport-'))
    const socketPath = join(folder, 's')
    await start(createWireServer(answerMethod), socketPath)
    const asked = http.request({ socketPath, method: 'LIST', path: '/a', agent: false }).end()
    const [response] = await once(asked, 'response')
    expect(await text(response)).toBe('LIST /a')
    await rm(folder, { recursive: true })
  })
})

describe('a wire server with TLS', () => {
  const of = (name: string) => ({
    cert: certificateOf(name, { from: Date.UTC(2026, 0), to: Date.UTC(2046, 0) }),
    key: privateKeyOf(createHash('sha256').update(name).digest()).export({
      format: 'pem',
      type: 'pkcs8',
    }),
  })
  async function shake(server: Server) {
    const socket = connectTls({
      port: portOf(server),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    await once(socket, 'secureConnect')
    return socket
  }

  it('receives LIST, whatever records it comes in, on a socket that says that it is encrypted', async () => {
    const encrypted: unknown[] = []
    const server = await start(
      createSecureWireServer((request, response) => {
        encrypted.push('encrypted' in request.socket && request.socket.encrypted)
        answerMethod(request, response)
      }, of('vault')),
    )
    const port = portOf(server)
    const asked = https
      .request({ port, method: 'LIST', path: '/a', agent: false, rejectUnauthorized: false })
      .end()
    const [response] = await once(asked, 'response')
    expect(await text(response)).toBe('LIST /a')
    const socket = await shake(server)
    const answers = text(socket)
    for (const byte of head('LIST /b') + head('SCAN /c', 'Connection: close')) socket.write(byte)
    expect(await answers).toMatch(/LIST \/b.*SCAN \/c$/s)
    expect(encrypted).toEqual([true, true, true])
  })

  it('takes another certificate while it runs', async () => {
    const server = await start(createSecureWireServer(answerMethod, of('first')))
    const before = await shake(server)
    server.setSecureContext(of('second'))
    const after = await shake(server)
    for (const [socket, name] of [
      [before, 'first'],
      [after, 'second'],
    ] as const) {
      expect(socket.getPeerCertificate().subject.CN).toBe(name)
      socket.write(head('LIST /a', 'Connection: close'))
      expect(await text(socket)).toMatch(/LIST \/a$/)
    }
  })

  it('answers 408 to a head that does not come', async () => {
    const options = { ...of('vault'), headersTimeout: 50, connectionsCheckingInterval: 10 }
    const server = await start(createSecureWireServer(answerMethod, options))
    const socket = await shake(server)
    socket.write('LIST /a HTTP/1.1\r\n')
    expect(statusesOf(await text(socket))).toEqual([408])
  })
})
