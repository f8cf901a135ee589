import { VaultError, type VaultErrorCode } from '../errors.ts'
import type { Asking } from './asking.ts'
import { EventStreamReader, type ReceivedBlock } from './event-source.ts'
import { failureOf, parsedAnswer } from './failure.ts'
import { backOff, wait } from './retries.ts'
import type { Server } from './server.ts'

/** Milliseconds of silence after which nobody is there any more: a server shows itself every 15,000. */
const silenceMsMax = 40_000

/** What a connection that was lost, or a server that is being restarted, comes to. */
const passing: readonly VaultErrorCode[] = ['CLOSED', 'TIMEOUT', 'IN_USE', 'FAILED', 'ABORTED']

export interface ReceivedEvent {
  /** A position of the log. */
  readonly id: number
  readonly data: unknown
}

export interface Receiving {
  readonly asking: Asking
  /** What is behind this position. */
  readonly after?: number | undefined
  /** Told once the first connection has begun. */
  readonly onBegin?: () => void
  /** Told where there is nothing to give, up to which position everything was given, if the server says so. */
  readonly onRest: (position: number | undefined) => void
}

/**
 * The events that a server sends, each once: a connection that is lost, or on which nobody shows himself any more, is made
 * again and goes on behind the last of them, for as long as it takes. It ends, or throws, as the server says that it ended.
 * Throws what the first connection throws, `DENIED` whenever the token has ended, `ABORTED`.
 */
export async function* receivedEvents(
  server: Server,
  { asking, after, onBegin, onRest }: Receiving,
): AsyncGenerator<ReceivedEvent, void, void> {
  const signal = asking.call?.signal
  const stream: Stream = { last: after, hasBegun: false, tries: 0, retry: 0, onBegin }
  for (;;) {
    let end: string | undefined
    try {
      for await (const block of blocksOf(server, asking, stream)) {
        const { id, event, data } = block
        if (id !== undefined && /^\d+$/.test(id)) stream.last = Number(id)
        if (event === 'end') end = data ?? '{}'
        if (end !== undefined) break
        if (data === undefined) onRest(id === undefined ? undefined : stream.last)
        else yield { id: stream.last ?? -1, data: parsedAnswer(data) }
      }
    } catch (error) {
      if (!isPassing(error) || signal?.aborted === true || !stream.hasBegun) throw error
    }
    if (end !== undefined) return expectSound(end, asking)
    const { tries, retry } = stream
    await wait(Math.max(backOff(tries), tries === 0 ? 0 : retry), signal)
    stream.tries++
  }
}

/** What is known of a stream, from one connection to the next. */
interface Stream {
  last: number | undefined
  hasBegun: boolean
  tries: number
  retry: number
  readonly onBegin: (() => void) | undefined
}

/** The blocks that one connection brings. */
async function* blocksOf(
  server: Server,
  asking: Asking,
  stream: Stream,
): AsyncGenerator<ReceivedBlock, void, void> {
  const { call = {} } = asking
  const silent = new AbortController()
  const signal = call.signal ? AbortSignal.any([call.signal, silent.signal]) : silent.signal
  const reader = new EventStreamReader()
  const decoder = new TextDecoder()
  const pieces = server.bytes({
    ...asking,
    accept: 'text/event-stream',
    call: { ...call, signal },
    onAnswer: () => {
      if (!stream.hasBegun) stream.onBegin?.()
      stream.hasBegun = true
    },
    ...(stream.last !== undefined && { headers: { 'last-event-id': String(stream.last) } }),
  })
  try {
    for (;;) {
      const piece = await within(pieces.next(), silent)
      if (piece.done === true) return
      for (const block of reader.read(decoder.decode(piece.value, { stream: true }))) {
        stream.tries = 0
        stream.retry = reader.retry ?? 0
        yield block
      }
    }
  } finally {
    await pieces.return()
  }
}

/** Whoever takes his time with an event does not wait for the server meanwhile. */
async function within<T>(piece: Promise<T>, silent: AbortController): Promise<T> {
  const timer = setTimeout(() => silent.abort(), silenceMsMax)
  try {
    return await piece
  } finally {
    clearTimeout(timer)
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof VaultError && passing.includes(error.code)
}

/** Throws the problem that a stream ended with, if it did with one. */
function expectSound(data: string, asking: Asking): void {
  const { problem } = Object(parsedAnswer(data)) as { readonly problem?: unknown }
  if (problem !== undefined) throw failureOf(problem, { asking, origin: '' })
}
