import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, type RemoteVault } from '../../src/client.ts'

/** One connection of a server that this test plays. */
interface Connection {
  readonly path: string
  readonly lastEventId: string | null
  send(text: string): void
  /** As a server that lets go, or a network that fails. */
  end(): void
  lose(): void
  readonly aborted: AbortSignal
}

type Answer = (connection: Connection) => Response | undefined

/** A client, and each connection that it makes. Unless `answer` gives something else, each is an event stream. */
function played(answer: Answer = () => undefined): {
  readonly vault: RemoteVault
  readonly next: () => Promise<Connection>
  readonly count: () => number
} {
  const made: Connection[] = []
  const wanted: ((connection: Connection) => void)[] = []
  let count = 0
  const own: typeof fetch = async (input, init) => {
    const { pathname, search } = new URL(String(input))
    const aborted = init?.signal ?? new AbortController().signal
    let writer: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        writer = controller
        aborted.addEventListener('abort', () => controller.error(aborted.reason))
      },
    })
    const connection: Connection = {
      path: `${pathname}${search}`,
      lastEventId: new Headers(init?.headers).get('last-event-id'),
      send: (text) => writer?.enqueue(Buffer.from(text)),
      end: () => writer?.close(),
      lose: () => writer?.error(new TypeError('terminated')),
      aborted,
    }
    count++
    const other = answer(connection)
    if (other !== undefined) return other
    const waiting = wanted.shift()
    if (waiting === undefined) made.push(connection)
    else waiting(connection)
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return {
    vault: connect({ server: 'http://vault.test', token: 't', fetch: own }),
    next: () => {
      const first = made.shift()
      if (first !== undefined) return Promise.resolve(first)
      return new Promise((resolve) => wanted.push(resolve))
    },
    count: () => count,
  }
}

const eventAt = (position: number) =>
  `id: ${position}\nevent: secret.denied\ndata: {"position":${position}}\n\n`

const problem = (code: string, status: number) =>
  new Response(JSON.stringify({ code, detail: 'no', retry: 'never' }), { status })

