import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { VaultError } from '../../index.ts'
import { callerOf } from '../caller.ts'
import type { Served } from '../served.ts'
import { argumentsReader } from './arguments.ts'
import { callOf } from './call-of.ts'
import { jsonBytes } from './json-bytes.ts'
import { Answered, type AnyOperation, Streamed } from './operation.ts'
import { paced } from './paced.ts'

/** Where the operations stand. */
export const apiRoot = '/api/v1'
/** The query parameter that every operation takes: the answer waits until the log holds this position. */
export const minPosition = 'min-position'
/**
 * The header of every answer to a caller who is known. A look holds all up to it: whoever follows from there misses nothing.
 * A change stands at it or before it: whoever waits for it sees his change.
 */
const positionHeader = 'muniment-position'

const nothing = Type.Object({}, { additionalProperties: false })

/** Makes an operation a route. */
export function serveOperation(
  app: FastifyInstance,
  operation: AnyOperation,
  served: Served,
): void {
  const { method, path, idempotent } = operation
  const { params = nothing, query = nothing, body = nothing } = operation
  const readParams = argumentsReader('path', params)
  const readQuery = argumentsReader('query', query)
  const readBody = argumentsReader('body', body)
  const argumentsOf = (request: FastifyRequest) => {
    const { [minPosition]: atLeast, ...asked } = request.query as Readonly<Record<string, string>>
    return {
      request,
      served,
      params: readParams(request.params),
      query: readQuery(asked),
      body: readBody(request.body ?? {}),
      call: callOf(request, { ...(idempotent && { idempotent }) }),
      atLeast: positionOf(atLeast),
    }
  }
  app.route({
    method,
    url: `${apiRoot}${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    config: { open: operation.open === true },
    handler: async (request, reply) => {
      const asked = argumentsOf(request)
      if (operation.open) {
        const content = await operation.run({ ...asked, vault: () => served.vault() })
        return send(reply, content, operation)
      }
      const scope = await callerOf(request)
      if (asked.atLeast !== undefined) await scope.reached(asked.atLeast, asked.call)
      const before = scope.position
      const content = await operation.run({ ...asked, scope })
      const position = method === 'GET' ? before : scope.position
      return send(reply.header(positionHeader, String(position)), content, operation)
    },
  })
}

function positionOf(said: string | undefined): number | undefined {
  if (said === undefined) return undefined
  if (typeof said === 'string' && /^\d{1,15}$/.test(said)) return Number(said)
  throw new VaultError('INVALID', `query.${minPosition} must be a position: an integer from 0`)
}

function send(
  reply: FastifyReply,
  content: unknown,
  { status = 200 }: Pick<AnyOperation, 'status'>,
): FastifyReply {
  if (content === undefined) return reply.code(204).send()
  if (content instanceof Streamed) {
    const { type, pieces, headers } = content
    const stream = Readable.from(paced(pieces), { objectMode: false, highWaterMark: 64 * 1024 })
    return reply.code(status).headers(headers).header('content-type', type).send(stream)
  }
  if (content instanceof Answered) {
    return reply
      .code(content.status)
      .header('content-type', 'application/json')
      .headers(content.headers)
      .send(jsonBytes(content.content))
  }
  return reply.code(status).header('content-type', 'application/json').send(jsonBytes(content))
}
