import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { problemOf } from './api/problem.ts'
import { surfaceOf } from './surface.ts'
import { WireError } from './wire-error.ts'

const answers: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
}

/** As Node's parser tells it. */
interface Unreadable extends Error {
  readonly code?: string
  /** The bytes that it was given last. */
  readonly rawPacket?: Buffer
}

/** Answers what HTTP's parser could not make a request of, and closes the connection: what follows cannot be told. */
export function answerUnreadable(error: Unreadable, socket: Duplex): void {
  // The client is gone, or has been told already.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] = answers[error.code ?? ''] ?? [400, 'this is not HTTP']
  const refused = new WireError(status, [message])
  const [type, body] = asksApi(error)
    ? ['application/problem+json', JSON.stringify(problemOf(refused, randomUUID()))]
    : ['application/json', JSON.stringify({ errors: refused.errors })]
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** The longest method that there is, and a path as far as it has to be read. */
const lineBytesMax = 64

/** Whether it is the vault's own API that was spoken to, where the bytes at hand begin with a line that says so. */
function asksApi({ rawPacket }: Unreadable): boolean {
  const beginning = rawPacket?.toString('latin1', 0, lineBytesMax) ?? ''
  const [, path] = /^[A-Z-]+ (\/[^\s?#]*)/.exec(beginning) ?? []
  return surfaceOf(path) === 'api'
}
