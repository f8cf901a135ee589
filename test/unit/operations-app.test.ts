import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { type Listening, listen } from '../../src/http/listen.ts'
import { FailureLimit } from '../../src/http/operations/failure-limit.ts'
import type { ServerLog } from '../../src/http/operations/request-log.ts'
import { thrownOf } from '../../src/http/operations/thrown.ts'
import { embedded } from '../../src/http/served.ts'
import { createWireServer } from '../../src/http/transport/server.ts'
import { VaultError } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { faultStore, testVault } from '../../src/testing.ts'
import { ask, rootToken, type ServedApp, serve } from '../fixtures/http.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function served(...given: Parameters<typeof serve>): Promise<ServedApp> {
  const app = await serve(...given)
  closing.push(() => app.close())
  return app
}

async function listening(
  app: ServedApp['app'],
  options: Partial<Parameters<typeof listen>[1]> = {},
): Promise<{ readonly server: Listening; readonly port: number }> {
  const server = await listen(app, { port: 0, ...options } as Parameters<typeof listen>[1])
  closing.push(() => server.close())
  return { server, port: Number(new URL(server.address).port) }
}

/** A request as it is written; what comes back until the server ends the connection. */
function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))

describe('what an answer says besides', () => {
  it('keeps it out of caches, pages and other hands, on the API and what stands beside it', async () => {
    const { ask } = await served({ a: 'x' })
    for (const url of ['/api/v1/secrets', '/api/v1/nowhere', '/health/live', '/metrics']) {
      const { headers } = await ask('GET', url)
      expect(headers, url).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      })
      expect(headers['strict-transport-security'], url).toBeUndefined()
    }
    const { headers } = await ask('GET', '/v1/sys/leader')
    expect(headers['content-security-policy']).toBeUndefined()
  })

  it('lets a page say what it loads', async () => {
    const { app, ask } = await served()
    const own = "default-src 'self'"
    app.get('/docs/own', async (_, reply) =>
      reply.header('content-security-policy', own).type('text/html').send('<p>'),
    )
    expect(
      (await app.inject({ url: '/docs/own', headers: { 'x-vault-token': rootToken } })).headers[
        'content-security-policy'
      ],
    ).toBe(own)
    expect((await ask('GET', '/health/live')).status).toBe(200)
  })
})

