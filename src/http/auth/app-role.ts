import type { FastifyInstance } from 'fastify'
import type { AppRole, AppRoleOptions } from '../../index.ts'
import { type Asked, type Handler, listRoute, nameOf, refuse, route, unless } from '../asked.ts'
import { answer, nothing } from '../reply.ts'
import { update } from '../route.ts'
import { requiredText } from '../text-fields.ts'
import { optionsOf, roleAsked, roleData } from './role-shape.ts'

export const mountType = 'approle'
const right = 'token'

/** The applications that log in by themselves: `/v1/auth/approle/role/`. */
export function appRoleRoutes(app: FastifyInstance): void {
  const on = (method: string | string[], path: string, handler: Handler) =>
    route(app, { method, url: `auth/approle/role/${path}`, right }, handler)

  listRoute(app, { url: 'auth/approle/role', right }, listRoles)
  on('GET', ':name', readRole)
  on(update, ':name', writeRole)
  on('DELETE', ':name', removeRole)
  on('GET', ':name/role-id', readRoleId)
  on(update, ':name/role-id', writeRoleId)
}

const listRoles: Handler = async ({ scope, reply, call }) => {
  const keys = (await scope.appRoles.list(call)).map(({ name }) => name)
  return keys.length === 0 ? refuse(404) : answer(reply, { keys }, { mountType })
}

const readRole: Handler = async (asked) =>
  answer(asked.reply, roleData(await roleOf(asked)), { mountType })

const writeRole: Handler = async (asked) => {
  await change(asked, async () => {
    const before = await unless('NOT_FOUND', roleOf(asked), () => undefined)
    return roleAsked(asked.body, before)
  })
  return nothing(asked.reply)
}

const removeRole: Handler = async (asked) => {
  const { scope, reply, call } = asked
  await unless('NOT_FOUND', scope.appRoles.remove(nameOf(asked), call), () => undefined)
  return nothing(reply)
}

const readRoleId: Handler = async (asked) => {
  const { roleId } = await roleOf(asked)
  return answer(asked.reply, { role_id: roleId }, { mountType })
}

const writeRoleId: Handler = async (asked) => {
  const roleId = requiredText(asked.body, 'role_id')
  await change(asked, async () => ({ ...optionsOf(await roleOf(asked)), roleId }))
  return nothing(asked.reply)
}

/** How often a change is tried that others get ahead of; each time one of theirs is done. */
const triesMax = 32

/**
 * Writes a role as it is read and then changed. What a body does not name stays as it was, so it is read again where
 * somebody else has written it meanwhile: else each would bring back what the other changed.
 */
async function change(asked: Asked, read: () => Promise<AppRoleOptions>): Promise<void> {
  const { scope, call } = asked
  for (let tries = 1; ; tries++) {
    const write = scope.appRoles.write(nameOf(asked), await read(), call).then(() => true)
    const isWritten = await (tries < triesMax ? unless('CONFLICT', write, () => false) : write)
    if (isWritten) return
  }
}

/** The role that the path names. Throws `NOT_FOUND`. */
function roleOf(asked: Asked): Promise<AppRole> {
  const { scope, call } = asked
  return scope.appRoles.get(nameOf(asked), call)
}
