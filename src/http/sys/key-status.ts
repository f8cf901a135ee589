import type { FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from '../caller.ts'
import { answer } from '../reply.ts'

/** `GET sys/key-status`: since when values are wrapped under the key that they are. For whoever has the right to `keys`. */
export async function keyStatus(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = await callerOf(request)
  const keys = await caller.keys.list()
  const newest = keys.findLast(
    ({ purpose, state }) => purpose === 'wrapping' && state === 'current',
  )
  const data = { term: newest?.epoch ?? 0, install_time: newest?.createdAt?.toISOString() ?? '' }
  return answer(reply, data, { mountType: 'system', injected: true })
}
