import type {
  AccessChange,
  AppRole,
  ControlledVault,
  IssuedSecretId,
  SecretIdInfo,
} from '../index.ts'
import { HandedOutText } from '../secret/handed-out-text.ts'
import { at } from './at.ts'
import { dated } from './dated.ts'
import type { Server } from './server.ts'

type AppRoles = ControlledVault['appRoles']

/** The applications that log in by themselves. */
export function appRoles(server: Server): AppRoles {
  return {
    ...secretIds(server),
    list: async (call = {}) => {
      const { appRoles } = await server.json<{ appRoles: readonly object[] }>({
        path: '/app-roles',
        call,
      })
      return appRoles.map(appRoleOf)
    },
    get: async (name, call = {}) =>
      appRoleOf(await server.json<object>({ path: at`/app-roles/${name}`, call })),
    write: async (name, options = {}, call = {}) =>
      server.json<AccessChange>({
        method: 'PUT',
        path: at`/app-roles/${name}`,
        body: options,
        call,
      }),
    remove: async (name, call = {}) =>
      server.json<AccessChange>({ method: 'DELETE', path: at`/app-roles/${name}`, call }),
  }
}

type SecretIds = Pick<AppRoles, 'secretIds' | 'issueSecretId' | 'lookupSecretId' | 'revokeSecretId'>

function secretIds(server: Server): SecretIds {
  return {
    secretIds: async (name, call = {}) => {
      const { secretIds } = await server.json<{ secretIds: readonly object[] }>({
        path: at`/app-roles/${name}/secret-ids`,
        call,
      })
      return secretIds.map(secretIdInfoOf)
    },
    issueSecretId: async (name, options = {}, call = {}): Promise<IssuedSecretId> => {
      const { secretId, ...said } = await server.json<{ secretId: string }>({
        method: 'POST',
        path: at`/app-roles/${name}/secret-ids`,
        body: options,
        call,
      })
      return { ...secretIdInfoOf(said), secretId: new HandedOutText(secretId) }
    },
    lookupSecretId: async (name, secretId, call = {}) =>
      secretIdInfoOf(
        await server.json<object>({
          method: 'POST',
          path: at`/app-roles/${name}/secret-ids/lookup`,
          body: { secretId },
          repeatable: true,
          call,
        }),
      ),
    revokeSecretId: async (name, accessor, call = {}) =>
      server.json<AccessChange>({
        method: 'DELETE',
        path: at`/app-roles/${name}/secret-ids/${accessor}`,
        call,
      }),
  }
}

function appRoleOf(said: object): AppRole {
  return dated<AppRole>(said, ['writtenAt'])
}

function secretIdInfoOf(said: object): SecretIdInfo {
  return dated<SecretIdInfo>(said, ['issuedAt', 'expiresAt'])
}
