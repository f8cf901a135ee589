import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  type CallOptions,
  rootPolicy,
  type TokenScope,
  VaultError,
  type VaultErrorCode,
} from '../index.ts'
import { callerOf, originOf } from './caller.ts'
import { bodyOf, type Said } from './fields.ts'
import { list } from './route.ts'
import { WireError } from './wire-error.ts'

/** A request as the handlers have it whose caller shows a token. */
export interface Asked {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** The verbs as the caller has them. */
  readonly scope: TokenScope
  readonly body: Said
  /** Ends the call when the client has gone. */
  readonly call: CallOptions
}

export type Handler = (asked: Asked) => Promise<FastifyReply>

/** What right the requests of a route take, if they take one. */
type Right = 'token' | 'policy'

export interface Route {
  readonly method: string | string[]
  /** Below `/v1/`. */
  readonly url: string
  readonly right?: Right
}

/** A request, once its caller is known. Throws what `callerOf` throws. */
export async function askedOf(request: FastifyRequest, reply: FastifyReply): Promise<Asked> {
  const scope = await callerOf(request)
  const { signal } = originOf(request)
  return { request, reply, scope, body: bodyOf(request), call: { signal } }
}

/** A route to a handler, which looks at nothing of a request before its caller is known. */
export function route(app: FastifyInstance, { method, url, right }: Route, handler: Handler): void {
  app.route({
    method,
    url: `/v1/${url}`,
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const asked = await askedOf(request, reply)
      return right === undefined ? handler(asked) : withRight(asked, right, handler)
    },
  })
}

/** A route that lists, with a slash at its end or without: LIST, which a GET with `?list=true` is as well. */
export function listRoute(
  app: FastifyInstance,
  { url, right }: Pick<Route, 'url' | 'right'>,
  handler: Handler,
): void {
  for (const each of [url, `${url}/`]) {
    route(app, { method: list, url: each, ...(right && { right }) }, handler)
  }
}

/**
 * The vault itself judges what a handler asks of it. What is wrong with a request comes to light before that, and is told
 * to those alone who have the right to make it: anybody else is refused, which is put on record.
 */
async function withRight(asked: Asked, right: Right, handler: Handler): Promise<FastifyReply> {
  try {
    return await handler(asked)
  } catch (error) {
    if (isAboutRequest(error) && !asked.scope.capabilities('').includes(right)) {
      await looks[right](asked)
    }
    throw error
  }
}

function isAboutRequest(error: unknown): boolean {
  if (error instanceof WireError) return error.status === 400
  return error instanceof VaultError && (error.code === 'INVALID' || error.code === 'TOO_LARGE')
}

/** Looks that take the right, and find out nothing. */
const looks: Readonly<Record<Right, (asked: Asked) => Promise<unknown>>> = {
  token: ({ scope, call }) => scope.tokens.get(scope.token.accessor, call),
  policy: ({ scope, call }) => scope.policies.get(rootPolicy, call),
}

/** A segment of the path, decoded. */
export function nameOf({ request }: Asked, name = 'name'): string {
  return (request.params as Readonly<Record<string, string>>)[name] ?? ''
}

/** What `work` gives, or what `otherwise` does where it throws `code`. */
export async function unless<T, U>(
  code: VaultErrorCode,
  work: Promise<T>,
  otherwise: () => U,
): Promise<T | U> {
  try {
    return await work
  } catch (error) {
    if (error instanceof VaultError && error.code === code) return otherwise()
    throw error
  }
}

/** Throws WireError with this status and text. */
export function refuse(status: number, ...errors: readonly string[]): never {
  throw new WireError(status, errors)
}
