import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Served } from '../served.ts'
import { WireError } from '../wire-error.ts'

const none = Type.Optional(Type.Union([Type.Null(), Type.Array(Type.String()), Type.String()]))

/** What `sys/init` takes. Clients send all of it, with empty values for what they do not mean. */
export const InitBody = Type.Object({
  secret_shares: Type.Optional(Type.Integer()),
  secret_threshold: Type.Optional(Type.Integer()),
  stored_shares: Type.Optional(Type.Integer()),
  recovery_shares: Type.Optional(Type.Integer()),
  recovery_threshold: Type.Optional(Type.Integer()),
  pgp_keys: none,
  recovery_pgp_keys: none,
  root_token_pgp_key: none,
})
type InitBody = Type.Static<typeof InitBody>

export async function initStatus(served: Served, reply: FastifyReply): Promise<FastifyReply> {
  const { state } = await served.status()
  return reply.send({ initialized: state !== 'uninitialised' })
}

/**
 * `POST sys/init`: makes the vault, sealed, and hands out what opens it: as many shares as asked for, or a recovery key
 * for one of one. They and the root token are in this answer alone.
 */
export async function init(
  served: Served,
  { body }: { readonly body: InitBody },
  reply: FastifyReply,
): Promise<FastifyReply> {
  refuseUnsupported(body)
  const { secret_shares: shares = 0, secret_threshold: threshold = 0 } = body
  refuseCount(shares, threshold)
  const { keys, rootToken } = await served.init({ shares, threshold })
  const inBase64 = keys.map((key) => Buffer.from(key).toString('base64'))
  return reply.send({ keys, keys_base64: inBase64, root_token: rootToken })
}

function refuseUnsupported(body: InitBody): void {
  for (const name of ['recovery_shares', 'recovery_threshold', 'recovery_pgp_keys'] as const) {
    if (isSaid(body[name])) {
      throw new WireError(400, [`parameters ${name} not applicable to seal type shamir`])
    }
  }
  for (const name of ['pgp_keys', 'root_token_pgp_key', 'stored_shares'] as const) {
    if (isSaid(body[name])) throw new WireError(400, [`${name} is not supported`])
  }
}

function isSaid(value: unknown): boolean {
  if (value === undefined || value === null || value === 0 || value === '') return false
  return !Array.isArray(value) || value.length > 0
}

function refuseCount(shares: number, threshold: number): void {
  if (shares === 1 && threshold === 1) return
  if (threshold === 1 && shares > 1) {
    throw new WireError(400, ['threshold must be greater than one for multiple shares'])
  }
  if (threshold > shares) throw new WireError(400, ['threshold cannot be larger than shares'])
  if (threshold < 2 || shares > 16) {
    throw new WireError(400, [
      `expected 1 share, or 2 to 16 with a threshold from 2, found ${shares} and ${threshold}`,
    ])
  }
}
