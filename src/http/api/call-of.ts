import type { FastifyRequest } from 'fastify'
import { type CallOptions, VaultError } from '../../index.ts'
import { headerOf, originOf } from '../caller.ts'

/** Milliseconds that a caller may have a call wait. */
const timeoutMsMax = 60_000

/** What a request's headers say of its call: why, as part of what, for how long, and under which id its event is to stand. */
export function callOf(
  request: FastifyRequest,
  { idempotent }: { readonly idempotent?: true },
): CallOptions {
  const reason = textOf(request, 'muniment-reason')
  const causationId = textOf(request, 'muniment-causation-id')
  const traceId = traceOf(headerOf(request, 'traceparent'))
  const timeout = timeoutOf(headerOf(request, 'muniment-timeout'))
  const id = headerOf(request, 'idempotency-key')
  if (id !== undefined && idempotent !== true) {
    throw new VaultError('INVALID', 'header idempotency-key: this operation takes none')
  }
  return {
    signal: originOf(request).signal,
    ...(reason !== undefined && { reason }),
    ...(causationId !== undefined && { causationId }),
    ...(traceId !== undefined && { traceId }),
    ...(timeout !== undefined && { timeout }),
    ...(id !== undefined && { id }),
  }
}

/** Percent-encoded, as a header holds no text beyond Latin-1. */
function textOf(request: FastifyRequest, name: string): string | undefined {
  const said = headerOf(request, name)
  if (said === undefined) return undefined
  try {
    return decodeURIComponent(said)
  } catch {
    throw new VaultError('INVALID', `header ${name} must be percent-encoded UTF-8`)
  }
}

/** The trace of W3C Trace Context §3.2; what is none is ignored, as that says. */
function traceOf(said: string | undefined): string | undefined {
  const [, trace] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(said ?? '') ?? []
  return trace === undefined || /^0+$/.test(trace) ? undefined : trace
}

function timeoutOf(said: string | undefined): number | undefined {
  if (said === undefined) return undefined
  const timeout = /^\d{1,6}$/.test(said) ? Number(said) : 0
  if (timeout >= 1 && timeout <= timeoutMsMax) return timeout
  throw new VaultError(
    'INVALID',
    `header muniment-timeout must be an integer from 1 to ${timeoutMsMax} milliseconds`,
  )
}
