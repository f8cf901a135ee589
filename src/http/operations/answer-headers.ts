import type { FastifyReply, FastifyRequest } from 'fastify'
import { surfaceOf } from '../surface.ts'

/** Nothing of an answer may stay in a cache, and none is anything but what its type says. */
const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** A browser that gets hold of an answer is to make nothing of it, and to hand it to no other page. */
const ofApi = {
  ...always,
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}
const noPage = "default-src 'none'; frame-ancestors 'none'"
/** Seconds; a year. */
const encryptedOnly = 'max-age=31536000'

/** What every answer says besides. A page says itself what it loads. */
export function withHeaders(reply: FastifyReply, { raw }: FastifyRequest): FastifyReply {
  // Some clients of the wire compare the type as a string.
  if (surfaceOf(raw.url) === 'wire') return reply.type('application/json').headers(always)
  if (!reply.hasHeader('content-security-policy')) {
    reply.header('content-security-policy', noPage)
  }
  if ('encrypted' in raw.socket) reply.header('strict-transport-security', encryptedOnly)
  return reply.headers(ofApi)
}
