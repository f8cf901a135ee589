import type { FastifyInstance, FastifyReply } from 'fastify'
import type { SecretIdInfo, SecretIdOptions } from '../../index.ts'
import { type Asked, type Handler, listRoute, nameOf, refuse, route, unless } from '../asked.ts'
import { durationField } from '../fields.ts'
import { answer, nothing } from '../reply.ts'
import { update } from '../route.ts'
import { requiredText, textOfPairsField } from '../text-fields.ts'
import { mountType } from './app-role.ts'
import { refuseAddresses, secretIdData, secretIdTtl, usesField } from './role-shape.ts'

const right = 'token'
const place = 'auth/approle/role/:name'

/** The secret ids of an application: `/v1/auth/approle/role/:name/secret-id…`. */
export function secretIdRoutes(app: FastifyInstance): void {
  const on = (method: string | string[], path: string, handler: Handler) =>
    route(app, { method, url: `${place}/${path}`, right }, handler)

  listRoute(app, { url: `${place}/secret-id`, right }, listSecretIds)
  on(update, 'secret-id', (asked) => issue(asked))
  on(update, 'custom-secret-id', (asked) => issue(asked, requiredText(asked.body, 'secret_id')))
  on(update, 'secret-id/lookup', lookUp)
  on([...update, 'DELETE'], 'secret-id/destroy', destroy)
  on(update, 'secret-id-accessor/lookup', lookUpAccessor)
  on([...update, 'DELETE'], 'secret-id-accessor/destroy', destroyAccessor)
}

async function issue(asked: Asked, secretId?: string): Promise<FastifyReply> {
  const { scope, body, reply, call } = asked
  const name = nameOf(asked)
  const bounds = await boundsAsked(asked)
  const meta = textOfPairsField(body, 'metadata')
  const options: SecretIdOptions = {
    ...bounds,
    ...(meta !== undefined && { meta }),
    ...(secretId !== undefined && { secretId }),
  }
  const issued = await unless('NOT_FOUND', scope.appRoles.issueSecretId(name, options, call), () =>
    noRole(404, asked),
  )
  const data = {
    secret_id: issued.secretId.text(),
    secret_id_accessor: issued.accessor,
    secret_id_num_uses: issued.usesLeft ?? 0,
    secret_id_ttl: secretIdTtl(issued),
  }
  return answer(reply, data, { mountType })
}

/** How long it holds and how often, where the body says; not longer, and not more often, than the role lets it. */
async function boundsAsked(asked: Asked): Promise<Pick<SecretIdOptions, 'ttl' | 'uses'>> {
  const { scope, body, call } = asked
  refuseAddresses(body)
  const [ttl, uses] = [durationField(body, 'ttl'), usesField(body, 'num_uses')]
  if (ttl === undefined && uses === undefined) return {}
  const found = scope.appRoles.get(nameOf(asked), call)
  const role = await unless('NOT_FOUND', found, () => noRole(404, asked))
  if (ttl !== undefined && isBeyond(ttl, role.secretIdTtl)) {
    refuse(400, "ttl cannot be longer than the role's secret_id_ttl")
  }
  if (uses !== undefined && isBeyond(uses, role.secretIdUses)) {
    refuse(400, "num_uses cannot be higher than the role's secret_id_num_uses")
  }
  return { ...(ttl && { ttl }), ...(uses && { uses }) }
}

/** 0 is without an end. */
function isBeyond(asked: number, most: number | undefined): boolean {
  return most !== undefined && (asked === 0 || asked > most)
}

const listSecretIds: Handler = async (asked) => {
  const keys = (await secretIdsOf(asked)).map(({ accessor }) => accessor)
  return keys.length === 0 ? refuse(404) : answer(asked.reply, { keys }, { mountType })
}

const lookUp: Handler = async (asked) => {
  const found = await secretIdOf(asked)
  return found === undefined ? nothing(asked.reply) : looked(asked, found)
}

/** One that is not there is as good as destroyed. */
const destroy: Handler = async (asked) => {
  const { scope, reply, call } = asked
  const found = await secretIdOf(asked)
  if (found !== undefined) {
    await scope.appRoles.revokeSecretId(nameOf(asked), found.accessor, call)
  }
  return nothing(reply)
}

const lookUpAccessor: Handler = async (asked) => looked(asked, await byAccessor(asked))

const destroyAccessor: Handler = async (asked) => {
  const { scope, reply, call } = asked
  const { accessor } = await byAccessor(asked)
  await scope.appRoles.revokeSecretId(nameOf(asked), accessor, call)
  return nothing(reply)
}

function looked({ reply }: Asked, info: SecretIdInfo): FastifyReply {
  return answer(reply, secretIdData(info), { mountType })
}

/** By the secret id itself, which the body names. */
async function secretIdOf(asked: Asked): Promise<SecretIdInfo | undefined> {
  const { scope, body, call } = asked
  const found = scope.appRoles.lookupSecretId(nameOf(asked), requiredText(body, 'secret_id'), call)
  return unless('NOT_FOUND', found, () => undefined)
}

async function byAccessor(asked: Asked): Promise<SecretIdInfo> {
  const accessor = requiredText(asked.body, 'secret_id_accessor')
  const found = (await secretIdsOf(asked)).find((info) => info.accessor === accessor)
  return found ?? refuse(404, 'failed to find accessor entry for secret_id_accessor')
}

async function secretIdsOf(asked: Asked): Promise<readonly SecretIdInfo[]> {
  const { scope, call } = asked
  const found = scope.appRoles.secretIds(nameOf(asked), call)
  return unless('NOT_FOUND', found, () => noRole(400, asked))
}

function noRole(status: number, asked: Asked): never {
  return refuse(status, `role ${JSON.stringify(nameOf(asked))} does not exist`)
}
