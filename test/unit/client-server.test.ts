import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Asking, ServerOptions } from '../../src/client/asking.ts'
import { Server } from '../../src/client/server.ts'
import type { VaultError, VaultErrorCode } from '../../src/client.ts'
import { type Reply, type Sent, scriptedFetch } from '../fixtures/scripted-fetch.ts'

const origin = 'https://vault.internal:8200'
const id = '019afc1e-8a70-7c3d-9b1e-2f4a6c8e0d12'

/** A server that answers as it is told, once each, and keeps what it was sent. */
function script(replies: readonly Reply[], options: Partial<ServerOptions> = {}) {
  const { sent, fetch } = scriptedFetch(replies)
  return { sent, server: new Server({ server: origin, token: 'tok', fetch, ...options }) }
}

const json = (content: unknown, init: ResponseInit = {}) =>
  new Response(JSON.stringify(content), init)

const problem = (code: VaultErrorCode, status: number, more: object = {}, headers = {}) =>
  json({ code, detail: `expected ${code}`, ...more }, { status, headers })

/** As Node's `fetch` fails: the cause says how. */
const unreachable = (code: string) =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(code), { code }) })

const look: Asking = { path: '/secrets' }
const change: Asking = { method: 'POST', path: '/secrets/a/delete', body: {} }
const named: Asking = { ...change, call: { id } }

