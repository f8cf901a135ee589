import type { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { VaultError } from '../../index.ts'
import { headerOf, originOf } from '../caller.ts'
import { Streamed } from './operation.ts'
import { problemOf } from './problem.ts'

/** Events as the server sends them (WHATWG HTML, §9.2). */
export const eventStreamType = 'text/event-stream'

/** Both ends learn by it that the other one is there. */
const heartbeatMs = 15_000
/** What a reader of its own waits before it comes again. */
const retryMs = 1_000
/** Proxies that gather what passes through them would keep it. */
const unbuffered = { 'x-accel-buffering': 'no' }

export interface SentEvent {
  /** A position of the log: whoever comes again says it, in `Last-Event-ID`. */
  readonly id: number
  readonly event: string
  readonly data: unknown
}

/** What a source of events tells besides. */
interface Progress {
  /** It has begun: what it throws from here on ends a stream that is being read. */
  onBegin(): void
  /** All that there is was given, up to this position: a reader who comes again goes on from there. */
  onCaughtUp(position?: number): void
}

interface Source<T> {
  /** What is sent, one by one. */
  readonly items: (progress: Progress) => AsyncGenerator<T, void, void>
  readonly eventOf: (item: T) => SentEvent
  /** How often it shows that it is there, instead of every 15,000 milliseconds. */
  readonly heartbeat?: number
}

/** The position that whoever comes again has seen last. Throws `INVALID` for what is none. */
export function lastEventId(request: FastifyRequest): number | undefined {
  const said = headerOf(request, 'last-event-id')
  if (said === undefined || said === '') return undefined
  if (/^\d{1,15}$/.test(said)) return Number(said)
  throw new VaultError('INVALID', 'header last-event-id must be a position: an integer from 0')
}

/**
 * Each item as an event, as fast as they are read: the next is asked for once the connection has taken the one before. It
 * ends with an event `end`, whose data hold the problem where there is one; or without, where the server lets go of it.
 *
 * Resolves once it has begun; what is thrown before is thrown.
 */
export async function eventStream<T>(
  request: FastifyRequest,
  { items, eventOf, heartbeat = heartbeatMs }: Source<T>,
): Promise<Streamed> {
  const inbox = new Inbox<T>()
  inbox.take(items(inbox))
  await inbox.begun()
  const pieces = piecesOf(inbox, { request, eventOf, heartbeat })
  return new Streamed(eventStreamType, pieces, unbuffered)
}

async function* piecesOf<T>(
  inbox: Inbox<T>,
  {
    request,
    eventOf,
    heartbeat,
  }: Pick<Source<T>, 'eventOf'> & { readonly request: FastifyRequest; readonly heartbeat: number },
): AsyncGenerator<string, void, void> {
  const { signal } = originOf(request)
  const { socket } = request.raw
  const timer = setInterval(() => inbox.beat(), heartbeat)
  let sent = -1
  try {
    yield `retry: ${retryMs}\n`
    while (!signal.aborted) {
      await drained(socket, signal)
      const news = await inbox.next()
      if (news === 'beat') {
        // Whoever does not read is not written to.
        if (socket.writableNeedDrain !== true) yield beatOf(inbox.position, sent)
        sent = Math.max(sent, inbox.position)
      } else if (news.done === true) {
        yield eventText({ event: 'end', data: {} })
        return
      } else {
        const event = eventOf(news.value)
        sent = event.id
        yield eventText(event)
      }
    }
  } catch (error) {
    // Nobody is there to read it.
    if (error instanceof VaultError && error.code === 'ABORTED') return
    yield eventText({ event: 'end', data: { problem: problemOf(error, request.id) } })
  } finally {
    clearInterval(timer)
    inbox.end()
  }
}

/** An id alone is no event, and still what a reader comes again with (§9.2.6): up to there he has all that there was. */
function beatOf(position: number, sent: number): string {
  return position >= 0 && position >= sent ? `:\nid: ${position}\n\n` : ':\n\n'
}

function eventText({ id, event, data }: Partial<SentEvent>): string {
  const named = id === undefined ? '' : `id: ${id}\n`
  return `${named}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/** What comes of a generator, or of a clock: whichever is first. A race would keep a trace of each time that it was run. */
class Inbox<T> implements Progress {
  /** Up to where all was given, as far as that was told. */
  position = -1
  #items: AsyncGenerator<T, void, void> | undefined
  #result: IteratorResult<T, void> | undefined
  #failure: { readonly error: unknown } | undefined
  #isAsked = false
  #hasBegun = false
  #hasRested = false
  #isBeat = false
  #wake: () => void = () => undefined

  /** Asks for the first. */
  take(items: AsyncGenerator<T, void, void>): void {
    this.#items = items
    this.#ask()
  }

  onBegin(): void {
    this.#hasBegun = true
    this.#wake()
  }

  /** The first time, whoever reads is told at once. */
  onCaughtUp(position?: number): void {
    if (position !== undefined) this.position = position
    if (!this.#hasRested) this.beat()
    this.#hasRested = true
    this.onBegin()
  }

  beat(): void {
    this.#isBeat = true
    this.#wake()
  }

  /** Throws what came before there was anything else. */
  async begun(): Promise<void> {
    while (!this.#hasBegun && this.#result === undefined) {
      this.#expectSound()
      await this.#news()
    }
    this.#expectSound()
  }

  /** The next item, or that it is time for a sign of life. Throws what the items throw. */
  async next(): Promise<IteratorResult<T, void> | 'beat'> {
    this.#ask()
    for (;;) {
      this.#expectSound()
      const result = this.#result
      if (result !== undefined) {
        this.#result = undefined
        this.#isAsked = false
        return result
      }
      if (this.#isBeat) {
        this.#isBeat = false
        return 'beat'
      }
      await this.#news()
    }
  }

  end(): void {
    this.#items?.return().catch(() => undefined)
  }

  #ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    this.#items?.next().then(
      (result) => {
        this.#result = result
        this.#wake()
      },
      (error: unknown) => {
        this.#failure = { error }
        this.#wake()
      },
    )
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #expectSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** Resolves once the connection takes more, or nobody reads any more. */
function drained(socket: Socket, signal: AbortSignal): Promise<void> | undefined {
  if (socket.writableNeedDrain !== true || signal.aborted) return undefined
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    socket.once('drain', done)
    signal.addEventListener('abort', done, { once: true })
  })
}
