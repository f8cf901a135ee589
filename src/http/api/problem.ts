import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import { VaultError, type VaultErrorCode } from '../../index.ts'
import { refusalOf } from '../refusal.ts'
import { ownAffairs, WireError } from '../wire-error.ts'
import { jsonBytes } from './json-bytes.ts'

/** A refusal (RFC 9457). Its `code` is what to decide by; `detail` is for people, and never holds a value. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** Names the request, in the log of the server and on record: `urn:uuid:…`. */
  readonly instance: string
  readonly code: VaultErrorCode
  readonly retry: VaultError['retry']
  readonly path?: string
  readonly expected?: string | number
  readonly found?: string | number
  /** Of events whose fate is not known. */
  readonly eventIds?: readonly string[]
}

/** The status of each code. 503 is for what may well succeed later as nothing was done. */
export const problemStatuses = {
  INVALID: 400,
  TOO_LARGE: 413,
  NOT_FOUND: 404,
  EXISTS: 409,
  CONFLICT: 409,
  DENIED: 403,
  DELETED: 410,
  DESTROYED: 410,
  EXPIRED: 410,
  NOT_YET_VALID: 409,
  WRONG_KEY: 400,
  AUDITOR_ONLY: 403,
  IN_USE: 503,
  CLOSED: 503,
  FAILED: 503,
  UNCERTAIN: 500,
  INTEGRITY: 500,
  CLOCK: 503,
  TIMEOUT: 503,
  ABORTED: 503,
  NO_SPACE: 507,
  UNSUPPORTED: 501,
} as const satisfies Record<VaultErrorCode, number>

/** Who shows no token that holds: he may come again with another. */
export class Unauthenticated extends WireError {
  constructor() {
    super(401, ['no token that holds was shown'])
  }
}

/** Sends what an error means. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const problem = problemOf(error, reply.request.id)
  const { status } = problem
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  if (status === 503) reply.header('retry-after', '1')
  return reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .send(jsonBytes(problem))
}

/** @param id of the request */
export function problemOf(error: unknown, id: string): Problem {
  if (error instanceof VaultError) {
    const { code, retry, path, expected, found, eventIds, message } = error
    const own = ownAffairs[code]
    return {
      ...worded(code, { id, detail: own ?? message }),
      retry,
      // What a message may not tell, its parts may not either.
      ...(own === undefined && path !== undefined && { path }),
      ...(own === undefined && expected !== undefined && { expected }),
      ...(own === undefined && found !== undefined && { found }),
      ...(eventIds !== undefined && { eventIds }),
    }
  }
  const { status, errors } = refusalOf(error)
  const detail = errors.join('; ') || (STATUS_CODES[status] ?? '').toLowerCase()
  return worded(codeOf(status), { id, status, detail })
}

function worded(
  code: VaultErrorCode,
  about: { readonly id: string; readonly status?: number; readonly detail: string },
): Problem {
  const { id, status = problemStatuses[code], detail } = about
  return {
    type: `/docs#${code}`,
    title: STATUS_CODES[status] ?? 'Refused',
    status,
    detail,
    instance: `urn:uuid:${id}`,
    code,
    retry: new VaultError(code, '').retry,
  }
}

const codesOfStatuses: Readonly<Record<number, VaultErrorCode>> = {
  401: 'DENIED',
  404: 'NOT_FOUND',
  405: 'UNSUPPORTED',
  413: 'TOO_LARGE',
  414: 'TOO_LARGE',
  429: 'TIMEOUT',
  503: 'CLOSED',
}

/** What refuses before a vault is asked says a status alone; of what nobody foresaw it is not known what came of it. */
function codeOf(status: number): VaultErrorCode {
  return codesOfStatuses[status] ?? (status >= 500 ? 'UNCERTAIN' : 'INVALID')
}
