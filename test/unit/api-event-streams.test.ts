import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Listening, listen } from '../../src/http/listen.ts'
import { rootToken, type ServedApp, serve } from '../fixtures/http.ts'

/** A connection on which everything that comes is kept. */
class Reader {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  text = ''

  constructor(port: number, path: string, headers: readonly string[] = []) {
    this.socket = connect(port, '127.0.0.1')
    this.closed = once(this.socket, 'close')
    this.socket.on('error', () => undefined)
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      this.text += text
    })
    const lines = [`GET ${path} HTTP/1.1`, 'Host: x', `X-Vault-Token: ${rootToken}`, ...headers]
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  }

  async has(part: string | RegExp): Promise<void> {
    const isThere = () =>
      typeof part === 'string' ? this.text.includes(part) : part.test(this.text)
    while (!isThere()) await once(this.socket, 'data')
  }
}

describe('streams of events', () => {
  let served: ServedApp
  let server: Listening
  let port: number
  const readers: Reader[] = []
  beforeEach(async () => {
    served = await serve({ a: 'one', b: 'x' })
    server = await listen(served.app, { port: 0 })
    port = Number(new URL(server.address).port)
  })
  afterEach(async () => {
    for (const { socket } of readers.splice(0)) socket.destroy()
    await server.close({ graceMs: 0 })
    await served.close()
    vi.useRealTimers()
  })
  const read = (path: string, headers: readonly string[] = []) => {
    const reader = new Reader(port, path, headers)
    readers.push(reader)
    return reader
  }
  const accessesOf = async (path: string) => (await served.vault.describe(path)).accessCount

  it('gives each event its position as id, its type as name and itself as data', async () => {
    const { position } = await served.vault.write('a', 'two')
    const reader = read(`/api/v1/audit/follow?subject=a&after=${position - 1}`)
    await reader.has(/id: \d+\nevent: secret.written\ndata: \{.*\}\n\n/)
    const [, id, data = ''] =
      /id: (\d+)\nevent: secret.written\ndata: (.*)\n\n/.exec(reader.text) ?? []
    expect(Number(id)).toBe(position)
    expect(JSON.parse(data)).toMatchObject({ position, subject: 'a', type: 'secret.written' })
    expect(reader.text).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(reader.text.toLowerCase()).toContain('content-type: text/event-stream\r\n')
    expect(reader.text).toContain('retry: 1000\n')
    expect(reader.text).not.toContain('"box"')
  })

  it('takes the id of the last event over where it was told to begin', async () => {
    const { position } = await served.vault.write('a', 'two')
    const next = await served.vault.write('a', 'three')
    const reader = read('/api/v1/audit/follow?subject=a&after=0', [`Last-Event-ID: ${position}`])
    await reader.has(`id: ${next.position}\n`)
    expect(reader.text).not.toContain(`id: ${position}\n`)
  })

  it.each([
    ['an id that is no position', 'Last-Event-ID: x', 'header last-event-id must be a position'],
    ['who takes no events', 'Accept: application/json', 'answers with text/event-stream'],
  ])('refuses %s before it begins', async (_, header, detail) => {
    for (const path of ['audit/follow', 'secrets/a/watch']) {
      const reader = read(`/api/v1/${path}`, [header])
      await reader.has('"code":"INVALID"')
      expect(reader.text).toContain('HTTP/1.1 400 ')
      expect(reader.text).toContain(detail)
    }
  })

  it('refuses a secret that is not there before it begins', async () => {
    const reader = read('/api/v1/secrets/nowhere/watch')
    await reader.has('"code":"NOT_FOUND"')
    expect(reader.text).toContain('HTTP/1.1 404 ')
  })

  it('shows itself every 15 seconds, and moves the id on where there is nothing to give', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const reader = read('/api/v1/audit/follow?subject=nowhere')
    await reader.has(/:\nid: \d+\n\n/)
    const seen = Number(/id: (\d+)/.exec(reader.text)?.[1])
    expect(seen).toBeGreaterThan(0)
    reader.text = ''
    vi.advanceTimersByTime(15_000)
    await reader.has(`:\nid: ${seen}\n\n`)
  })

  it('delivers a value once, and reads nothing for whoever has the newest', async () => {
    const { position } = await served.vault.write('a', 'two')
    const reader = read('/api/v1/secrets/a/watch', [`Last-Event-ID: ${position}`])
    await reader.has(':\n\n')
    expect(await accessesOf('a')).toBe(0)
    const { position: newer } = await served.vault.write('a', 'three')
    await reader.has(`id: ${newer}\nevent: value\ndata: `)
    expect(reader.text).toContain('"value":{"text":"three"}')
    expect(await accessesOf('a')).toBe(1)
  })

  it('ends with the problem, where there is one', async () => {
    const reader = read('/api/v1/secrets/a/watch')
    await reader.has('event: value')
    await served.vault.delete('a')
    await reader.has(/event: end\ndata: \{"problem":\{.*"code":"DELETED".*\}\}\n\n/)
    await reader.has('\r\n0\r\n\r\n')
  })

  it('delivers nothing more once its client has gone', async () => {
    const reader = read('/api/v1/secrets/a/watch')
    await reader.has('event: value')
    reader.socket.resetAndDestroy()
    await reader.closed
    // Whoever asks later is answered later: the server has seen the other one go.
    await read('/api/v1/secrets/b/exists').has('"exists":true')
    await served.vault.write('a', 'two')
    await read('/api/v1/secrets/b/exists').has('"exists":true')
    expect(await accessesOf('a')).toBe(1)
  })

  it('ends at once when the server closes, and without an end that would keep its reader away', async () => {
    const follower = read('/api/v1/audit/follow?subject=nowhere')
    const watcher = read('/api/v1/secrets/a/watch')
    await follower.has(':\nid: ')
    await watcher.has('event: value')
    const began = performance.now()
    await server.close()
    expect(performance.now() - began).toBeLessThan(5_000)
    await Promise.all([follower.closed, watcher.closed])
    expect(follower.text + watcher.text).not.toContain('event: end')
  })

  it('holds back what it has for a reader who does not read, and others have theirs', async () => {
    const big = 'x'.repeat(300_000)
    const slow = read('/api/v1/secrets/b/watch')
    await slow.has('event: value')
    slow.socket.pause()
    const quick = read('/api/v1/audit/follow?subject=b&type=secret.written')
    await quick.has('event: secret.written')
    for (let i = 0; i < 60; i++) {
      const { position } = await served.vault.write('b', `${i}${big}`)
      await quick.has(`id: ${position}\n`)
    }
    const { position } = await served.vault.write('b', 'last')
    await quick.has(`id: ${position}\n`)
    // What the connection itself holds, and not sixty values.
    expect(await accessesOf('b')).toBeLessThan(50)
    slow.socket.resume()
    await slow.has('"value":{"text":"last"}')
    const versions = [...slow.text.matchAll(/"version":(\d+)/g)].map(([, each]) => Number(each))
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b))
    expect(await accessesOf('b')).toBe(versions.length)
  })
})

