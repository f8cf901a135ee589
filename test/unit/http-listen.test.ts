import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import https from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { privateKeyOf } from '../../src/crypto/ed25519.ts'
import { createApp } from '../../src/http/app.ts'
import { type Listening, listen } from '../../src/http/listen.ts'
import { embedded } from '../../src/http/served.ts'
import { certificateOf } from '../fixtures/company-year/credentials.ts'
import { rootToken, type ServedApp, serve } from '../fixtures/http.ts'

let served: ServedApp
let server: Listening
let port: number

beforeAll(async () => {
  served = await serve({ foo: 'bar' })
  server = await listen(served.app, { port: 0 })
  port = Number(new URL(server.address).port)
})
afterAll(async () => {
  await server.close()
  await served.close()
})

/** A request as it is written, with no client between that would tidy it up. */
async function raw(bytes: string, to = port): Promise<string> {
  const socket = connect(to, '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}

const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: x', `X-Vault-Token: ${rootToken}`, ...headers, '', ''].join('\r\n')
const last = (line: string, ...headers: string[]) => head(line, 'Connection: close', ...headers)
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))

async function get(path: string, socketPath?: string): Promise<IncomingMessage> {
  const where = socketPath === undefined ? { host: '127.0.0.1', port } : { socketPath }
  const asked = request({ ...where, path, headers: { 'x-vault-token': rootToken } })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return response
}

describe('a server that listens', () => {
  it('receives LIST and SCAN as clients send them', async () => {
    for (const method of ['LIST', 'SCAN', 'GET']) {
      const query = method === 'GET' ? '?list=true' : ''
      const answer = await raw(last(`${method} /v1/secret/metadata${query}`, 'Content-Length: 0'))
      expect([method, statusOf(answer), bodyOf(answer).data.keys]).toEqual([method, 200, ['foo']])
    }
  })

  it.each([
    '/v1/secret/data/../../sys/mounts',
    '/v1/secret/data/a/../b',
    '/v1/secret/data/a/%2e%2e/b',
    '/v1/secret/data/a/./b',
    '/v1/secret/data/..',
    '/v1/secret/data/%2e%2e%2fsys',
    '/v1/secret/data//foo',
  ])('takes no path but the one that is written: %s', async (path) => {
    const answer = await raw(last(`GET ${path}`))
    expect(statusOf(answer)).toBe(400)
    expect(bodyOf(answer).errors).toHaveLength(1)
  })

  it('refuses a token that is given twice', async () => {
    for (const name of ['X-Vault-Token', 'x-vault-TOKEN']) {
      const answer = await raw(last('GET /v1/secret/data/foo', `${name}: other`))
      expect(statusOf(answer)).toBe(400)
      expect(bodyOf(answer)).toEqual({ errors: ['header x-vault-token is given twice'] })
    }
    const two = await raw(
      'GET /v1/secret/data/foo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' +
        `Authorization: Bearer ${rootToken}\r\nAuthorization: Bearer other\r\n\r\n`,
    )
    expect(bodyOf(two)).toEqual({ errors: ['header authorization is given twice'] })
  })

  it('records the address of its peer, and not what a header says of it', async () => {
    await raw(
      last('GET /v1/secret/data/foo', 'X-Forwarded-For: 10.9.9.9', 'Forwarded: for=10.9.9.9'),
    )
    const events = []
    for await (const page of served.vault.audit.query({ type: 'secret.accessed' })) {
      events.push(...page.events)
    }
    expect(events.at(-1)?.context.source).toBe('127.0.0.1')
  })

  it('answers what is no HTTP, in the words of the wire', async () => {
    const noHttp = await raw('\u0016\u0003\u0001\r\n\r\n')
    expect(statusOf(noHttp)).toBe(400)
    expect(bodyOf(noHttp)).toEqual({ errors: ['this is not HTTP'] })
    expect(noHttp).toMatch(/Content-Type: application\/json\r\n/)
    const flood = await raw(last('GET /v1/sys/health', `X: ${'x'.repeat(20_000)}`))
    expect(statusOf(flood)).toBe(431)
    expect(bodyOf(flood)).toEqual({ errors: ['the headers are too long'] })
  })

  it('serves a Unix socket, whose callers have no address', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-socket-'))
    const path = join(folder, 'control.sock')
    const local = await listen(served.app, { path })
    expect(local.address).toBe(path)
    const response = await get('/v1/secret/data/foo', path)
    expect([response.statusCode, JSON.parse(await text(response)).data.metadata.version]).toEqual([
      200, 1,
    ])
    const events = []
    for await (const page of served.vault.audit.query({ type: 'secret.accessed' })) {
      events.push(...page.events)
    }
    expect(events.at(-1)?.context.source).toBe('local')
    await local.close()
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    await rm(folder, { recursive: true })
  })

  it('does not listen in the clear beyond its own machine, unless told to', async () => {
    await expect(listen(served.app, { host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'secrets would pass in the clear: listening at 0.0.0.0 takes tls, or insecure',
    })
    const open = await listen(served.app, { host: '0.0.0.0', port: 0, insecure: true })
    expect(open.address).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/)
    await open.close()
  })

  it('says where another listens already, and where it cannot', async () => {
    await expect(listen(served.app, { port })).rejects.toMatchObject({
      code: 'IN_USE',
      message: `another process listens at 127.0.0.1:${port}`,
    })
    await expect(listen(served.app, { path: '/nowhere/at/all.sock' })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'could not listen at /nowhere/at/all.sock',
    })
  })

  it('does not begin with a certificate that cannot be used, nor quote its key', async () => {
    const tls = { cert: 'no certificate', key: 'hunter2' }
    await expect(listen(served.app, { port: 0, tls })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'tls: expected a certificate and its key in PEM',
    })
    expect(() => server.renewTls(tls)).toThrow(
      expect.objectContaining({ message: 'this server was begun without TLS' }),
    )
  })
})

