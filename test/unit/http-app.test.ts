import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { embedded } from '../../src/http/served.ts'
import { testVault } from '../../src/testing.ts'
import { ask, rootToken, type ServedApp, serve } from '../fixtures/http.ts'

let served: ServedApp

beforeAll(async () => {
  served = await serve({ foo: 'bar' })
})
afterAll(() => served.close())

const trail = async ({ vault }: ServedApp, type: 'auth.failed' | 'secret.inspected') => {
  const events = []
  for await (const page of vault.audit.query({ type })) events.push(...page.events)
  return events
}

describe('every answer', () => {
  it.each([
    ['GET', '/v1/sys/health'],
    ['GET', '/v1/sys/mounts'],
    ['GET', '/v1/nowhere'],
    ['GET', '/elsewhere'],
    ['POST', '/v1/sys/unseal'],
    ['GET', '/v1/secret/data/%ff'],
    ['GET', '/v1/secret/data/none'],
  ])('to %s %s is not to be stored, and JSON and nothing else', async (method, url) => {
    const { headers } = await served.ask(method, url)
    expect(headers['content-type']).toBe('application/json')
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  it('without a body has no type either', async () => {
    const { status, headers, text } = await served.ask('DELETE', '/v1/secret/data/none')
    expect([status, text]).toEqual([204, ''])
    expect(headers['content-type']).toBeUndefined()
    expect(headers['cache-control']).toBe('no-store')
  })

  it('has an id that its events have', async () => {
    const { body } = await served.ask('GET', '/v1/secret/data/foo')
    const events = []
    for await (const page of served.vault.audit.query({ type: 'secret.accessed' })) {
      events.push(...page.events)
    }
    expect(events.map(({ context }) => context.correlationId)).toContain(body.request_id)
    expect(events.at(-1)?.context).toMatchObject({ source: '127.0.0.1' })
  })
})

describe('a request that no route takes', () => {
  it('is told that there is no handler', async () => {
    const { status, body } = await served.ask('GET', '/v1/other/data/x?version=1')
    expect(status).toBe(404)
    expect(body).toEqual({
      errors: ['no handler for route "other/data/x". route entry not found.'],
    })
  })

  it('is told that the operation is not supported where the path has others', async () => {
    for (const [method, url] of [
      ['DELETE', '/v1/sys/health'],
      ['HEAD', '/v1/secret/data/foo'],
      ['LIST', '/v1/secret/data/foo'],
      ['GET', '/v1/secret/data/foo?list=true'],
      ['OPTIONS', '/v1/sys/mounts'],
      ['TRACE', '/v1/sys/mounts'],
      ['PATCH', '/v1/sys/seal'],
    ] as const) {
      const { status, text } = await served.ask(method, url)
      expect([method, status]).toEqual([method, 405])
      if (method !== 'HEAD') expect(JSON.parse(text)).toEqual({ errors: ['unsupported operation'] })
    }
  })

  it('is refused without a token, so that nobody learns what is mounted', async () => {
    for (const url of ['/v1/other/data/x', '/v1/secret/other/x', '/v1/sys/mounts']) {
      const { status, body } = await served.ask('PUT', url, { token: null })
      expect([url, status, body]).toEqual([url, 403, { errors: ['permission denied'] }])
    }
  })

  it('has an empty answer outside of /v1', async () => {
    for (const url of ['/', '/ui/', '/v2/secret', '/v1']) {
      const { status, body } = await served.ask('GET', url, { token: null })
      expect([url, status, body]).toEqual([url, 404, { errors: [] }])
    }
  })
})

describe('a token', () => {
  it('is taken from X-Vault-Token, or else from Authorization', async () => {
    const asked = (headers: Record<string, string>) =>
      served.ask('GET', '/v1/sys/mounts', { token: null, headers })
    expect((await asked({ 'x-vault-token': rootToken })).status).toBe(200)
    expect((await asked({ authorization: `Bearer ${rootToken}` })).status).toBe(200)
    expect((await asked({ authorization: `bearer  ${rootToken}` })).status).toBe(200)
    expect((await asked({ authorization: `Basic ${rootToken}` })).status).toBe(403)
    expect(
      (await asked({ 'x-vault-token': '', authorization: `Bearer ${rootToken}` })).status,
    ).toBe(200)
    expect(
      (await asked({ 'x-vault-token': 'x', authorization: `Bearer ${rootToken}` })).status,
    ).toBe(403)
  })

  it('that is missing or wrong is on record, with its source', async () => {
    const fresh = await serve()
    await fresh.ask('GET', '/v1/secret/data/x', { token: null })
    await fresh.ask('GET', '/v1/secret/data/x', { token: 'wrong-token-of-somebody' })
    const failed = await trail(fresh, 'auth.failed')
    expect(failed.length).toBeGreaterThan(0)
    for (const { context } of failed) expect(context.source).toBe('127.0.0.1')
    expect(JSON.stringify(failed)).not.toContain('wrong-token-of-somebody')
    await fresh.close()
  })

  it('is looked at before the body is read', async () => {
    const { status } = await served.ask('POST', '/v1/secret/data/x', { token: null, body: '{"a' })
    expect(status).toBe(403)
  })

  it('is authenticated once a request', async () => {
    const { token, accessor } = await served.vault.tokens.issue({ policies: ['root'], uses: 3 })
    const asked = () => served.ask('GET', '/v1/sys/audit', { token: token.text() })
    expect((await asked()).status).toBe(200)
    expect((await served.vault.tokens.get(accessor)).usesLeft).toBe(2)
  })
})

describe('a body', () => {
  const unseal = (body: unknown, headers = {}) =>
    served.ask('POST', '/v1/sys/unseal', { token: null, body, headers })

  it.each([
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'nonsense',
    '*/*; x',
  ])('is JSON although it says %s', async (type) => {
    const { status, body } = await unseal({ migrate: true }, { 'content-type': type })
    expect(status).toBe(400)
    expect(body).toEqual({ errors: ['there is no other seal to migrate from'] })
  })

  it('that is empty is {}', async () => {
    const { body } = await unseal('', { 'content-type': 'application/x-www-form-urlencoded' })
    expect(body.errors).toEqual([expect.stringContaining("'key' must be specified")])
  })

  it('that is not as expected says where, and not what it holds', async () => {
    const { status, body } = await unseal({ key: { secret: 'hunter2' } })
    expect(status).toBe(400)
    expect(body).toEqual({ errors: ['body/key must be string'] })
  })

  it('that is malformed is 400', async () => {
    const { status, body } = await unseal('{"key":"x","key":"y"}')
    expect(status).toBe(400)
    expect(body.errors).toEqual(['error parsing JSON: an object names one of its members twice'])
  })

  it('of a stranger is 64 KiB at the most', async () => {
    const { status, body } = await unseal(`{"key":"${'x'.repeat(64 * 1024)}"}`)
    expect(status).toBe(413)
    expect(body).toEqual({ errors: ['request body too large'] })
  })

  it('is as long as the app lets it be', async () => {
    const small = await serve({}, { bodyBytesMax: 1024 })
    const body = { data: { a: 'x'.repeat(1024) } }
    const { status } = await small.ask('POST', '/v1/secret/data/x', { body })
    expect(status).toBe(413)
    await small.close()
  })
})

describe('a path', () => {
  const write = (path: string) =>
    served.ask('POST', `/v1/secret/data/${path}`, { body: { data: { a: 'b' } } })
  const written = async (path: string) => {
    const { status } = await write(path)
    return [status, (await served.vault.list('', { limit: 1000 })).items.map((item) => item.path)]
  }

  it('is decoded once, an encoded slash too', async () => {
    expect(await written('encoded%2Fslash')).toEqual([
      200,
      expect.arrayContaining(['encoded/slash']),
    ])
    expect(await written('encoded%2fother')).toEqual([
      200,
      expect.arrayContaining(['encoded/other']),
    ])
    expect(await written('twice%252fencoded')).toEqual([
      200,
      expect.arrayContaining(['twice%2fencoded']),
    ])
    expect(await written('thrice%25252f')).toEqual([200, expect.arrayContaining(['thrice%252f'])])
    expect(await written('sp%20ace%3F%23')).toEqual([200, expect.arrayContaining(['sp ace?#'])])
    expect(await written('%C3%A9')).toEqual([200, expect.arrayContaining(['é'])])
  })

  it.each([
    'a%2f..%2fb',
    'a//b',
    'a%2f%2fb',
    'a/',
    'a%2f',
    '%2fa',
    'a%00b',
    'a%0ab',
    'a%5cb',
    'a*',
  ])('that the vault does not take is 400: %s', async (path) => {
    const { status, body } = await write(path)
    expect(status).toBe(400)
    expect(body.errors).toHaveLength(1)
  })

  it.each(['%', 'a%zz', '%ff', '%c0%af', 'a%2'])(
    'that is not percent-encoded UTF-8 is 400: %s',
    async (path) => {
      const { status, body } = await write(path)
      expect(status).toBe(400)
      expect(body).toEqual({ errors: ['the path is not percent-encoded UTF-8'] })
    },
  )
})

describe('?list and ?scan', () => {
  it.each(['true', 't', '1', 'TRUE'])('of a GET is LIST where it is %s', async (word) => {
    const { status, body } = await served.ask('GET', `/v1/secret/metadata/?list=${word}`)
    expect(status).toBe(200)
    expect(body.data.keys).toContain('foo')
  })

  it('is 400 where it is no boolean, or both', async () => {
    for (const query of ['list=yes', 'scan=2', 'list=1&scan=1', 'list=tRue']) {
      const { status, body } = await served.ask('GET', `/v1/secret/metadata/?${query}`)
      expect([query, status, body]).toEqual([query, 400, { errors: [] }])
    }
  })

  it('is a GET where it is false or empty', async () => {
    for (const word of ['', '0', 'false']) {
      const { status, body } = await served.ask('GET', `/v1/secret/data/foo?list=${word}`)
      expect([status, body.data.metadata.version]).toEqual([200, 1])
    }
  })
})

describe('?help', () => {
  it('of a GET tells what is there, and does nothing', async () => {
    const { status, body } = await served.ask('GET', '/v1/secret/data/foo?help=1')
    expect(status).toBe(200)
    expect(body).toEqual({ help: expect.stringContaining('KV v2'), see_also: '' })
    expect((await served.ask('GET', '/v1/nowhere?help=1')).status).toBe(404)
    expect((await served.ask('GET', '/v1/secret/data/foo?help=1', { token: null })).status).toBe(
      403,
    )
    const empty = await served.ask('GET', '/v1/secret/data/foo?help=')
    expect(empty.body.data.metadata.version).toBe(1)
  })
})

describe('a namespace', () => {
  it('is the root one, or refused', async () => {
    const asked = (name: string) =>
      served.ask('GET', '/v1/sys/mounts', { headers: { 'x-vault-namespace': name } })
    for (const name of ['', 'root', 'root/', '/']) expect((await asked(name)).status).toBe(200)
    const { status, body } = await asked('team')
    expect([status, body]).toEqual([400, { errors: ['namespaces are not supported'] }])
  })
})

describe('response wrapping', () => {
  it('is refused, as what it asks for would be answered in the clear', async () => {
    const asked = (ttl: string) =>
      served.ask('GET', '/v1/secret/data/foo', { headers: { 'x-vault-wrap-ttl': ttl } })
    for (const ttl of ['', '0', '0s']) expect((await asked(ttl)).status).toBe(200)
    const { status, body } = await asked('60')
    expect([status, body]).toEqual([400, { errors: ['response wrapping is not supported'] }])
  })
})

describe('an app', () => {
  it('goes on under another mount', async () => {
    const other = await serve({ foo: 'bar' }, { mount: 'kv/team' })
    expect((await other.ask('GET', '/v1/kv/team/data/foo')).status).toBe(200)
    expect((await other.ask('GET', '/v1/secret/data/foo')).status).toBe(404)
    const { body } = await other.ask('GET', '/v1/sys/internal/ui/mounts/kv/team/foo')
    expect(body.data.path).toBe('kv/team/')
    await other.close()
  })

  it.each(['', 'sys', 'sys/x', 'auth', 'a b', '/a', 'a/', 'a//b', 'a/:b', '*', '..'])(
    'is not made with mount %j',
    async (mount) => {
      const { vault } = await testVault()
      expect(() => createApp(embedded(vault), { mount })).toThrow(
        expect.objectContaining({
          code: 'INVALID',
          message: expect.stringMatching(/^mount must be/),
        }),
      )
      await vault.close()
    },
  )

  it('says internal error where nothing foresaw it, and tells its host', async () => {
    const { vault } = await testVault()
    const told: unknown[] = []
    const broken = {
      ...embedded(vault),
      status: async () => {
        throw new TypeError('hunter2 is not a function')
      },
    }
    const app = createApp(broken, { onUnforeseen: (error) => told.push(error) })
    const { status, body } = await ask(app, 'GET', '/v1/sys/seal-status')
    expect([status, body]).toEqual([500, { errors: ['internal error'] }])
    expect(told).toEqual([expect.objectContaining({ message: 'hunter2 is not a function' })])
    await vault.close()
  })

  it('can be a part of another', async () => {
    const { vault } = await testVault()
    const app = createApp(embedded(vault))
    await app.ready()
    const host = Fastify()
    host.all('/v1/*', (request, reply) => {
      reply.hijack()
      app.routing(request.raw, reply.raw)
    })
    const response = await host.inject('/v1/sys/health')
    expect(response.statusCode).toBe(200)
    await vault.close()
  })
})
