import type { FastifyRequest } from 'fastify'
import { headerOf } from '../caller.ts'
import { WireError } from '../wire-error.ts'

/**
 * What Node itself would refuse without a body, or not at all: whoever stands before this server and takes another host of
 * two, or waits for what is not going to come, has understood another request than this server does (RFC 9112 §3.2).
 */
export function expectSoundHead(request: FastifyRequest): void {
  const host = headerOf(request, 'host')
  if (host === undefined && request.raw.httpVersion === '1.1') {
    throw new WireError(400, ['header host is missing'])
  }
  const expected = headerOf(request, 'expect')
  if (expected !== undefined && expected.trim().toLowerCase() !== '100-continue') {
    throw new WireError(417, ['only 100-continue can be expected'])
  }
}