async function failure(work: Promise<unknown>): Promise<VaultError> {
  return work.then(
    () => {
      throw new Error('expected a refusal')
    },
    (error: VaultError) => error,
  )
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 1_800_000_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Lets every wait pass until the work is done. */
async function through<T>(work: Promise<T>): Promise<T> {
  const seen = work.then(
    () => true,
    () => true,
  )
  let done = false
  void seen.then(() => {
    done = true
  })
  while (!done) await vi.advanceTimersByTimeAsync(1000)
  return work
}

describe('a request', () => {
  it('goes below /api/v1, with its query, body and token', async () => {
    const { sent, server } = script([json({ ok: true })])
    const asking: Asking = {
      method: 'PUT',
      path: '/secrets/a%2Fb',
      query: { prefix: 'ü &', type: ['x', 'y'], limit: 2, all: true, none: undefined },
      body: { value: { text: 'hunter2' } },
      call: { reason: 'früh', causationId: 'c/1', timeout: 500, id },
    }
    expect(await server.json(asking)).toEqual({ ok: true })
    const [{ url, method, headers, body, redirect } = {} as Sent] = sent
    expect(url).toBe(
      `${origin}/api/v1/secrets/a%2Fb?prefix=%C3%BC+%26&type=x&type=y&limit=2&all=true`,
    )
    expect([method, body, redirect]).toEqual(['PUT', '{"value":{"text":"hunter2"}}', 'error'])
    expect(headers).toEqual({
      accept: 'application/json',
      authorization: 'Bearer tok',
      'content-type': 'application/json',
      'idempotency-key': id,
      'muniment-causation-id': 'c%2F1',
      'muniment-reason': 'fr%C3%BCh',
      'muniment-timeout': '500',
    })
  })

  it('asks for its token each time it is sent', async () => {
    const tokens = ['one', 'two']
    const token = async () => tokens.shift() ?? ''
    const { sent, server } = script([unreachable('ECONNRESET'), json({})], { token })
    await through(server.json(look))
    expect(sent.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer two'])
  })

  it('shows no token where there is none', async () => {
    const { sent, server } = script([json({})], { token: undefined as never })
    await server.json(look)
    expect(sent[0]?.headers).toEqual({ accept: 'application/json' })
  })

  it.each([
    [
      'a token with a line break',
      { token: 'a\nb' },
      look,
      'token must be printable ASCII, found another character',
    ],
    [
      'a token that cannot be had',
      { token: () => Promise.reject(new Error('x')) },
      look,
      'the token could not be had',
    ],
    [
      'an actor',
      {},
      { ...look, call: { actor: 'user/ana' } },
      'actor: the server tells it of whoever shows a token',
    ],
    [
      'a reason that is no text',
      {},
      { ...look, call: { reason: 'a\ud800' } },
      'reason must be well-formed text',
    ],
    [
      'an id that is none',
      {},
      { ...change, call: { id: 'x\r\ny' } },
      'id must be a UUID of version 7, as eventId() makes it',
    ],
    [
      'a trace that is none',
      {},
      { ...look, call: { traceId: 'x' } },
      'traceId must be 32 hexadecimal digits',
    ],
    [
      'what is no JSON',
      {},
      { ...change, body: { n: 1n } },
      'what is sent must be JSON: no bigint, and nothing that holds itself',
    ],
  ] as readonly [string, Partial<ServerOptions>, Asking, string][])(
    'is not sent with %s',
    async (_, options, asking, message) => {
      const { sent, server } = script([], options)
      expect(await failure(server.json(asking))).toMatchObject({ code: 'INVALID', message })
      expect(sent).toEqual([])
    },
  )

  it.each([
    'vault.internal',
    'ftp://vault.internal',
    'https://vault.internal/below',
    'https://user:pass@vault.internal',
    'https://vault.internal/?x',
    '',
  ])('has no server at %j', (server) => {
    expect(() => new Server({ server })).toThrow('server must be the URL of one: https://HOST:PORT')
  })
})

describe('an answer', () => {
  it('is nothing where the server says nothing', async () => {
    const { server } = script([new Response(null, { status: 204 })])
    expect(await server.done(look)).toBeUndefined()
  })

  it('tells the position and the time, and the position never goes back', async () => {
    const date = new Date(1_800_000_600_000).toUTCString()
    const at = (position: string) => json({}, { headers: { 'muniment-position': position, date } })
    const { server } = script([at('7'), at('3')])
    expect(server.position).toBe(-1)
    await server.json(look)
    await server.json(look)
    expect(server.position).toBe(7)
    expect(server.now).toBe(1_800_000_600_000)
  })

  it('that refuses is thrown as the vault threw it', async () => {
    const details = { path: 'a', expected: 3, found: 1, retry: 'now' }
    const { sent, server } = script([problem('CONFLICT', 409, details)])
    const error = await failure(server.json(change))
    expect(error).toMatchObject({ name: 'VaultError', code: 'CONFLICT', ...details })
    expect(error.message).toBe('expected CONFLICT')
    expect(sent).toHaveLength(1)
  })

  it.each([
    ['a page', new Response('<h1>hunter2</h1>', { status: 404 }), 'it answered 404'],
    ['a page of 200', new Response('<h1>hunter2</h1>'), 'it answered with what is no JSON'],
    ['another JSON', json({ errors: ['hunter2'] }, { status: 400 }), 'it answered 400'],
  ])('that is %s comes from no server of a vault, and is not quoted', async (_, reply, why) => {
    const { server } = script([reply])
    const error = await failure(server.json(look))
    expect(error).toMatchObject({
      code: 'UNSUPPORTED',
      message: `what answers is no server of a vault: ${why}`,
    })
    expect(`${error.stack} ${error.cause}`).not.toContain('hunter2')
  })
})

describe('lines', () => {
  const streamOf = (pieces: readonly Uint8Array[], error?: Error) =>
    new Response(
      new ReadableStream({
        pull(controller) {
          const [next] = (pieces as Uint8Array[]).splice(0, 1)
          if (next !== undefined) controller.enqueue(next)
          else if (error !== undefined) controller.error(error)
          else controller.close()
        },
      }),
      { headers: { 'content-type': 'application/x-ndjson; charset=utf-8' } },
    )
  const bytes = new TextEncoder()

  async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
    const given: T[] = []
    for await (const item of items) given.push(item)
    return given
  }

  it.each([1, 2, 3, 7, 1000])('are put together from pieces of %d bytes', async (size) => {
    const text = bytes.encode('{"a":"früh “”"}\n\n{"b":[1]}\n{"last":1}')
    const pieces: Uint8Array[] = []
    for (let at = 0; at < text.length; at += size) pieces.push(text.subarray(at, at + size))
    const { sent, server } = script([streamOf(pieces)])
    expect(await all(server.lines(look))).toEqual([{ a: 'früh “”' }, { b: [1] }, { last: 1 }])
    expect(sent[0]?.headers.accept).toBe('application/x-ndjson')
  })

  it('throw the problem that the last of them is', async () => {
    const last = { problem: { code: 'INTEGRITY', detail: 'it does not hold' } }
    const { server } = script([streamOf([bytes.encode(`{"a":1}\n${JSON.stringify(last)}\n`)])])
    const given: unknown[] = []
    const reading = (async () => {
      for await (const item of server.lines(look)) given.push(item)
    })()
    const error = await failure(reading)
    expect(error).toMatchObject({ code: 'INTEGRITY', message: 'it does not hold' })
    expect(given).toEqual([{ a: 1 }])
  })

  it.each([
    [
      'are cut off',
      streamOf([bytes.encode('{"a":1}\n{"b"')], new TypeError('terminated')),
      'CLOSED',
    ],
    ['are no JSON', streamOf([bytes.encode('hunter2 {\n')]), 'UNSUPPORTED'],
    ['are no UTF-8', streamOf([Uint8Array.of(0xff, 0x0a)]), 'CLOSED'],
  ])('that %s are a failure, and not quoted', async (_, reply, code) => {
    const { server } = script([reply])
    const error = await failure(all(server.lines(look)))
    expect(error).toMatchObject({ name: 'VaultError', code })
    expect(`${error.stack} ${error.cause}`).not.toContain('hunter2')
  })

  it('that nobody reads on are given up', async () => {
    let cancelled = false
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(bytes.encode('{"a":1}\n')),
      cancel: () => {
        cancelled = true
      },
    })
    const { server } = script([
      new Response(body, { headers: { 'content-type': 'application/x-ndjson' } }),
    ])
    for await (const item of server.lines(look)) {
      expect(item).toEqual({ a: 1 })
      break
    }
    expect(cancelled).toBe(true)
  })
})

