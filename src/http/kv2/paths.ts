import type { FastifyRequest } from 'fastify'
import { WireError } from '../wire-error.ts'

/** What follows the name of the route, decoded once: `prod/db` of `/v1/secret/data/prod/db`. */
function restOf({ params }: FastifyRequest): string {
  return (params as { readonly '*'?: string })['*'] ?? ''
}

/** The path of the secret to be read. Throws WireError 404 without one, and for a folder, which holds no value. */
export function pathToRead(request: FastifyRequest): string {
  const path = restOf(request)
  if (path === '' || path.endsWith('/')) throw new WireError(404)
  return path
}

/** The path of the secret to be changed. Throws WireError 400 without one. */
export function pathToChange(request: FastifyRequest): string {
  const path = restOf(request)
  if (path === '') throw new WireError(400, ['missing path'])
  return path
}

/** The folder to be listed, `prod/`, whether or not the request ends it with a slash; '' for all there is. */
export function folderOf(request: FastifyRequest): string {
  const path = restOf(request)
  return path === '' || path.endsWith('/') ? path : `${path}/`
}
