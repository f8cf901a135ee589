import type { FastifyRequest } from 'fastify'
import { WireError } from '../wire-error.ts'

const mergePatch = 'application/merge-patch+json'

/** Throws WireError 415 for a patch that does not say it is a merge patch (RFC 7396), 400 where it says nothing. */
export function expectMergePatch({ headers }: FastifyRequest): void {
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  const provided = type.trim().toLowerCase()
  if (provided === mergePatch) return
  if (provided === '') throw new WireError(400, ['mime: no media type'])
  throw new WireError(415, [`PATCH requires Content-Type of ${mergePatch}`])
}
