import type { FastifyReply } from 'fastify'
import { VaultError } from '../index.ts'
import { bodyTooLarge } from './json-body.ts'
import { permissionDenied, WireError, wireErrorOf } from './wire-error.ts'

/** What the framework refuses by itself, by the code of its error: its own messages quote the request. */
const frameworkRefusals: Readonly<Record<string, readonly [status: number, message: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, bodyTooLarge],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'the body is not as long as Content-Length says'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'Content-Type is not a media type'],
  ECONNRESET: [400, 'the request was cut off'],
  FST_ERR_BAD_URL: [400, 'the path is not percent-encoded UTF-8'],
  // Of QUERY, which no route has and which the framework refuses before it looks for one.
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: [405, 'unsupported operation'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'a part of the path is too long'],
}

/** Whether nothing in the program foresees an error: something is wrong with the program itself. */
export function isUnforeseen(error: unknown): boolean {
  if (error instanceof WireError || error instanceof VaultError) return false
  return refusalOf(error).status >= 500
}

/** Sends what an error means on the wire. */
export function sendRefusal(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, errors, body } = refusalOf(error)
  const said = status === 403 ? [permissionDenied] : errors
  return reply.code(status).send(body ?? { errors: said })
}

/** What an error means, whoever threw it. */
export function refusalOf(error: unknown): WireError {
  const { code, validation } = (error ?? {}) as {
    readonly code?: unknown
    readonly validation?: unknown
  }
  if (Array.isArray(validation)) return new WireError(400, [validationMessage(error)])
  const known = typeof code === 'string' ? frameworkRefusals[code] : undefined
  if (known === undefined || error instanceof VaultError) return wireErrorOf(error)
  return new WireError(known[0], [known[1]])
}

/** Where in a body or a query, and what was expected there; never what stands there. */
function validationMessage(error: unknown): string {
  return error instanceof Error ? error.message : 'the request is not as expected'
}
