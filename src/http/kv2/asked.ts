import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CallOptions, Kv, TokenScope } from '../../index.ts'
import { callerOf, originOf } from '../caller.ts'

/** A request as the handlers of the secrets have it. */
export interface Asked {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** The verbs as the caller has them. */
  readonly scope: TokenScope
  /** Those of the secrets. */
  readonly kv: Kv
  /** Ends what the caller no longer waits for. */
  readonly call: CallOptions
  /** The name under which they are mounted, and whose settings hold. */
  readonly mount: string
}

export type Handler = (asked: Asked) => Promise<FastifyReply>

/** A handler for one mount: nothing of a request is looked at before its caller is known. */
export function handling(mount: string, handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const scope = await callerOf(request)
    const { signal } = originOf(request)
    return handler({ request, reply, scope, kv: scope.kv, call: { signal }, mount })
  }
}
