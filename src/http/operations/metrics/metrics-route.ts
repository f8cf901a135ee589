import { type FastifyInstance, fastify } from 'fastify'
import type { Registry } from 'prom-client'
import type { TokenScope } from '../../../index.ts'
import { callerOf } from '../../caller.ts'
import { openRoute } from '../../route.ts'
import { withHeaders } from '../answer-headers.ts'

/** @param open for callers without a token, too */
export function metricsRoute(app: FastifyInstance, registry: Registry, open: boolean): void {
  app.get('/metrics', open ? openRoute : {}, async (request, reply) => {
    if (!open) await expectAuditor(await callerOf(request))
    const text = await registry.metrics()
    return reply.type(registry.contentType).send(text)
  })
}

/**
 * What a scrape shows names nobody and no secret, and comes every few seconds for years: it takes the right to `audit` the
 * vault, and leaves no record of its own. Who has no such right is refused as ever, on record.
 */
async function expectAuditor(scope: TokenScope): Promise<void> {
  if (!scope.capabilities('').includes('audit')) await scope.health()
}

/**
 * An app that has `/metrics` and nothing else, for an address that only those reach who may read it: it takes no token.
 *
 * @example
 * const metrics = await listen(metricsApp(registry), { host: '10.0.0.7', port: 9464, insecure: true })
 */
export function metricsApp(registry: Registry): FastifyInstance {
  const app = fastify({ logger: false, exposeHeadRoutes: false, return503OnClosing: false })
  app.addHook('onSend', async (request, reply) => {
    withHeaders(reply, request)
  })
  metricsRoute(app, registry, true)
  return app
}