describe('a request that has no answer', () => {
  const cut = unreachable('ECONNRESET')
  const refused = unreachable('ECONNREFUSED')

  it.each([
    ['a look', look, cut],
    ['a change with an id', named, cut],
    ['a change that never left', change, refused],
    ['what says that it may be', { ...change, repeatable: true }, cut],
  ])('is sent again: %s', async (_, asking, error) => {
    const { sent, server } = script([error, error, error, json({ done: 1 })])
    expect(await through(server.json(asking))).toEqual({ done: 1 })
    expect(sent).toHaveLength(4)
  })

  it('is not sent again where it may have changed something', async () => {
    const { sent, server } = script([cut])
    expect(await failure(server.json(change))).toMatchObject({
      code: 'UNCERTAIN',
      retry: 'never',
      message: `${origin} cannot be reached: it is not known whether the change took place`,
    })
    expect(sent).toHaveLength(1)
  })

  it('waits longer each time, and never beyond what the server asks for', async () => {
    const waits: number[] = []
    const timer = vi.spyOn(globalThis, 'setTimeout')
    const { server } = script([
      cut,
      cut,
      problem('TIMEOUT', 503, {}, { 'retry-after': '2' }),
      json({}),
    ])
    await through(server.json(look))
    for (const [, ms] of timer.mock.calls) if (ms !== undefined && ms < 30_000) waits.push(ms)
    const [first = 0, second = 0, third = 0] = waits.filter((ms) => ms !== 1000)
    expect(first).toBeGreaterThanOrEqual(50)
    expect(first).toBeLessThanOrEqual(100)
    expect(second).toBeGreaterThanOrEqual(100)
    expect(second).toBeLessThanOrEqual(200)
    expect(third).toBe(2000)
  })

  it('ends as what it is when its tries are used up', async () => {
    const { sent, server } = script([cut, cut], { retries: 1 })
    const error = await failure(through(server.json(named)))
    expect(error).toMatchObject({ code: 'UNCERTAIN', retry: 'now', eventIds: [id] })
    expect(sent).toHaveLength(2)
    const other = script([cut, cut], { retries: 1 })
    expect(await failure(through(other.server.json(look)))).toMatchObject({
      code: 'CLOSED',
      retry: 'now',
      message: `${origin} cannot be reached`,
    })
  })

  it('is not sent again where nobody wants that', async () => {
    const { sent, server } = script([cut], { retries: 0 })
    expect(await failure(server.json(look))).toMatchObject({ code: 'CLOSED' })
    expect(sent).toHaveLength(1)
  })

  it.each([502, 503, 504])('is what a proxy makes of it as well: %d', async (status) => {
    const page = () => new Response('<h1>Bad Gateway</h1>', { status })
    const { sent, server } = script([page(), json({})])
    expect(await through(server.json(look))).toEqual({})
    expect(sent).toHaveLength(2)
    const changing = script([page()])
    expect(await failure(changing.server.json(change))).toMatchObject({ code: 'UNCERTAIN' })
  })
})

