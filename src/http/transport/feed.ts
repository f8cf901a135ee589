import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { VaultError } from '../../index.ts'
import { showMethod } from '../list-method.ts'
import { RequestEnds } from './request-ends.ts'

/** The request whose head the parser of a connection has just read, until the connection's feed has heard of it. */
const announcedOn = new WeakMap<Socket, IncomingMessage>()

/** A request that makes itself known at the moment at which the parser has read its head. */
export class AnnouncedRequest extends IncomingMessage {
  constructor(socket: Socket) {
    super(socket)
    announcedOn.set(socket, this)
  }
}

function announced(socket: Socket): IncomingMessage | undefined {
  const request = announcedOn.get(socket)
  announcedOn.delete(socket)
  return request
}

const nothing = Buffer.alloc(0)

/**
 * What stands between a connection and the HTTP parser that `node:http` has put on it, and shows that parser LIST and
 * SCAN as methods that it knows. The socket itself stays the server's own, with its timers, addresses and back
 * pressure; only the one listener that takes its bytes to the parser is replaced, by one that hands them on in
 * pieces (see `RequestEnds`) and so knows, before each piece, whether a request begins with it.
 */
export class Feed {
  readonly #socket: Socket
  readonly #parse: (bytes: Buffer) => void
  readonly #ends = new RequestEnds()
  /** The beginning of a method that more bytes must settle: at most four. */
  #held: Buffer = nothing

  private constructor(socket: Socket, parse: (bytes: Buffer) => void) {
    this.#socket = socket
    this.#parse = parse
  }

  /**
   * Stands in front of the parser of `socket`, which `node:http` has just accepted.
   *
   * @throws VaultError `UNSUPPORTED` where this version of Node reads connections in a way that is not known here.
   */
  static before(socket: Socket): void {
    const readers = socket.listeners('data') as ((bytes: Buffer) => void)[]
    const [parse] = readers
    if (parse === undefined || readers.length > 1) {
      const found = readers.length
      throw new VaultError('UNSUPPORTED', `expected one reader of a connection, found ${found}`)
    }
    const feed = new Feed(socket, parse)
    socket.removeListener('data', parse)
    // The parser takes bytes straight from the socket's handle until somebody listens for them.
    socket.on('data', (bytes: Buffer) => feed.#take(bytes))
  }

  #take(bytes: Buffer): void {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    this.#held = nothing
    // What can no longer be answered is not begun; a refusal, too, ends the connection for whatever came after it.
    while (rest.length > 0 && this.#socket.writable) {
      // The parser must not be given more while the server has stopped reading: `rest` comes again at its resume.
      if (this.#socket.isPaused()) {
        this.#socket.unshift(rest)
        return
      }
      if (this.#ends.between && !showMethod(rest)) {
        this.#held = rest
        return
      }
      const size = this.#ends.pieceOf(rest)
      const whole = size === rest.length
      this.#parse(whole ? rest : rest.subarray(0, size))
      rest = whole ? nothing : rest.subarray(size)
      // Rather no answer than a body that is taken for a request.
      if (!this.#ends.consumed(announced(this.#socket))) this.#socket.destroy()
    }
  }
}
