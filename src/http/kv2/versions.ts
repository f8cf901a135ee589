import type { FastifyReply } from 'fastify'
import { integersField } from '../fields.ts'
import { nothing } from '../reply.ts'
import { WireError } from '../wire-error.ts'
import type { Asked, Handler } from './asked.ts'
import { pathToChange } from './paths.ts'

/** `POST delete/p`: versions are withdrawn. Those that are not there are passed over, here and below. */
export const deleteVersions = changing('deleteVersions')

/** `POST undelete/p`: withdrawn versions are brought back. */
export const undeleteVersions = changing('undelete')

/** `POST destroy/p`: versions are gone for good. */
export const destroyVersions = changing('destroy')

function changing(change: 'deleteVersions' | 'undelete' | 'destroy'): Handler {
  return async ({ request, reply, body, kv, call }: Asked): Promise<FastifyReply> => {
    const path = pathToChange(request)
    const versions = integersField(body, 'versions') ?? []
    if (versions.length === 0) throw new WireError(400, ['No version number provided'])
    await kv[change](path, versions, call)
    return nothing(reply)
  }
}
