import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { refuse, unless } from '../asked.ts'
import { originOf } from '../caller.ts'
import { bodyOf } from '../fields.ts'
import { answer } from '../reply.ts'
import { openRoute, type RouteOptions, update } from '../route.ts'
import { optionalText, requiredText } from '../text-fields.ts'
import { mountType } from './app-role.ts'
import { authBlock } from './auth-block.ts'

/** The one way in without a token: `/v1/auth/approle/login`. */
export function loginRoutes(app: FastifyInstance, { served }: Pick<RouteOptions, 'served'>): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const vault = served.vault()
    const body = bodyOf(request)
    const roleId = requiredText(body, 'role_id')
    const secretId = optionalText(body, 'secret_id')
    const shown = { roleId, ...(secretId !== undefined && { secretId }) }
    const issued = await unless('DENIED', vault.login(shown, originOf(request)), () =>
      // Which of the two was wrong, and whether there is such a role, is not said.
      refuse(400, 'invalid role or secret ID'),
    )
    const auth = authBlock(issued, { text: issued.token.text(), now: issued.issuedAt.getTime() })
    return answer(reply, null, { auth, mountType })
  }
  app.route({ method: update, url: '/v1/auth/approle/login', ...openRoute, handler })
}
