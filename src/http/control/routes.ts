import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { ControlDesk } from '../../index.ts'
import { headerOf, originOf } from '../caller.ts'
import { nothing } from '../reply.ts'
import { openRoute } from '../route.ts'
import { WireError } from '../wire-error.ts'
import { linesOf } from './lines.ts'

const hex32 = Type.String({ pattern: '^[0-9a-f]{64}$' })

const ClaimBody = Type.Object({
  nonce: hex32,
  slot: Type.String({ maxLength: 64 }),
  role: Type.String({ maxLength: 16 }),
  proof: hex32,
  actor: Type.String(),
  timeout: Type.Number(),
})

const CallBody = Type.Object({ verb: Type.String({ maxLength: 64 }), args: Type.Array(Type.Any()) })

const KeyBody = Type.Object({ ask: Type.Number(), answer: Type.Any() })

/** Where an operator shows what he was given when he came in. */
const tokenHeader = 'muniment-operator'
const callBytesMax = 8 * 1024 * 1024
const root = '/v1/sys/control'

/**
 * What operators are served with, who open a keyslot and show no token of the wire: for a socket that only the vault's
 * own user can reach, and nowhere else.
 *
 * hello    what is to be proved, once on this connection
 * enter    lets in whoever proves it, for as long as the answer is read
 * refused  notes that somebody had nothing to prove it with
 * call     a verb; the answer is lines of JSON, the last of them `result` or `error`
 * key      a key that a call asked for
 */
export function controlRoutes(app: FastifyInstance, desk: ControlDesk): void {
  const greetings = new WeakMap<Socket, ReturnType<ControlDesk['hello']>['greeting']>()
  const tokenOf = (request: FastifyRequest) => headerOf(request, tokenHeader) ?? ''

  app.post(`${root}/hello`, openRoute, async (request, reply) => {
    const { greeting, text } = desk.hello()
    greetings.set(request.raw.socket, greeting)
    return reply.send(text)
  })

  app.post<{ Body: Static<typeof ClaimBody> }>(
    `${root}/enter`,
    { ...openRoute, schema: { body: ClaimBody } },
    async (request, reply) => {
      const greeting = greetings.get(request.raw.socket)
      if (greeting === undefined)
        throw new WireError(400, ['nobody was greeted on this connection'])
      const { text, operator } = await desk.enter(greeting, request.body)
      const lines = linesOf(reply, originOf(request).signal)
      await lines.line(text)
      if (operator === undefined) return lines.end()
      once(lines.signal, () => operator.end())
      once(operator.ended, () => lines.end())
    },
  )

  app.post(`${root}/refused`, openRoute, async (_, reply) => {
    await desk.refused()
    return nothing(reply)
  })

  app.post<{ Body: Static<typeof CallBody> }>(
    `${root}/call`,
    { ...openRoute, bodyLimit: callBytesMax, schema: { body: CallBody } },
    async (request, reply) => {
      const lines = linesOf(reply, originOf(request).signal)
      await desk.call(tokenOf(request), request.body, lines)
      lines.end()
    },
  )

  app.post<{ Body: Static<typeof KeyBody> }>(
    `${root}/key`,
    { ...openRoute, schema: { body: KeyBody } },
    async (request, reply) => {
      desk.key(tokenOf(request), request.body)
      return nothing(reply)
    },
  )
}

/** Either may have come to pass while the other was waited for. */
function once(signal: AbortSignal, work: () => void): void {
  if (signal.aborted) work()
  else signal.addEventListener('abort', work, { once: true })
}
