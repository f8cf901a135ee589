import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, type RemoteVault, type ServerOptions } from '../../src/client.ts'
import { type Reply, type Sent, scriptedFetch, streamed } from '../fixtures/scripted-fetch.ts'

const server = 'http://vault.test'
const id = '019afc1e-8a70-7c3d-9b1e-2f4a6c8e0d12'

function played(
  replies: readonly Reply[],
  options: Partial<ServerOptions> = {},
): { readonly sent: readonly Sent[]; readonly vault: RemoteVault } {
  const { sent, fetch } = scriptedFetch(replies)
  return { sent, vault: connect({ server, token: 't', fetch, ...options }) }
}

const json = (said: unknown, init?: ResponseInit) => new Response(JSON.stringify(said), init)
const problem = (code: string, status: number, headers = {}) =>
  json({ code, detail: `expected ${code}`, retry: 'now' }, { status, headers })

/** What a work came to, without waiting for it. */
function watched(work: Promise<unknown>): { readonly end: () => unknown } {
  let end: unknown
  work.then(
    (value) => {
      end = { value }
    },
    (error: unknown) => {
      end = error
    },
  )
  return { end: () => end }
}

/** Lets so much time pass, and whatever it makes happen happen. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    now: 1_800_000_000_000,
  })
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('an answer that stalls', () => {
  const late = { code: 'TIMEOUT', retry: 'now', message: `${server} does not answer` }

  it.each([
    ['in its body', 200],
    ['in the body of a refusal', 400],
  ])('%s is given up in its time, with whatever ignores a signal', async (_, status) => {
    const { vault } = played([streamed('{', { ends: 'stalled', status })], { timeout: 300 })
    const reading = watched(vault.exists('a'))
    await pass(299)
    expect(reading.end()).toBeUndefined()
    await pass(1)
    expect(reading.end()).toMatchObject(late)
  })

  it('in the body of a change may have been one', async () => {
    const { vault, sent } = played([streamed('{', { ends: 'stalled' })], { timeout: 300 })
    const writing = watched(vault.write('a', 'x', { id }))
    await pass(300)
    expect(writing.end()).toMatchObject({
      code: 'UNCERTAIN',
      retry: 'now',
      eventIds: [id],
      message: `${server} does not answer: it is not known whether the change took place`,
    })
    expect(sent).toHaveLength(1)
  })

  it('is given up when its caller says so', async () => {
    const stop = new AbortController()
    const { vault } = played([streamed('{', { ends: 'stalled' })])
    const reading = watched(vault.exists('a', { signal: stop.signal }))
    await pass(10)
    stop.abort('enough')
    await pass(0)
    expect(reading.end()).toMatchObject({ code: 'ABORTED', cause: 'enough' })
  })

  it('as a download is given up after a minute of silence while somebody reads', async () => {
    const type = 'application/octet-stream'
    const { vault } = played([streamed('abc', { ends: 'stalled', type })], { timeout: 300 })
    const bytes = vault.backupBytes()
    expect((await bytes.next()).value).toHaveLength(3)
    await pass(10 * 60_000)
    const next = watched(bytes.next())
    await pass(59_999)
    expect(next.end()).toBeUndefined()
    await pass(1)
    expect(next.end()).toMatchObject(late)
  })

  it('as a download is waited for as long as its client waits for anything', async () => {
    const type = 'application/octet-stream'
    const { vault } = played([streamed('abc', { ends: 'stalled', type })], { timeout: 90_000 })
    const bytes = vault.backupBytes()
    await bytes.next()
    const next = watched(bytes.next())
    await pass(89_999)
    expect(next.end()).toBeUndefined()
    await pass(1)
    expect(next.end()).toMatchObject(late)
  })
})

describe('a token that does not come', () => {
  const token = () => new Promise<string>(() => undefined)

  it('ends the call in its time, and was never a change', async () => {
    const { vault, sent } = played([], { token, timeout: 300 })
    const writing = watched(vault.write('a', 'x'))
    await pass(300)
    expect(writing.end()).toMatchObject({
      code: 'TIMEOUT',
      retry: 'now',
      message: 'the token was not given in time',
    })
    expect(sent).toEqual([])
  })

  it('does not keep a caller who gives up', async () => {
    const stop = new AbortController()
    const { vault, sent } = played([], { token })
    const writing = watched(vault.write('a', 'x', { signal: stop.signal }))
    await pass(10)
    stop.abort('enough')
    await pass(0)
    expect(writing.end()).toMatchObject({
      code: 'ABORTED',
      message: 'the caller aborted',
      cause: 'enough',
    })
    expect(sent).toEqual([])
  })

  it('leaves a change uncertain that was sent before', async () => {
    const tokens: (() => Promise<string>)[] = [async () => 't', token]
    const { vault, sent } = played([new TypeError('terminated')], {
      timeout: 900,
      token: () => tokens.shift()?.() ?? 't',
    })
    const writing = watched(vault.write('a', 'x', { id }))
    await pass(900)
    expect(writing.end()).toMatchObject({ code: 'UNCERTAIN', eventIds: [id] })
    expect(sent).toHaveLength(1)
  })
})

describe('a text for a token', () => {
  it.each([
    ['hunter2\n', 'white space around it: trim it'],
    [' hunter2', 'white space around it: trim it'],
    ['', 'nothing'],
    ['hunter2\nx', 'another character'],
    ['hünter2', 'another character'],
    [Buffer.from('hunter2'), 'no text'],
  ])('that cannot be sent is told by what is wrong with it: %j', async (text, found) => {
    const { vault, sent } = played([], { token: () => text as string })
    const error = await vault.exists('a').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'INVALID',
      message: `token must be printable ASCII, found ${found}`,
    })
    expect(String((error as Error).stack)).not.toContain('nter2\n')
    expect(sent).toEqual([])
  })
})

describe('the timeout of a call', () => {
  it('is what the server waits, and is not asked for again', async () => {
    const timedOut = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000))
      return problem('TIMEOUT', 503, { 'retry-after': '1' })
    }
    const { vault, sent } = played([timedOut])
    const looking = watched(vault.projections.get('secrets', { minPosition: 9, timeout: 1000 }))
    await pass(1000)
    expect(looking.end()).toMatchObject({ code: 'TIMEOUT', message: 'expected TIMEOUT' })
    expect(sent).toHaveLength(1)
  })

  it('that the server sets for a position is not asked for again either', async () => {
    const { vault, sent } = played([problem('TIMEOUT', 503, { 'retry-after': '1' })])
    const looking = watched(vault.projections.get('secrets', { minPosition: 9 }))
    await pass(0)
    expect(looking.end()).toMatchObject({ code: 'TIMEOUT' })
    expect(sent).toHaveLength(1)
  })

  it('is what is left of it when it is sent again', async () => {
    const lost = async () => {
      await new Promise((resolve) => setTimeout(resolve, 400))
      throw new TypeError('terminated')
    }
    const { vault, sent } = played([lost, json({ exists: true })])
    const looking = watched(vault.exists('a', { timeout: 1000 }))
    await pass(500)
    expect(looking.end()).toEqual({ value: true })
    const [first, second] = sent.map(({ headers }) => Number(headers['muniment-timeout']))
    expect(first).toBe(1000)
    expect(second).toBeGreaterThanOrEqual(500)
    expect(second).toBeLessThanOrEqual(550)
  })

  it('may be longer than a server waits at one time', async () => {
    const timedOut = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60_000))
      return problem('TIMEOUT', 503, { 'retry-after': '1' })
    }
    const { vault, sent } = played([timedOut, json({ exists: true })])
    const looking = watched(vault.exists('a', { timeout: 90_000 }))
    await pass(61_000)
    expect(looking.end()).toEqual({ value: true })
    expect(sent.map(({ headers }) => headers['muniment-timeout'])).toEqual(['60000', '29000'])
  })

  it('bounds a call that nobody answers, with two seconds for the way', async () => {
    const { vault } = played([() => new Promise(() => undefined)])
    const looking = watched(vault.exists('a', { timeout: 1000 }))
    await pass(2999)
    expect(looking.end()).toBeUndefined()
    await pass(1)
    expect(looking.end()).toMatchObject({ code: 'TIMEOUT', message: `${server} does not answer` })
  })

  it('is for the beginning of a verification, which goes on for as long as it takes', async () => {
    const job = { id: 'a', state: 'running', progress: { position: 0, size: 1 } }
    const waiting = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20_000))
      return json(job)
    }
    const done = json({ ...job, state: 'done', result: { size: 1 } })
    const { vault, sent } = played([json(job), waiting, waiting, done], { timeout: 500 })
    const verifying = watched(vault.verify({ timeout: 1000 }))
    await pass(40_000)
    expect(verifying.end()).toEqual({ value: { size: 1 } })
    expect(sent.map(({ headers }) => headers['muniment-timeout'])).toEqual([
      '1000',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('bounds the tries together', async () => {
    const refused = () => problem('IN_USE', 503, { 'retry-after': '5' })
    const { vault, sent } = played([refused, refused, refused, refused])
    const looking = watched(vault.exists('a', { timeout: 8000 }))
    await pass(5000)
    expect(looking.end()).toMatchObject({ code: 'IN_USE' })
    expect(sent).toHaveLength(2)
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'is none that a clock does not take: %d',
    async (timeout) => {
      const { vault, sent } = played([])
      const invalid = {
        code: 'INVALID',
        message: 'timeout must be an integer from 1 to 2147483647 milliseconds',
      }
      await expect(vault.exists('a', { timeout })).rejects.toMatchObject(invalid)
      expect(() => connect({ server, timeout })).toThrow(expect.objectContaining(invalid))
      expect(sent).toEqual([])
    },
  )

  it('may be the longest that a clock takes', async () => {
    const { vault } = played([json({ exists: true })], { timeout: 2 ** 31 - 1 })
    expect(await vault.exists('a', { timeout: 2 ** 31 - 1 })).toBe(true)
  })
})

describe('a caller who gives up', () => {
  it('while a change waits to be sent again hears that it may have happened', async () => {
    const stop = new AbortController()
    const { vault, sent } = played([new TypeError('terminated')])
    const writing = watched(vault.write('a', 'x', { id, signal: stop.signal }))
    await pass(1)
    stop.abort()
    await pass(0)
    expect(writing.end()).toMatchObject({ code: 'UNCERTAIN', eventIds: [id] })
    expect(sent).toHaveLength(1)
  })

  it('is heard by either of the signals of a report', async () => {
    for (const which of ['pass', 'call'] as const) {
      const stop = { pass: new AbortController(), call: new AbortController() }
      const { vault } = played([() => new Promise(() => undefined)])
      const running = watched(
        vault.reports.run('a', { signal: stop.pass.signal }, { signal: stop.call.signal }),
      )
      await pass(1)
      stop[which].abort('enough')
      await pass(0)
      expect(running.end()).toMatchObject({ cause: 'enough' })
    }
  })
})

describe('a signal that outlives its calls', () => {
  /** Counts what is left on a signal. */
  function counted(signal: AbortSignal): () => number {
    let count = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      count++
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      count--
      remove(...given)
    }
    return () => count
  }

  it('keeps nothing of them, however they end', async () => {
    // What joins signals keeps a trace of each on the first.
    const any = vi.spyOn(AbortSignal, 'any')
    const { signal } = new AbortController()
    const left = counted(signal)
    const row = '{"about":{}}\n{"totals":{}}\n'
    const type = 'application/x-ndjson'
    const { vault } = played(
      [
        json({ exists: true }),
        problem('DENIED', 403),
        () => new Promise(() => undefined),
        streamed(row, { type }),
        streamed('id: 1\ndata: {}\n\n', { type: 'text/event-stream' }),
      ],
      { timeout: 300 },
    )
    await vault.exists('a', { signal })
    await vault.exists('a', { signal }).catch(() => undefined)
    const unanswered = watched(vault.exists('a', { signal }))
    await pass(300)
    expect(unanswered.end()).toMatchObject({ code: 'TIMEOUT' })
    const { rows } = await vault.reports.run('a', { signal }, { signal })
    for await (const _ of rows()) expect.unreachable()
    for await (const _ of vault.audit.follow({ signal })) break
    expect(left()).toBe(0)
    expect(any).not.toHaveBeenCalled()
  })
})