describe('the audit trail over HTTP', () => {
  it('is all that matches as lines of JSON, and a page otherwise', async () => {
    const served = await serve({})
    for (let i = 0; i < 30; i++) await served.vault.write(`p/${i}`, 'x')
    const url = '/api/v1/audit?subject=p/**'
    const accept = 'application/x-ndjson'
    const headers = { 'x-vault-token': rootToken, accept }
    const lines = await served.app.inject({ method: 'GET', url, headers })
    const events = lines.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.headers['content-type']).toBe(accept)
    expect(events.map(({ subject }) => subject)).toEqual(
      Array.from({ length: 30 }, (_, i) => `p/${i}`),
    )
    const page = await served.ask('GET', `${url}&limit=20`)
    expect(page.body.next).toBe(events[19].position)
    expect(page.body.events).toEqual(events.slice(0, 20))
    const refused = await served.ask('GET', `${url}&limit=20`, { headers: { accept } })
    const detail = 'query.limit is of a page: lines of JSON have none'
    expect(refused.body).toMatchObject({ status: 400, detail })
    await served.close()
  })

  it('says what a page is about where nothing matches', async () => {
    const served = await serve({})
    const { size } = await served.vault.health()
    const page = await served.ask('GET', `/api/v1/audit?subject=nowhere&size=${size}`)
    expect(page.body).toEqual({ events: [], size })
    await served.close()
  })
})
