import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { version } from '../../index.ts'
import { callerOf } from '../caller.ts'
import { nothing } from '../reply.ts'
import type { SealStatus, Served } from '../served.ts'
import { WireError } from '../wire-error.ts'
import { clusterOf } from './cluster.ts'
import { wireVersion } from './wire-version.ts'

/** What `sys/unseal` takes. */
export const UnsealBody = Type.Object({
  key: Type.Optional(Type.String({ maxLength: 1024 })),
  reset: Type.Optional(Type.Boolean()),
  migrate: Type.Optional(Type.Boolean()),
})

export async function sealStatus(served: Served, reply: FastifyReply): Promise<FastifyReply> {
  return reply.send(statusBody(served, await served.status()))
}

/** `POST sys/unseal`: one share, or the one key. It takes no token: there is none while the vault is sealed. */
export async function unseal(
  served: Served,
  { body }: { readonly body: Type.Static<typeof UnsealBody> },
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { key = '', reset = false, migrate = false } = body
  if (migrate) throw new WireError(400, ['there is no other seal to migrate from'])
  if (reset) return reply.send(statusBody(served, await served.resetUnseal()))
  if (key === '') {
    throw new WireError(400, [
      "'key' must be specified in request body as JSON, or 'reset' set to true",
    ])
  }
  return reply.send(statusBody(served, await served.unseal(key)))
}

/**
 * `POST sys/seal`: for whoever may do everything with the keys. The look at the keyslots is the record of who asked, as
 * the closing itself is the server's.
 */
export async function seal(
  served: Served,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = await callerOf(request)
  await caller.keyslots.list({ reason: 'sys/seal' })
  await served.seal()
  return nothing(reply)
}

function statusBody(served: Served, status: SealStatus): object {
  const { state, threshold, shares, progress, nonce } = status
  return {
    type: 'shamir',
    initialized: state !== 'uninitialised',
    sealed: state !== 'open',
    t: threshold,
    n: shares,
    progress,
    nonce,
    version: wireVersion,
    muniment_version: version,
    build_date: '',
    commit_date: '',
    migration: false,
    recovery_seal: false,
    storage_type: 'muniment',
    ...clusterOf(served),
  }
}
