import type { FastifyInstance } from 'fastify'
import { openApiDocument } from '../api/openapi/document.ts'
import type { Group } from '../api/operation.ts'
import { openRoute } from '../route.ts'
import { htmlOf } from './html.ts'
import { pagePolicy } from './html-style.ts'
import { referenceOf } from './reference.ts'

/** `GET /openapi.json` and `GET /docs`, for everybody: neither says anything of a vault. Each is made when first asked for. */
export function documentRoutes(app: FastifyInstance, groups: readonly Group[]): void {
  let json: string | undefined
  let page: string | undefined
  app.get('/openapi.json', openRoute, async (_, reply) => {
    json ??= JSON.stringify(openApiDocument(groups))
    return reply.type('application/json').send(json)
  })
  app.get('/docs', openRoute, async (_, reply) => {
    page ??= htmlOf(referenceOf(openApiDocument(groups)))
    return reply
      .headers({ 'content-security-policy': pagePolicy, 'referrer-policy': 'no-referrer' })
      .type('text/html; charset=utf-8')
      .send(page)
  })
}
