import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type RemoteVault } from '../../src/client.ts'

const eventAt = (position: number) =>
  `id: ${position}\nevent: secret.denied\ndata: {"position":${position}}\n\n`

/** A client of a server that sends a text, and keeps its connection or loses it after that. */
function served(text: string, { loses = false } = {}): RemoteVault {
  const own: typeof fetch = async (_, init) => {
    const { signal } = init ?? {}
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from(text))
        signal?.addEventListener('abort', () => controller.error(signal.reason))
      },
      // It is asked for more once what there was is taken.
      pull: (controller) => {
        if (loses) controller.error(new TypeError('terminated'))
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return connect({ server: 'http://vault.test', token: 't', fetch: own })
}

/** A client of a server that never answers. */
function unanswered(): RemoteVault {
  const own: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
    })
  return connect({ server: 'http://vault.test', token: 't', fetch: own })
}

describe('a follower that is aborted tells its consumer, and rejects nowhere else:', () => {
  let stop: AbortController
  let unheard: unknown[]
  const onUnheard = (error: unknown) => unheard.push(error)
  beforeEach(() => {
    stop = new AbortController()
    unheard = []
    process.on('unhandledRejection', onUnheard)
  })
  afterEach(async () => {
    // Node tells of them once the work at hand is done.
    await setImmediate()
    process.off('unhandledRejection', onUnheard)
    expect(unheard).toEqual([])
  })
  const aborted = { name: 'VaultError', code: 'ABORTED', message: 'the caller aborted' }

  it('while its consumer has an event, and nothing else is at hand', async () => {
    const positions: number[] = []
    const following = async () => {
      for await (const { position } of served(eventAt(1)).audit.follow({ signal: stop.signal })) {
        positions.push(position)
        stop.abort()
      }
    }
    await expect(following()).rejects.toMatchObject(aborted)
    expect(positions).toEqual([1])
  })

  it('while its consumer has an event, and takes his time with it', async () => {
    const following = async () => {
      for await (const _ of served(eventAt(1)).audit.follow({ signal: stop.signal })) {
        stop.abort()
        await setImmediate()
      }
    }
    await expect(following()).rejects.toMatchObject(aborted)
  })

  it('by a consumer that stops as well', async () => {
    const text = eventAt(1) + eventAt(2)
    for await (const { position } of served(text).audit.follow({ signal: stop.signal })) {
      expect(position).toBe(1)
      stop.abort()
      break
    }
    expect(stop.signal.aborted).toBe(true)
  })

  it('by a consumer that fails as well', async () => {
    const following = async () => {
      for await (const _ of served(eventAt(1)).audit.follow({ signal: stop.signal })) {
        stop.abort()
        throw new RangeError('of his own')
      }
    }
    await expect(following()).rejects.toThrow(new RangeError('of his own'))
  })

  it('while it waits for the next event', async () => {
    const following = served(eventAt(1)).audit.follow({ signal: stop.signal })
    await following.next()
    const second = following.next()
    await setImmediate()
    stop.abort()
    await expect(second).rejects.toMatchObject(aborted)
    expect(await following.next()).toEqual({ done: true, value: undefined })
  })

  it('while it waits to come again', async () => {
    const lost = served(eventAt(1), { loses: true })
    const following = lost.audit.follow({ signal: stop.signal })
    await following.next()
    const second = following.next()
    await setImmediate()
    stop.abort()
    await expect(second).rejects.toMatchObject(aborted)
  })

  it('before it is answered', async () => {
    const following = unanswered().audit.follow({ signal: stop.signal })
    const first = following.next()
    await setImmediate()
    stop.abort()
    await expect(first).rejects.toMatchObject(aborted)
  })
})
