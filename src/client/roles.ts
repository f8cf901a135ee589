import type { AccessChange, ControlledVault, Grant, Role } from '../index.ts'
import { at } from './at.ts'
import { callAnd } from './call.ts'
import { dated } from './dated.ts'
import { wiredDate } from './moments.ts'
import type { Server } from './server.ts'

/** Names for policies, and who has them. */
export function roles(server: Server): ControlledVault['roles'] {
  return {
    list: async (call = {}) =>
      server.json({ path: '/roles', call }, ({ roles }: { readonly roles: readonly object[] }) =>
        roles.map((said) => dated<Role>(said, ['writtenAt'])),
      ),
    granted: async (actor, call = {}) =>
      server.json(
        { path: '/grants', query: { actor }, call },
        ({ grants }: { readonly grants: readonly object[] }) =>
          grants.map((said) => dated<Grant>(said, ['grantedAt', 'expiresAt'])),
      ),
    write: async (name, { policies }, call = {}) =>
      server.json<AccessChange>({
        method: 'PUT',
        path: at`/roles/${name}`,
        body: { policies },
        call,
      }),
    remove: async (name, call = {}) =>
      server.json<AccessChange>({ method: 'DELETE', path: at`/roles/${name}`, call }),
    grant: async (actor, name, { expiresAt, ...options } = {}) => {
      const { call } = callAnd(options)
      return server.json<AccessChange>({
        method: 'PUT',
        path: at`/grants/${actor}/${name}`,
        body: expiresAt === undefined ? {} : { expiresAt: wiredDate(expiresAt) },
        call,
      })
    },
    withdraw: async (actor, name, call = {}) =>
      server.json<AccessChange>({ method: 'DELETE', path: at`/grants/${actor}/${name}`, call }),
  }
}
