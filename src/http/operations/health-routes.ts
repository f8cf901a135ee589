import type { FastifyInstance } from 'fastify'
import { sendProblem } from '../api/problem.ts'
import { openRoute } from '../route.ts'
import type { Served } from '../served.ts'
import { Readiness } from './readiness.ts'

/**
 * For whoever starts and stops the process, and for whoever sends it requests:
 *
 * live   the process turns: 200, whatever the vault
 * ready  200 while the vault is open and accepts, 503 and why otherwise
 */
export function healthRoutes(app: FastifyInstance, served: Served): void {
  const readiness = new Readiness(served)
  const method = ['GET', 'HEAD']
  app.route({
    method,
    url: '/health/live',
    ...openRoute,
    handler: async (_, reply) => reply.type('application/json').send('{"status":"live"}'),
  })
  app.route({
    method,
    url: '/health/ready',
    ...openRoute,
    handler: async (_, reply) => {
      const refusal = await readiness.refusal()
      if (refusal !== undefined) return sendProblem(reply, refusal)
      return reply.type('application/json').send('{"status":"ready"}')
    },
  })
}