describe('a head', () => {
  it.each([
    ['without a host', '', 400, 'header host is missing'],
    ['with two hosts', 'Host: a\r\nHost: b\r\n', 400, 'header host is given twice'],
    ['with one host twice', 'Host: a\r\nhost: a\r\n', 400, 'header host is given twice'],
    [
      'that expects a thing',
      'Host: a\r\nExpect: cake\r\n',
      417,
      'only 100-continue can be expected',
    ],
  ])('%s is refused, with a body', async (_, fields, status, why) => {
    const { app } = await served()
    const { port } = await listening(app)
    const end = `${fields}Connection: close\r\n\r\n`
    const onWire = await raw(port, `GET /v1/sys/leader HTTP/1.1\r\n${end}`)
    expect([statusOf(onWire), bodyOf(onWire)]).toEqual([status, { errors: [why] }])
    const onApi = await raw(port, `GET /health/live HTTP/1.1\r\n${end}`)
    expect([statusOf(onApi), bodyOf(onApi)]).toMatchObject([
      status,
      { status, code: 'INVALID', detail: why },
    ])
    expect(onApi).toMatch(/content-type: application\/problem\+json/i)
  })

  it('of HTTP/1.0 needs no host', async () => {
    const { app } = await served()
    const { port } = await listening(app)
    expect(statusOf(await raw(port, 'GET /health/live HTTP/1.0\r\n\r\n'))).toBe(200)
  })

  it('that cannot be read is refused in the words of what it asked', async () => {
    const { app } = await served()
    const { port } = await listening(app)
    const broken = (path: string) => raw(port, `GET ${path} HTTP/1.1\r\nX : a\r\n\r\n`)
    expect(bodyOf(await broken('/v1/sys/leader'))).toEqual({ errors: ['this is not HTTP'] })
    const problem = await broken('/api/v1/secrets')
    expect(bodyOf(problem)).toMatchObject({
      status: 400,
      code: 'INVALID',
      detail: 'this is not HTTP',
      instance: expect.stringMatching(/^urn:uuid:/),
    })
    expect(problem).toMatch(/Content-Type: application\/problem\+json\r\n/)
    const flood = await raw(
      port,
      `GET /api/v1/secrets HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    )
    expect(bodyOf(flood)).toMatchObject({ status: 431, detail: 'the headers are too long' })
  })
})

describe('a body', () => {
  it('that the API could not take is refused before it is read', async () => {
    const { ask } = await served()
    const body = Buffer.alloc(8 * 1024 * 1024 + 1, 'x')
    expect(await ask('POST', '/api/v1/secrets/a/value', { body })).toMatchObject({
      status: 413,
      body: { code: 'TOO_LARGE', detail: 'request body too large' },
    })
  })
})

describe('connections', () => {
  it('beyond as many as are let in are closed as they come', async () => {
    const { app } = await served()
    const { port } = await listening(app, { maxConnections: 1 })
    const first = connect(port, '127.0.0.1')
    first.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => first.once('data', resolve))
    const second = connect(port, '127.0.0.1')
    second.on('error', () => undefined)
    expect(await text(second).catch(() => '')).toBe('')
    first.destroy()
  })
})

describe('streams of events', () => {
  async function withStream(): Promise<{ app: ServedApp; port: number; server: Listening }> {
    const app = await served({}, { metrics: { open: true } })
    app.app.get('/api/v1/test-stream', { config: { open: true } }, async (_, reply) => {
      async function* pieces() {
        for (;;) {
          yield 'data: x\n\n'
          await wait(5)
        }
      }
      return reply.type('text/event-stream').send(Readable.from(pieces()))
    })
    return { app, ...(await listening(app.app)) }
  }

  it('are counted while they are read, and end at once when the server closes', async () => {
    const { app, port, server } = await withStream()
    const reader = connect(port, '127.0.0.1')
    reader.on('error', () => undefined)
    reader.write('GET /api/v1/test-stream HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => reader.once('data', resolve))
    const metrics = async () => (await app.app.inject('/metrics')).body
    expect(await metrics()).toContain('muniment_http_event_streams 1\n')
    reader.resume()
    const began = performance.now()
    await server.close()
    expect(performance.now() - began).toBeLessThan(5000)
    await expect.poll(metrics).toContain('muniment_http_event_streams 0\n')
  })
})

describe('an answer', () => {
  it('may take longer than its request may', async () => {
    const pieces = 40
    const timeouts = { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 }
    const server = createWireServer(async (_, response) => {
      for (let n = 0; n < pieces; n++) {
        response.write('data: x\n\n')
        await wait(5)
      }
      response.end()
    }, timeouts)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const answer = await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(answer.match(/data: x/g)).toHaveLength(pieces)
    const slow = await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n')
    expect(slow).toMatch(/^HTTP\/1\.1 408 /)
    server.close()
  })
})

describe('failures to be let in', () => {
  it('are told to come again later once there were too many, and a token that holds is not', async () => {
    const failures = { burst: 3, perSecond: 0.5 }
    const { ask } = await served({ a: 'x' }, { failures })
    const guess = (url: string, token: string | null = 'wrong') => ask('GET', url, { token })
    for (let n = 0; n < 3; n++) expect((await guess('/v1/secret/data/a')).status).toBe(403)
    const onWire = await guess('/v1/secret/data/a')
    const why = 'too many attempts from this address failed: come again later'
    expect(onWire).toMatchObject({
      status: 429,
      body: { errors: [why] },
      headers: { 'retry-after': '2' },
    })
    expect(await guess('/api/v1/secrets')).toMatchObject({
      status: 429,
      body: { status: 429, detail: why },
      headers: { 'retry-after': '2', 'content-type': 'application/problem+json' },
    })
    // Whoever shows no token guesses none.
    expect((await guess('/api/v1/secrets', null)).status).toBe(401)
    expect((await ask('GET', '/v1/secret/data/a')).status).toBe(200)
  })

  it('to log in are not even tried then', async () => {
    const { ask, vault } = await served({}, { failures: { burst: 2, perSecond: 0.001 } })
    const login = (body: object) => ask('POST', '/v1/auth/approle/login', { token: null, body })
    const wrong = { role_id: 'nobody', secret_id: 'nothing' }
    for (let n = 0; n < 2; n++) expect((await login(wrong)).status).toBe(400)
    const { size } = await vault.health()
    expect((await login(wrong)).status).toBe(429)
    expect((await vault.health()).size).toBe(size)
  })

  it('have no bound where none is wanted', async () => {
    const { ask } = await served({}, { failures: false })
    for (let n = 0; n < 120; n++) {
      expect((await ask('GET', '/v1/sys/mounts', { token: 'wrong' })).status).toBe(403)
    }
  })

  it('are forgiven with time, an address by itself, in bounded memory', () => {
    let now = 0
    const limit = new FailureLimit({ burst: 2, perSecond: 1 }, () => now)
    expect([1, 2, 3].map(() => limit.failed('10.0.0.1'))).toEqual([0, 0, 1])
    expect(limit.failed('10.0.0.2')).toBe(0)
    expect(limit.wait('10.0.0.1')).toBe(1)
    now = 1000
    expect(limit.failed('10.0.0.1')).toBe(0)
    expect(limit.failed('10.0.0.1')).toBe(1)
    // One host has all addresses of its network at hand.
    for (let n = 0; n < 3; n++) limit.failed(`2001:db8::${n}`)
    expect(limit.wait('2001:db8::ffff')).toBe(1)
    for (let n = 0; n < 10_000; n++) limit.failed(`10.1.${n >> 8}.${n & 255}`)
    expect(limit.size).toBe(4096)
  })
})

describe('the log', () => {
  const allowed = [
    'requestId',
    'method',
    'route',
    'status',
    'ms',
    'bytes',
    'source',
    'actor',
    'accessor',
  ]

  function recorded(): { readonly log: ServerLog; readonly lines: [string, object, string][] } {
    const lines: [string, object, string][] = []
    const at = (level: string) => (fields: object, message: string) => {
      lines.push([level, fields, message])
    }
    return { log: { info: at('info'), warn: at('warn'), error: at('error') }, lines }
  }

  it('has a line a request, of what is listed and nothing else', async () => {
    const { log, lines } = recorded()
    const { ask } = await served({}, { log })
    await ask('POST', '/v1/secret/data/prod/canary?x=canary', {
      body: { data: { canary: 'canary' } },
      headers: { 'user-agent': 'canary', 'x-request-id': 'canary' },
    })
    await ask('GET', '/api/v1/secrets/canary/value?canary=1')
    await ask('GET', '/v1/secret/data/canary', { token: 'canary' })
    await ask('GET', '/canary')
    await ask('GET', '/v1/%zzcanary')
    expect(lines).toHaveLength(5)
    expect(JSON.stringify(lines)).not.toContain('canary')
    for (const [, fields] of lines) {
      expect(Object.keys(fields).filter((name) => !allowed.includes(name))).toEqual([])
    }
    expect(lines[0]).toMatchObject([
      'info',
      {
        method: 'POST',
        route: '/v1/secret/data/*',
        status: 200,
        actor: 'root',
        source: '127.0.0.1',
      },
      'answered',
    ])
    expect(lines[2]?.[1]).toMatchObject({ status: 403 })
    expect(lines[2]?.[1]).not.toHaveProperty('actor')
  })

  it('says of an error that nothing foresees where it came from, and not what it quotes', async () => {
    const { log, lines } = recorded()
    const { vault } = await testVault()
    const broken = {
      ...embedded(vault),
      state: 'open' as const,
      vault: () => {
        throw Object.assign(new TypeError('hunter2'), { code: 'hunter2' })
      },
    }
    const app = createApp(broken, { log })
    closing.push(() => app.close())
    expect((await ask(app, 'GET', '/v1/secret/data/a')).status).toBe(500)
    expect(JSON.stringify(lines)).not.toContain('hunter2')
    expect(lines[0]).toMatchObject([
      'error',
      {
        route: '/v1/secret/data/*',
        error: { name: 'TypeError', at: expect.stringContaining('operations-app.test.ts') },
      },
      'unexpected error',
    ])
    expect(lines[0]?.[1]).not.toHaveProperty('error.code')
  })

  it('takes a refusal for what it is', async () => {
    const { log, lines } = recorded()
    const { ask } = await served({}, { log })
    await ask('GET', '/api/v1/secrets', { token: null })
    expect(lines.map(([level]) => level)).toEqual(['info'])
  })

  it('tells an error by its name, its code and its place', () => {
    expect(thrownOf('hunter2')).toEqual({ name: 'what was thrown is no error' })
    const error = Object.assign(new Error('hunter2'), { code: 'ENOSPC' })
    expect(thrownOf(error)).toEqual({
      name: 'Error',
      code: 'ENOSPC',
      at: expect.stringContaining('operations-app.test.ts'),
    })
  })
})

describe('health', () => {
  it('is live and ready, to everybody, with nothing else in it', async () => {
    const { ask } = await served({ a: 'x' })
    for (const state of ['live', 'ready']) {
      const { status, body } = await ask('GET', `/health/${state}`, { token: null })
      expect([status, body]).toEqual([200, { status: state }])
      expect((await ask('HEAD', `/health/${state}`, { token: null })).status).toBe(200)
    }
  })

  it('is live and not ready where the vault is sealed', async () => {
    const { app, vault, ask } = await served()
    await vault.close()
    expect((await ask('GET', '/health/live', { token: null })).status).toBe(200)
    expect(await ask('GET', '/health/ready', { token: null })).toMatchObject({
      status: 503,
      body: { code: 'CLOSED', detail: 'Vault is sealed' },
      headers: { 'retry-after': '1' },
    })
    await app.close()
  })

  it('is not ready after a write that failed, and has the vault opened again', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({}, { store })
    closing.push(() => vault.close())
    let recoveries = 0
    const host = embedded(vault)
    const app = createApp({
      ...host,
      get state() {
        return host.state
      },
      recover: () => {
        recoveries++
      },
    })
    closing.push(() => app.close())
    const token = (
      await vault.tokens.issue({ actor: 'root', policies: ['root'], orphan: true })
    ).token.text()
    const write = () => ask(app, 'GET', '/api/v1/secrets/a/value', { token })
    store.faults.fail('commit')
    expect((await write()).body).toMatchObject({ status: 500, code: 'UNCERTAIN' })
    expect(await write()).toMatchObject({
      status: 503,
      body: { code: 'FAILED', retry: 'reopen' },
      headers: { 'retry-after': '1' },
    })
    const before = recoveries
    const ready = () => ask(app, 'GET', '/health/ready', { token: null })
    expect((await ready()).body).toMatchObject({ status: 503, code: 'FAILED' })
    expect(recoveries).toBe(before + 1)
    expect((await ask(app, 'GET', '/health/live', { token: null })).status).toBe(200)
    await vault.reopen()
    await expect.poll(async () => (await ready()).status, { timeout: 5000 }).toBe(200)
  })

  it('is not ready where the clock cannot be right', async () => {
    const { ask, clock } = await served()
    clock.jump(2 * 3600_000)
    const { status, body } = await ask('GET', '/health/ready', { token: null })
    expect([status, body.code, body.detail]).toEqual([
      503,
      'CLOCK',
      'the clock of the server cannot be right',
    ])
    clock.jump(-2 * 3600_000)
  })

  it('tells a stranger nothing of what went wrong', async () => {
    const { vault } = await testVault()
    closing.push(() => vault.close())
    const broken = {
      ...embedded(vault),
      state: 'open' as const,
      vault: () => {
        throw new VaultError('FAILED', '/var/lib/muniment has no space')
      },
    }
    const app = createApp(broken)
    closing.push(() => app.close())
    expect((await ask(app, 'GET', '/health/ready', { token: null })).text).not.toContain('/var')
  })
})
