import type { FastifyReply } from 'fastify'
import { answer, envelope } from '../reply.ts'
import { WireError } from '../wire-error.ts'
import type { Asked } from './asked.ts'

/** What the answers of this engine have besides their data. */
export const kv = { mountType: 'kv' }

/** Answers 200 with the envelope around the data. */
export function kvAnswer({ reply }: Asked, data: object): FastifyReply {
  return answer(reply, data, kv)
}

/** The refusal for a version that is gone: 404, and the whole envelope with what is still known of it. */
export function gone({ reply }: Asked, data: object): WireError {
  return new WireError(404, [], envelope(reply, data, kv))
}

/** Answers 404 without a body, as to a patch of what is not there. */
export function emptyNotFound({ reply }: Asked): FastifyReply {
  return reply.code(404).send()
}
