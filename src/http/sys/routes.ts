import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { openRoute, type RouteOptions, update } from '../route.ts'
import { listAudit } from './audit.ts'
import { health } from './health.ts'
import { InitBody, init, initStatus } from './init.ts'
import { keyStatus } from './key-status.ts'
import { leader } from './leader.ts'
import { findUiMount, listMounts, listUiMounts } from './mounts.ts'
import { seal, sealStatus, UnsealBody, unseal } from './sealing.ts'

/** `/v1/sys/…`, but for policies and capabilities. */
export function sysRoutes(app: FastifyInstance, { served, mount }: RouteOptions): void {
  openRoutes(app, served)
  app.route({
    method: update,
    url: '/v1/sys/seal',
    handler: async (request, reply) => seal(served, request, reply),
  })
  app.get('/v1/sys/mounts', async (_, reply) => listMounts(served, reply, { mount }))
  app.get('/v1/sys/auth', async (_, reply) => listMounts(served, reply, 'auth'))
  app.get('/v1/sys/internal/ui/mounts', async (_, reply) => listUiMounts(served, reply, mount))
  app.get('/v1/sys/internal/ui/mounts/*', async (request, reply) =>
    findUiMount(served, { request, reply, mount }),
  )
  app.get('/v1/sys/audit', async (request, reply) => listAudit(served, request, reply))
  app.get('/v1/sys/key-status', async (request, reply) => keyStatus(request, reply))
}

/** What a vault has to answer while it is sealed, to whoever asks. */
function openRoutes(app: FastifyInstance, served: RouteOptions['served']): void {
  app.route({
    ...openRoute,
    method: ['GET', 'HEAD'],
    url: '/v1/sys/health',
    handler: async (request, reply) => health(served, request, reply),
  })
  app.get('/v1/sys/seal-status', openRoute, async (_, reply) => sealStatus(served, reply))
  app.get('/v1/sys/leader', openRoute, async (_, reply) => leader(reply))
  app.get('/v1/sys/init', openRoute, async (_, reply) => initStatus(served, reply))
  app.route<{ Body: Static<typeof InitBody> }>({
    ...openRoute,
    method: update,
    url: '/v1/sys/init',
    schema: { body: InitBody },
    handler: async (request, reply) => init(served, request, reply),
  })
  app.route<{ Body: Static<typeof UnsealBody> }>({
    ...openRoute,
    method: update,
    url: '/v1/sys/unseal',
    schema: { body: UnsealBody },
    handler: async (request, reply) => unseal(served, request, reply),
  })
}
