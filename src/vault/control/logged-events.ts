import type { CommitPlain } from '../../log/commit.ts'
import { readCommits } from '../../log/reader.ts'
import type { Calls } from '../calls.ts'
import { type ReplayOptions, sizeOf } from '../replay.ts'
import { lookAtAll } from '../whole-trail.ts'

/** Events of the log, one behind the other as they are stored. */
export interface LoggedEvents {
  /** Position of the first of them. */
  readonly first: number
  readonly bytes: Uint8Array
  /** Where each of them ends in `bytes`; each begins where the one before ends. */
  readonly ends: readonly number[]
}

/** Events that are handed over together, and their bytes: commits are mostly small. */
const eventsMax = 512
const bytesMax = 256 * 1024

/**
 * The log's events up to a moment, for somebody who folds them himself; first how many there are. On record as the replay
 * of that projection is. Throws `INVALID`, `ABORTED`.
 */
export async function* loggedEvents(
  calls: Calls,
  projection: string,
  { at, ...options }: ReplayOptions = {},
): AsyncGenerator<{ readonly size: number } | LoggedEvents, void, void> {
  const { log, size } = await calls.inspect(options, async (inspector) => {
    const { log } = inspector
    const size = at === undefined ? log.size : await sizeOf(log, at, 'at')
    const filter = { projection, ...(size > 0 && { position: size - 1 }) }
    await lookAtAll(inspector, filter)
    return { log, size }
  })
  yield { size }
  const { signal } = options
  let some = gathered(0)
  for await (const { first, plain } of readCommits(log, {
    from: 0,
    to: size,
    ...(signal && { signal }),
  })) {
    some.add(plain, size - first)
    if (!some.isFull) continue
    yield some.events()
    some = gathered(some.next)
  }
  if (some.next > some.first) yield some.events()
}

/** Events of one commit after another. */
function gathered(first: number) {
  const pieces: Uint8Array[] = []
  const ends: number[] = []
  let length = 0
  return {
    first,
    get next() {
      return first + ends.length
    },
    get isFull() {
      return ends.length >= eventsMax || length >= bytesMax
    },
    /** @param most how many of them are wanted */
    add({ buffer, spans }: CommitPlain, most: number) {
      for (const [start, end] of spans.slice(0, most)) {
        pieces.push(buffer.subarray(start, end))
        length += end - start
        ends.push(length)
      }
    },
    events: (): LoggedEvents => ({ first, bytes: Buffer.concat(pieces), ends }),
  }
}
