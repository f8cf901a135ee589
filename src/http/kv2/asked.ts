import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Kv } from '../../index.ts'
import { type Asked as AskedOfAny, askedOf } from '../asked.ts'

/** A request as the handlers of the secrets have it. */
export interface Asked extends AskedOfAny {
  /** The verbs of the secrets, as the caller has them. */
  readonly kv: Kv
  /** The name under which they are mounted, and whose settings hold. */
  readonly mount: string
}

export type Handler = (asked: Asked) => Promise<FastifyReply>

/** A handler for one mount: nothing of a request is looked at before its caller is known. */
export function handling(mount: string, handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const asked = await askedOf(request, reply)
    return handler({ ...asked, kv: asked.scope.kv, mount })
  }
}
