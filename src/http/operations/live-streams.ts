import type { FastifyReply } from 'fastify'

/** How long a stream may take to end by itself once it is told to. */
const endingMs = 500

/**
 * The streams of events that are being read. They have no end of their own, so a server that closes ends them at once:
 * a reader comes again with the id of the last event that it had, and misses nothing.
 */
export class LiveStreams {
  readonly #open = new Map<FastifyReply, () => void>()
  #hasEnded = false

  get size(): number {
    return this.#open.size
  }

  /** @param stop ends what the stream is made of */
  begun(reply: FastifyReply, stop: () => void): void {
    this.#open.set(reply, stop)
    reply.raw.once('close', () => this.#open.delete(reply))
    if (this.#hasEnded) this.#end(reply, stop)
  }

  /** Ends those that there are, and each that begins from here on. */
  end(): void {
    this.#hasEnded = true
    for (const [reply, stop] of this.#open) this.#end(reply, stop)
  }

  #end({ raw }: FastifyReply, stop: () => void): void {
    stop()
    const timer = setTimeout(() => raw.destroy(), endingMs)
    raw.once('close', () => clearTimeout(timer))
  }
}
