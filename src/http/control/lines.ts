import type { FastifyReply } from 'fastify'

/** Lines of JSON that go out one by one, as fast as they are read. */
export interface Lines {
  /** Resolves once more can be taken, or nobody reads any more. */
  line(text: string): Promise<void>
  /** Aborts when the client goes away before the end. */
  readonly signal: AbortSignal
  end(): void
}

/** Lines are gathered until a write of them is worth its while, or other work has had its turn. */
const gatheredCharsMax = 64 * 1024

/**
 * Takes a reply over, for lines.
 *
 * @param gone aborts when the client goes away before the end
 */
export function linesOf(reply: FastifyReply, gone: AbortSignal): Lines {
  reply.hijack()
  const { raw } = reply
  let gathered = ''
  let flushing: NodeJS.Immediate | undefined
  const flush = () => {
    clearImmediate(flushing)
    flushing = undefined
    const text = gathered
    gathered = ''
    if (!gone.aborted) raw.write(text)
  }
  raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  return {
    line: async (text) => {
      gathered += `${text}\n`
      if (gathered.length > gatheredCharsMax) flush()
      else flushing ??= setImmediate(flush)
      if (raw.writableNeedDrain && !gone.aborted) await drained(raw, gone)
    },
    signal: gone,
    end: () => {
      clearImmediate(flushing)
      raw.end(gathered)
    },
  }
}

function drained(raw: FastifyReply['raw'], gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      raw.off('drain', done)
      gone.removeEventListener('abort', done)
      resolve()
    }
    raw.once('drain', done)
    gone.addEventListener('abort', done, { once: true })
  })
}
