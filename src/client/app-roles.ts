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
import { expectText } from './expected.ts'
import type { Server } from './server.ts'

type AppRoles = ControlledVault['appRoles']

/** The applications that log in by themselves. */
export function appRoles(server: Server): AppRoles {
  return {
    ...secretIds(server),
    list: async (call = {}) =>
      server.json(
        { path: '/app-roles', call },
        ({ appRoles }: { readonly appRoles: readonly object[] }) => appRoles.map(appRoleOf),
      ),
    get: async (name, call = {}) => server.json({ path: at`/app-roles/${name}`, call }, appRoleOf),
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
    secretIds: async (name, call = {}) =>
      server.json(
        { path: at`/app-roles/${name}/secret-ids`, call },
        ({ secretIds }: { readonly secretIds: readonly object[] }) => secretIds.map(secretIdInfoOf),
      ),
    issueSecretId: async (name, options = {}, call = {}) =>
      server.json(
        { method: 'POST', path: at`/app-roles/${name}/secret-ids`, body: options, call },
        issuedSecretIdOf,
      ),
    lookupSecretId: async (name, secretId, call = {}) =>
      server.json(
        {
          method: 'POST',
          path: at`/app-roles/${name}/secret-ids/lookup`,
          body: { secretId },
          repeatable: true,
          call,
        },
        secretIdInfoOf,
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

function issuedSecretIdOf({ secretId, ...said }: { readonly secretId: string }): IssuedSecretId {
  return { ...secretIdInfoOf(said), secretId: new HandedOutText(expectText(secretId)) }
}

function secretIdInfoOf(said: object): SecretIdInfo {
  return dated<SecretIdInfo>(said, ['issuedAt', 'expiresAt'])
}
