import { knownCallerOf, sourceOf } from '../caller.ts'
import type { Answered, Observer } from './observed.ts'

/** Where an app writes its log: a logger of pino's, or whatever takes fields and words as that does. */
export interface ServerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * One line a request. What a line can hold is listed here and nowhere else: no URL, no path of a secret, no header, no
 * body, and no message of an error, which could quote one of them.
 */
export function requestLog(log: ServerLog): Observer {
  return {
    answered: (about) => {
      const isGone = about.status === undefined
      log.info(fieldsOf(about), isGone ? 'the client went away' : 'answered')
    },
  }
}

function fieldsOf({ request, method, route, status, ms, bytes }: Answered) {
  const token = knownCallerOf(request)?.token
  return {
    requestId: request.id,
    method,
    route,
    ...(status !== undefined && { status }),
    ms: Math.round(ms * 1000) / 1000,
    ...(bytes !== undefined && { bytes }),
    source: sourceOf(request),
    ...(token !== undefined && { actor: token.actor, accessor: token.accessor }),
  }
}
