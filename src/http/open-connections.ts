import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The connections of a server, and which of them have a request that is still to be answered. `node:http` itself takes
 * one on which no request has come yet for a busy one, and would wait for it when it closes.
 */
export class OpenConnections {
  readonly #open = new Set<Socket>()
  /** Those whose handshake is under way, too: `node:http` does not know them. */
  readonly #accepted = new Set<Socket>()
  readonly #asked = new Map<Socket, number>()
  #ending = false

  /** @param accepted the server's event for a connection that can be used: `secureConnection` of one with TLS */
  constructor(server: Server, accepted: 'connection' | 'secureConnection') {
    server.on('connection', (socket: Socket) => {
      this.#accepted.add(socket)
      socket.once('close', () => this.#accepted.delete(socket))
    })
    server.on(accepted, (socket: Socket) => {
      this.#open.add(socket)
      socket.once('close', () => this.#open.delete(socket))
      // One whose handshake was under way when the server closed.
      if (this.#ending) socket.destroySoon()
    })
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#asked.set(socket, this.#askedOn(socket) + 1)
      response.once('close', () => this.#answered(socket))
    })
  }

  /** Ends each connection as soon as every request that it brought is answered. */
  endAnswered(): void {
    this.#ending = true
    for (const socket of this.#open) if (this.#askedOn(socket) === 0) socket.destroySoon()
  }

  /** Ends all of them at once, whatever they wait for. */
  endAll(): void {
    for (const socket of this.#accepted) socket.destroy()
  }

  #answered(socket: Socket): void {
    const left = this.#askedOn(socket) - 1
    if (left > 0) this.#asked.set(socket, left)
    else this.#asked.delete(socket)
    if (left === 0 && this.#ending) socket.destroySoon()
  }

  #askedOn(socket: Socket): number {
    return this.#asked.get(socket) ?? 0
  }
}
