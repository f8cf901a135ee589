import type { FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from '../caller.ts'
import { answer } from '../reply.ts'
import type { Served } from '../served.ts'

/**
 * `GET sys/audit`: the one audit device that there is, and cannot be turned off: the log. For whoever may `audit`
 * something; the look is on record as the one at the trail that it is.
 */
export async function listAudit(
  served: Served,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = await callerOf(request)
  const look = caller.audit.query({ type: 'vault.created', limit: 1 })
  await look.next()
  const { origin, verifier } = served.vault().identity()
  const { size } = await served.vault().health()
  const device = {
    description: 'the log of this vault: every event of it is durable before its answer is given',
    local: false,
    options: { size: String(size), origin, verifier },
    path: 'muniment/',
    type: 'muniment',
  }
  return answer(reply, { 'muniment/': device }, { mountType: 'system', injected: true })
}
