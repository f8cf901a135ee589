import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect } from '../../src/client.ts'
import { type Reply, scriptedFetch, streamed } from '../fixtures/scripted-fetch.ts'

const server = 'http://vault.test'
const type = 'text/event-stream'
const eventAt = (position: number) => `id: ${position}\ndata: {"position":${position}}\n\n`

/** One connection that brings this and is lost. */
const lost = (text: string) => () => streamed(text, { ends: 'broken', type })
const held = (text: string) => () => streamed(text, { ends: 'stalled', type })
const problem =
  (code: string, status: number, retry = 'now') =>
  () =>
    new Response(JSON.stringify({ code, detail: `found ${code}`, retry }), { status })
const page = (status: number) => () =>
  new Response(status === 204 ? null : '<h1>hello</h1>\n\n', {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })

/** What a follower gives, and what it ends with. */
function followed(replies: readonly Reply[], signal: AbortSignal) {
  const { sent, fetch } = scriptedFetch(replies)
  const vault = connect({ server, token: 't', fetch, retries: 0 })
  const positions: number[] = []
  let error: unknown
  const ended = (async () => {
    for await (const { position } of vault.audit.follow({ signal })) positions.push(position)
  })().catch((thrown: unknown) => {
    error = thrown
  })
  return { sent, positions, ended, error: () => error }
}

let stop: AbortController
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  stop = new AbortController()
})
afterEach(() => {
  stop.abort()
  vi.useRealTimers()
})
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('a follower that comes again', () => {
  it.each([
    ['NO_SPACE', problem('NO_SPACE', 507)],
    ['CLOCK', problem('CLOCK', 503, 'never')],
    ['TIMEOUT', problem('TIMEOUT', 503)],
    ['CLOSED', problem('CLOSED', 503, 'never')],
    ['UNCERTAIN', problem('UNCERTAIN', 500, 'reopen')],
    ['a page of 500', page(500)],
    ['a page of 502', page(502)],
    ['no answer', new TypeError('fetch failed')],
  ])('comes back from what passes: %s', async (_, refusal) => {
    const replies = [lost(eventAt(1)), refusal, refusal, lost(eventAt(2)), held(eventAt(3))]
    const { sent, positions, error } = followed(
      replies.map((reply) => reply),
      stop.signal,
    )
    await pass(20_000)
    expect(error()).toBeUndefined()
    expect(positions).toEqual([1, 2, 3])
    expect(sent.map(({ headers }) => headers['last-event-id'])).toEqual([
      undefined,
      '1',
      '1',
      '1',
      '2',
    ])
  })

  it.each([
    ['DENIED', problem('DENIED', 403, 'never'), 'found DENIED'],
    ['INVALID', problem('INVALID', 400, 'never'), 'found INVALID'],
    ['UNSUPPORTED', problem('UNSUPPORTED', 501, 'never'), 'found UNSUPPORTED'],
    ['INTEGRITY', problem('INTEGRITY', 500, 'never'), 'found INTEGRITY'],
    ['UNSUPPORTED', page(404), 'what answers is no server of a vault: it answered 404'],
    ['UNSUPPORTED', page(200), 'what answers is no server of a vault: it answered with text/html'],
  ])('ends with what does not pass: %s', async (code, refusal, message) => {
    const { sent, positions, error } = followed([lost(eventAt(1)), refusal], stop.signal)
    await pass(20_000)
    expect(error()).toMatchObject({ code, message })
    expect(positions).toEqual([1])
    expect(sent).toHaveLength(2)
  })

  it('takes longer each time that it hears nothing that it did not know', async () => {
    const replies = Array.from({ length: 40 }, () => lost(':\nid: 1\n\n'))
    const { sent } = followed(replies, stop.signal)
    await pass(30_000)
    // At 50 to 100 milliseconds each time it would have been 300 and more.
    expect(sent.length).toBeGreaterThanOrEqual(8)
    expect(sent.length).toBeLessThanOrEqual(20)
  })

  it('comes at once where it heard something, or was there for a while', async () => {
    const replies = Array.from({ length: 10 }, (_, i) => lost(eventAt(i)))
    const { positions } = followed([...replies, held('')], stop.signal)
    await pass(1100)
    expect(positions).toHaveLength(10)
  })

  it('comes again although the server asks for an age', async () => {
    const { positions, sent } = followed(
      [lost(`retry: 999999999999\n${eventAt(1)}`), lost(':\n\n'), held(eventAt(2))],
      stop.signal,
    )
    await pass(1000)
    expect(sent).toHaveLength(2)
    await pass(31_000)
    expect(positions).toEqual([1, 2])
  })
})

describe('a follower of what is no vault', () => {
  it.each([
    [page(200), 'it answered with text/html'],
    [page(204), 'it answered with text/html'],
    [() => new Response(new Uint8Array(1)), 'it answered with no type'],
    [
      () => new Response('x', { headers: { 'content-type': 'hunter2' } }),
      'it answered with no type',
    ],
    [page(404), 'it answered 404'],
  ])('says what it found, and asks once', async (reply, why) => {
    const { sent, error } = followed([reply], stop.signal)
    await pass(5000)
    expect(error()).toMatchObject({
      name: 'VaultError',
      code: 'UNSUPPORTED',
      retry: 'never',
      message: `what answers is no server of a vault: ${why}`,
    })
    expect(sent).toHaveLength(1)
  })

  it.each(['null', '3', '[]', 'hunter2'])('ends at an event that is none: %s', async (data) => {
    const { error } = followed([held(`${eventAt(1)}data: ${data}\n\n`)], stop.signal)
    await pass(0)
    expect(error()).toMatchObject({ name: 'VaultError', code: 'UNSUPPORTED' })
    expect((error() as Error).message).not.toContain('hunter2')
  })

  it('ends at a value that is none', async () => {
    const { fetch } = scriptedFetch([held('id: 1\ndata: {"value":{"text":1}}\n\n')])
    const watching = connect({ server, token: 't', fetch }).watch('a')
    await expect(watching.next()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it.each(['hunter2', 'null', '{"problem":3}', '{"problem":{"code":"WEIRD","detail":"x"}}'])(
    'ends at an end that it does not know: %s',
    async (data) => {
      const { error } = followed([held(`event: end\ndata: ${data}\n\n`)], stop.signal)
      await pass(0)
      expect(error()).toMatchObject({ name: 'VaultError', code: 'UNSUPPORTED' })
    },
  )
})