describe('a server with TLS', () => {
  const of = (name: string) => ({
    cert: certificateOf(name, { from: Date.UTC(2026, 0), to: Date.UTC(2046, 0) }),
    key: privateKeyOf(createHash('sha256').update(name).digest())
      .export({ format: 'pem', type: 'pkcs8' })
      .toString(),
  })
  async function shake(at: number): Promise<TLSSocket> {
    const socket = connectTls({ port: at, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    return socket
  }

  it('serves LIST too, takes another certificate, and ends what is not answered', async () => {
    const secure = await listen(served.app, { host: '0.0.0.0', port: 0, tls: of('first') })
    expect(secure.address).toMatch(/^https:/)
    const at = Number(new URL(secure.address).port)
    const socket = await shake(at)
    expect(socket.getPeerCertificate().subject.CN).toBe('first')
    socket.write(last('LIST /v1/secret/metadata'))
    expect(bodyOf(await text(socket)).data.keys).toEqual(['foo'])

    secure.renewTls(of('second'))
    const resting = await shake(at)
    expect(resting.getPeerCertificate().subject.CN).toBe('second')
    expect(() => secure.renewTls({ ...of('third'), key: of('other').key })).toThrow(
      expect.objectContaining({ code: 'INVALID' }),
    )
    const still = await shake(at)
    expect(still.getPeerCertificate().subject.CN).toBe('second')
    resting.resume()
    still.resume()
    await Promise.all([once(resting, 'close'), once(still, 'close'), secure.close()])
  })

  it('waits for no handshake for longer than it is told to', async () => {
    const secure = await listen(served.app, { port: 0, tls: of('first') })
    const at = Number(new URL(secure.address).port)
    const silent = connect(at, '127.0.0.1')
    await once(silent, 'connect')
    // The server has accepted the one before, once another is through.
    const shaken = await shake(at)
    shaken.resume()
    await Promise.all([once(silent, 'close'), once(shaken, 'close'), secure.close({ graceMs: 50 })])
  })

  it('gives a handshake as long as a request has for its head', async () => {
    const make = vi.spyOn(https, 'createServer')
    const secure = await listen(served.app, { port: 0, tls: of('first') })
    const [options] = make.mock.calls[0] ?? []
    make.mockRestore()
    await secure.close()
    expect(options).toMatchObject({ handshakeTimeout: 10_000, headersTimeout: 10_000 })
  })
})

describe('a server that closes', () => {
  it('answers what is under way, lets go of what rests and accepts no more', async () => {
    let answer = () => {}
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    let arrived = () => {}
    const waiting = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const slow = {
      ...embedded(served.vault),
      status: async () => {
        arrived()
        await held
        return embedded(served.vault).status()
      },
    }
    const local = await listen(createApp(slow), { port: 0 })
    const at = Number(new URL(local.address).port)
    const resting = connect(at, '127.0.0.1')
    const rested = once(resting, 'close')
    await once(resting, 'connect')
    const under = raw('GET /v1/sys/seal-status HTTP/1.1\r\nHost: x\r\n\r\n', at)
    await waiting
    const closing = local.close()
    answer()
    expect(statusOf(await under)).toBe(200)
    await closing
    await local.close()
    resting.destroy()
    await rested
    const late = connect(at, '127.0.0.1')
    const [error] = await once(late, 'error')
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('does not wait longer than it is told to', async () => {
    const stuck = { ...embedded(served.vault), status: () => new Promise<never>(() => {}) }
    const local = await listen(createApp(stuck), { port: 0 })
    const at = Number(new URL(local.address).port)
    const under = raw('GET /v1/sys/seal-status HTTP/1.1\r\nHost: x\r\n\r\n', at)
    const connected = await raw(
      'GET /v1/sys/leader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      at,
    )
    expect(statusOf(connected)).toBe(200)
    await local.close({ graceMs: 50 })
    expect(await under.catch(() => '')).toBe('')
  })
})

describe('a client that goes away', () => {
  it('in the midst of a body is no fault of the program, and changes nothing', async () => {
    const unforeseen: unknown[] = []
    const errors: unknown[] = []
    const app = createApp(embedded(served.vault), {
      onUnforeseen: (error) => unforeseen.push(error),
    })
    const ended = new Promise<void>((resolve) => {
      app.addHook('onError', async (_, __, error) => {
        errors.push(error)
        resolve()
      })
    })
    const local = await listen(app, { port: 0 })
    const socket = connect(Number(new URL(local.address).port), '127.0.0.1')
    socket.write(head('POST /v1/secret/data/cut', 'Content-Length: 100', 'Expect: 100-continue'))
    await once(socket, 'data')
    socket.end('{"data":{"a":')
    await ended
    await local.close()
    expect(errors).toHaveLength(1)
    expect(unforeseen).toEqual([])
    expect(await served.vault.exists('cut')).toBe(false)
  })

  it('has its call given up', async () => {
    let gone: Promise<unknown> = Promise.resolve()
    let began = () => {}
    const begun = new Promise<void>((resolve) => {
      began = resolve
    })
    const vault = served.vault
    const watched = {
      ...embedded(vault),
      vault: () =>
        ({
          authenticate: (_: string, { signal }: { signal: AbortSignal }) => {
            gone = once(signal, 'abort')
            began()
            return new Promise(() => {})
          },
        }) as never,
    }
    const local = await listen(createApp(watched), { port: 0 })
    const socket = connect(Number(new URL(local.address).port), '127.0.0.1')
    socket.write(head('GET /v1/secret/data/foo'))
    await begun
    socket.destroy()
    await gone
    await local.close()
  })
})