describe('a follower through the client', () => {
  let stop: AbortController
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    stop = new AbortController()
  })
  afterEach(() => {
    stop.abort()
    vi.useRealTimers()
  })
  const positionsOf = (following: AsyncGenerator<{ readonly position: number }>) => {
    const positions: number[] = []
    const ended = (async () => {
      for await (const { position } of following) positions.push(position)
    })()
    ended.catch(() => undefined)
    return { positions, ended }
  }

  it.each(['end', 'lose'] as const)('goes on where a connection stopped: %s', async (how) => {
    const { vault, next } = played()
    const { positions } = positionsOf(vault.audit.follow({ after: 6, signal: stop.signal }))
    const first = await next()
    expect([first.path, first.lastEventId]).toEqual(['/api/v1/audit/follow?after=6', null])
    first.send(`retry: 10\n${eventAt(7)}${eventAt(9)}id: 10\ndata: half an ev`)
    await vi.waitUntil(() => positions.length === 2)
    first[how]()
    await vi.advanceTimersByTimeAsync(200)
    const second = await next()
    expect(second.lastEventId).toBe('9')
    second.send(eventAt(10))
    await vi.waitUntil(() => positions.length === 3)
    expect(positions).toEqual([7, 9, 10])
  })

  it('goes on where the server said that there was nothing', async () => {
    const { vault, next } = played()
    const rests: number[] = []
    const onCaughtUp = (position: number) => rests.push(position)
    positionsOf(vault.audit.follow({ type: 'secret.denied', onCaughtUp, signal: stop.signal }))
    const first = await next()
    first.send(':\nid: 41\n\n:\n\n')
    await vi.waitUntil(() => rests.length === 1)
    first.end()
    await vi.advanceTimersByTimeAsync(200)
    expect((await next()).lastEventId).toBe('41')
    expect(rests).toEqual([41])
  })

  it('takes a server for dead that does not show itself', async () => {
    const { vault, next } = played()
    const { positions } = positionsOf(vault.audit.follow({ signal: stop.signal }))
    const first = await next()
    first.send(eventAt(3))
    await vi.waitUntil(() => positions.length === 1)
    await vi.advanceTimersByTimeAsync(30_000)
    first.send(':\n\n')
    await vi.advanceTimersByTimeAsync(39_000)
    expect(first.aborted.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1_200)
    expect(first.aborted.aborted).toBe(true)
    expect((await next()).lastEventId).toBe('3')
  })

  it('comes again for as long as it takes, and ever more slowly', async () => {
    let down = false
    const { vault, next, count } = played(() => (down ? problem('CLOSED', 503) : undefined))
    const { positions } = positionsOf(vault.audit.follow({ signal: stop.signal }))
    const first = await next()
    first.send(`retry: 1000\n${eventAt(3)}`)
    await vi.waitUntil(() => positions.length === 1)
    down = true
    first.lose()
    await vi.advanceTimersByTimeAsync(120_000)
    const tries = count()
    expect(tries).toBeGreaterThan(8)
    expect(tries).toBeLessThan(140)
    down = false
    await vi.advanceTimersByTimeAsync(10_000)
    expect((await next()).lastEventId).toBe('3')
  })

  it('does not come again to who refuses it', async () => {
    let refused = false
    const { vault, next, count } = played(() => (refused ? problem('DENIED', 401) : undefined))
    const { ended } = positionsOf(vault.audit.follow({ signal: stop.signal }))
    const first = await next()
    refused = true
    first.send('retry: 1\n\n')
    await vi.advanceTimersByTimeAsync(10)
    first.end()
    await vi.advanceTimersByTimeAsync(200)
    await expect(ended).rejects.toMatchObject({ name: 'VaultError', code: 'DENIED' })
    expect(count()).toBe(2)
  })

  it.each([
    ['without a problem', '{}', undefined],
    ['with one', '{"problem":{"code":"CLOSED","detail":"the vault is closed"}}', 'CLOSED'],
  ])('ends as the server says that it ended, %s', async (_, data, code) => {
    const { vault, next, count } = played()
    const { ended } = positionsOf(vault.audit.follow({ signal: stop.signal }))
    const first = await next()
    first.send(`${eventAt(1)}event: end\ndata: ${data}\n\n${eventAt(2)}`)
    if (code === undefined) await ended
    else await expect(ended).rejects.toMatchObject({ code, message: 'the vault is closed' })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(count()).toBe(1)
  })

  it('lets go of its connection when its consumer stops', async () => {
    const { vault, next } = played()
    const following = vault.audit.follow({ signal: stop.signal })
    const first = following.next()
    const connection = await next()
    connection.send(eventAt(1))
    await first
    await following.return()
    expect(() => connection.send(eventAt(2))).toThrow('Controller is already closed')
  })

  it('gives up while it waits to come again', async () => {
    const { vault, next } = played()
    const { ended } = positionsOf(vault.audit.follow({ signal: stop.signal }))
    const first = await next()
    first.send(':\n\n')
    await vi.advanceTimersByTimeAsync(10)
    first.lose()
    await vi.advanceTimersByTimeAsync(10)
    stop.abort()
    await expect(ended).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('a watch through the client', () => {
  it('gives no version twice in a row, whatever a server sends', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { vault, next } = played()
    const stop = new AbortController()
    const value = (position: number, text: string) =>
      `id: ${position}\nevent: value\ndata: {"path":"a","version":1,"position":${position},"type":"generic","value":{"text":"${text}"}}\n\n`
    const texts: string[] = []
    const ended = (async () => {
      for await (const secret of vault.watch('a', { signal: stop.signal }))
        texts.push(secret.text())
    })()
    const first = await next()
    first.send(value(4, 'one'))
    await vi.waitUntil(() => texts.length === 1)
    first.lose()
    await vi.advanceTimersByTimeAsync(200)
    const second = await next()
    expect(second.lastEventId).toBe('4')
    second.send(value(4, 'one') + value(6, 'two'))
    await vi.waitUntil(() => texts.length === 2)
    expect(texts).toEqual(['one', 'two'])
    stop.abort()
    await expect(ended).rejects.toMatchObject({ code: 'ABORTED' })
    vi.useRealTimers()
  })
})