describe('a refusal', () => {
  it.each(['CLOSED', 'IN_USE', 'TIMEOUT', 'FAILED'] as const)(
    'by which nothing was done is asked about again: %s',
    async (code) => {
      const { sent, server } = script([problem(code, 503), json({})])
      await through(server.json(change))
      expect(sent).toHaveLength(2)
    },
  )

  it('of which nobody knows what was done is asked about again under its id alone', async () => {
    const { sent, server } = script([problem('UNCERTAIN', 500), json({})])
    await through(server.json(named))
    expect(sent).toHaveLength(2)
    const other = script([problem('UNCERTAIN', 500)])
    expect(await failure(other.server.json(change))).toMatchObject({ code: 'UNCERTAIN' })
    expect(other.sent).toHaveLength(1)
  })

  it.each(['DENIED', 'NOT_FOUND', 'CONFLICT', 'INVALID', 'NO_SPACE'] as const)(
    'that stays one is not asked about again: %s',
    async (code) => {
      const { sent, server } = script([problem(code, 400)])
      expect(await failure(server.json(look))).toMatchObject({ code })
      expect(sent).toHaveLength(1)
    },
  )
})

describe('a caller who gives up', () => {
  const reasons = [new Error('enough'), 'enough', new DOMException('enough', 'AbortError')]

  it.each(reasons)('before it is sent sends nothing: %s', async (reason) => {
    const { sent, server } = script([])
    const asking = { ...look, call: { signal: AbortSignal.abort(reason) } }
    const error = await failure(server.json(asking))
    expect(error).toMatchObject({ code: 'ABORTED', message: 'the caller aborted', cause: reason })
    expect(sent).toEqual([])
  })

  const never = (sent: Sent) =>
    new Promise<Response>((_, reject) => {
      sent.signal?.addEventListener('abort', () => reject(sent.signal?.reason), { once: true })
    })

  it('while a look is under way ends it', async () => {
    const stop = new AbortController()
    const { sent, server } = script([never])
    const asked = failure(server.json({ ...look, call: { signal: stop.signal } }))
    await vi.waitUntil(() => sent.length === 1)
    stop.abort('enough')
    expect(await asked).toMatchObject({ code: 'ABORTED', cause: 'enough' })
  })

  it('while a change is under way is told that it may have happened', async () => {
    const stop = new AbortController()
    const { sent, server } = script([never])
    const asked = failure(server.json({ ...change, call: { signal: stop.signal, id } }))
    await vi.waitUntil(() => sent.length === 1)
    stop.abort(new Error('enough'))
    expect(await asked).toMatchObject({ code: 'UNCERTAIN', eventIds: [id] })
    expect(sent).toHaveLength(1)
  })

  it('while it waits to send again does not send again', async () => {
    const stop = new AbortController()
    const { sent, server } = script([problem('TIMEOUT', 503, {}, { 'retry-after': '3' })])
    const asked = failure(server.json({ ...look, call: { signal: stop.signal } }))
    await vi.advanceTimersByTimeAsync(1000)
    stop.abort()
    expect(await asked).toMatchObject({ code: 'ABORTED' })
    expect(sent).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is the clock as well, which is told apart, and nothing is sent again then', async () => {
    const { sent, server } = script([never], { timeout: 700 })
    const asked = failure(server.json({ ...look, call: { timeout: 200 } }))
    await vi.advanceTimersByTimeAsync(899)
    expect(sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await asked).toMatchObject({
      code: 'TIMEOUT',
      retry: 'now',
      message: `${origin} does not answer`,
    })
    expect(sent).toHaveLength(1)
  })

  it('leaves no timer behind once it is answered', async () => {
    const { server } = script([json({})])
    await server.json(look)
    expect(vi.getTimerCount()).toBe(0)
  })
})
