import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventsOf } from '../fixtures/events.ts'
import { type ServedApp, serve } from '../fixtures/http.ts'

const root = '/api/v1'

describe('what every operation of the API takes', () => {
  let served: ServedApp
  beforeEach(async () => {
    served = await serve({ 'prod/db': 'hunter2', 'prod/mail': 'x' })
  })
  afterEach(() => served.close())

  it('is answered with the position that it is true at', async () => {
    const { headers, body } = await served.ask('PUT', `${root}/secrets/a`, {
      body: { value: { text: 'x' } },
    })
    expect(headers['muniment-position']).toBe(String(body.position))
    expect(headers['cache-control']).toBe('no-store')
  })

  it('says of a look no more than it holds, whatever is written meanwhile', async () => {
    const write = () =>
      served.ask('PUT', `${root}/secrets/busy`, { body: { value: { text: 'x' } } })
    await write()
    const looks = []
    for (let round = 0; round < 10; round++) {
      const look = served.ask('GET', `${root}/secrets/busy`)
      await Promise.all([look, write(), write(), write()])
      looks.push(await look)
    }
    const written = await eventsOf(served.vault, { subject: 'busy', type: 'secret.written' })
    for (const { headers, body } of looks) {
      const position = Number(headers['muniment-position'])
      const told = written.filter((event) => event.position <= position)
      expect(body.version).toBeGreaterThanOrEqual(told.length)
    }
  })

  it.each([
    ['a number that is none', '/secrets?limit=ten', 'query.limit must be integer'],
    ['a number beyond its bounds', '/secrets?limit=1001', 'query.limit must be <= 1000'],
    ['a parameter that is not known', '/secrets?limits=1', 'query has a member that is not known'],
    ['a parameter twice', '/secrets?after=a&after=b', 'query.after must be string'],
    ['a name of every object', '/secrets?__proto__=1', 'query has a member that is not known'],
    ['a choice', '/audit?outcome=bad', 'query.outcome must be one of allowed, denied'],
    [
      'a day that is none',
      '/secrets?time=2026-02-30',
      'moment.time must be a Date or an ISO 8601 date from 1970 to 9999',
    ],
    ['two moments', '/secrets?position=1&time=2026-01-01', 'query: give either position or time'],
    [
      'a position that is none',
      '/secrets?min-position=-1',
      'query.min-position must be a position: an integer from 0',
    ],
  ])('refuses %s', async (_, url, detail) => {
    const { status, headers, body } = await served.ask('GET', `${root}${url}`)
    expect([status, headers['content-type']]).toEqual([400, 'application/problem+json'])
    expect(body).toMatchObject({ code: 'INVALID', status: 400, title: 'Bad Request', detail })
    expect(body.instance).toMatch(/^urn:uuid:[0-9a-f-]{36}$/)
  })

  it.each([
    ['no value', {}, 'body must have required properties value'],
    ['two of one', { value: { text: 'needle', bytes: '' } }, 'body.value'],
    ['a stranger beside it', { value: { text: 'x' }, needle: 1 }, 'body has a member that'],
    ['bytes that are none', { value: { bytes: 'needle!' } }, 'body.value.bytes must be base64'],
    ['a type that is none', { value: { text: 'x' }, type: 'needle' }, 'body.type'],
  ])('refuses a body with %s, and quotes nothing of it', async (_, given, detail) => {
    const { status, body, text } = await served.ask('PUT', `${root}/secrets/a`, { body: given })
    expect([status, body.code]).toEqual([400, 'INVALID'])
    expect(body.detail).toContain(detail)
    expect(text).not.toContain('needle')
  })

  it.each([
    ['muniment-reason', '%zz', 'header muniment-reason must be percent-encoded UTF-8'],
    [
      'muniment-timeout',
      '0',
      'header muniment-timeout must be an integer from 1 to 60000 milliseconds',
    ],
    ['idempotency-key', 'x', 'header idempotency-key: this operation takes none'],
  ])('refuses the header %s: %s', async (name, value, detail) => {
    const headers = { [name]: value }
    const { status, body } = await served.ask('GET', `${root}/secrets`, { headers })
    expect([status, body.code, body.detail]).toEqual([400, 'INVALID', detail])
  })

  it('takes the trace and the cause of a request on record', async () => {
    const headers = {
      traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`,
      'muniment-causation-id': 'order%2042',
    }
    await served.ask('GET', `${root}/secrets/prod%2Fdb/value`, { headers })
    for await (const { events } of served.vault.audit.query({ type: 'secret.accessed' })) {
      expect(events.at(-1)?.context).toMatchObject({
        traceId: 'ab'.repeat(16),
        causationId: 'order 42',
        source: '127.0.0.1',
      })
    }
  })

  it('asks who is not known to show a token, and tells it from what a known one may not do', async () => {
    const url = `${root}/secrets/prod%2Fdb/value`
    const stranger = await served.ask('GET', url, { token: 'none that was issued' })
    expect([stranger.status, stranger.headers['www-authenticate']]).toEqual([401, 'Bearer'])
    expect(stranger.body).toMatchObject({ code: 'DENIED', detail: 'no token that holds was shown' })
    const { token } = await served.vault.tokens.issue({ actor: 'svc/x', policies: [] })
    const known = await served.ask('GET', url, { token: token.text() })
    expect(known.status).toBe(403)
    expect(known.body).toMatchObject({
      code: 'DENIED',
      path: 'prod/db',
      detail: 'read of prod/db is not allowed',
    })
  })

  it('waits for a position, and no longer than it is told to', async () => {
    const size = served.vault.position + 1
    const asked = served.ask('GET', `${root}/secrets/a/exists?min-position=${size}`)
    await served.vault.write('a', 'x')
    expect((await asked).body).toEqual({ exists: true })
    const headers = { 'muniment-timeout': '20' }
    const late = await served.ask('GET', `${root}/secrets?min-position=9999`, { headers })
    expect([late.status, late.body.code, late.headers['retry-after']]).toEqual([
      503,
      'TIMEOUT',
      '1',
    ])
  })

  it.each([
    ['DELETE', '/secrets/a', 405, 'UNSUPPORTED'],
    ['GET', '/nowhere', 404, 'NOT_FOUND'],
  ])('answers %s %s with %i', async (method, url, status, code) => {
    const answer = await served.ask(method, `${root}${url}`)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('tells of a vault that is closed, and nothing of its place', async () => {
    await served.vault.close()
    const { status, body } = await served.ask('GET', `${root}/secrets`)
    expect([status, body.code]).toEqual([503, 'CLOSED'])
  })
})
