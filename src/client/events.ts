import { VaultError, type VaultErrorCode } from '../errors.ts'
import type { Asking } from './asking.ts'
import { EventStreamReader, type ReceivedBlock } from './event-source.ts'
import { answerIn, refusedBy } from './failure.ts'
import { backOff, delayMsMax, wait } from './retries.ts'
import type { Server } from './server.ts'

/** Milliseconds of silence after which nobody is there any more: a server shows itself every 15,000. */
const silenceMsMax = 40_000
/** The longest that a server is let have its readers stay away. */
const retryMsMax = 30_000

/** What a connection that was lost, or a server that is being restarted or short of something, comes to. */
const passing: readonly VaultErrorCode[] = [
  'CLOSED',
  'TIMEOUT',
  'IN_USE',
  'FAILED',
  'ABORTED',
  'NO_SPACE',
  'CLOCK',
  'UNCERTAIN',
]

export interface ReceivedEvent<T> {
  /** A position of the log. */
  readonly id: number
  readonly data: T
}

export interface Receiving<S extends object, T> {
  readonly asking: Asking
  /** What is behind this position. */
  readonly after?: number | undefined
  /** Makes what an event says of its data, a JSON object. */
  readonly read: (said: S) => T
  /** Told once the first connection has begun. */
  readonly onBegin?: () => void
  /** Told where there is nothing to give, up to which position everything was given, if the server says so. */
  readonly onRest: (position: number | undefined) => void
}

/**
 * The events that a server sends, each once: a connection that is lost, or on which nobody shows himself any more, is made
 * again and goes on behind the last of them, for as long as it takes, later each time, up to 5,000 milliseconds. So it is
 * where the server refuses what may pass (`CLOSED`, `TIMEOUT`, `IN_USE`, `FAILED`, `ABORTED`, `NO_SPACE`, `CLOCK`,
 * `UNCERTAIN`). It ends, or throws, as the server says that it ended. Throws what the first connection throws, any other
 * refusal (`DENIED` once the token has ended), `UNSUPPORTED` where what answers sends no events, `ABORTED`.
 */
export async function* receivedEvents<S extends object, T>(
  server: Server,
  { asking, after, read, onBegin, onRest }: Receiving<S, T>,
): AsyncGenerator<ReceivedEvent<T>, void, void> {
  const signal = asking.call?.signal
  const stream: Stream = { last: after, hasBegun: false, isNew: false, retry: 0, onBegin }
  for (let tries = 0; ; tries++) {
    let end: string | undefined
    const began = performance.now()
    stream.isNew = false
    try {
      for await (const block of blocksOf(server, asking, stream)) {
        const { id, event, data } = block
        if (id !== undefined && /^\d+$/.test(id)) moveOn(stream, Number(id))
        if (event === 'end') end = data ?? '{}'
        if (end !== undefined) break
        if (data === undefined) onRest(id === undefined ? undefined : stream.last)
        else yield { id: stream.last ?? -1, data: answerIn(data, read) }
      }
    } catch (error) {
      if (!isPassing(error) || signal?.aborted === true || !stream.hasBegun) throw error
    }
    if (end !== undefined) return expectSound(end)
    // One that gave nothing, and at once, is no better than none.
    if (stream.isNew || performance.now() - began > delayMsMax) tries = 0
    await wait(Math.max(backOff(tries), tries === 0 ? 0 : stream.retry), signal)
  }
}

/** What is known of a stream, from one connection to the next. */
interface Stream {
  last: number | undefined
  hasBegun: boolean
  /** Whether this connection told something that was not known. */
  isNew: boolean
  /** Milliseconds that the server would have its readers stay away. */
  retry: number
  readonly onBegin: (() => void) | undefined
}

function moveOn(stream: Stream, id: number): void {
  if (id > (stream.last ?? -1)) stream.isNew = true
  stream.last = id
}

/** The blocks that one connection brings. Whoever takes his time with one does not wait for the server meanwhile. */
async function* blocksOf(
  server: Server,
  asking: Asking,
  stream: Stream,
): AsyncGenerator<ReceivedBlock, void, void> {
  const reader = new EventStreamReader()
  const decoder = new TextDecoder()
  const pieces = server.bytes({
    ...asking,
    accept: 'text/event-stream',
    silenceMs: silenceMsMax,
    onAnswer: () => {
      if (!stream.hasBegun) stream.onBegin?.()
      stream.hasBegun = true
    },
    ...(stream.last !== undefined && { headers: { 'last-event-id': String(stream.last) } }),
  })
  for await (const piece of pieces) {
    for (const block of reader.read(decoder.decode(piece, { stream: true }))) {
      if (reader.retry !== undefined) stream.retry = Math.min(reader.retry, retryMsMax)
      yield block
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof VaultError && passing.includes(error.code)
}

/** Throws the problem that a stream ended with, if it did with one. */
function expectSound(data: string): void {
  const { problem } = answerIn(data, (said: { readonly problem?: unknown }) => said)
  if (problem !== undefined) throw refusedBy(problem)
}
