import { Type } from 'typebox'
import { type Group, operation } from '../operation.ts'
import { accessChange, name } from '../shapes/access.ts'
import { strict } from '../shapes/common.ts'
import { secretIdOperations } from './secret-ids.ts'
import { appRole, asked } from './shapes.ts'

const ofName = strict({ name })

export const appRoleOperations: Group = {
  name: 'Applications',
  description: 'Those that log in by themselves, by a role id and a secret id (AppRole).',
  operations: [
    operation({
      id: 'listAppRoles',
      method: 'GET',
      path: '/app-roles',
      summary: 'All applications, by name',
      right: 'token',
      answer: strict({ appRoles: Type.Array(appRole) }),
      run: async ({ scope, call }) => ({ appRoles: await scope.appRoles.list(call) }),
    }),
    operation({
      id: 'getAppRole',
      method: 'GET',
      path: '/app-roles/{name}',
      summary: 'An application',
      right: 'token',
      params: ofName,
      answer: appRole,
      refusals: ['NOT_FOUND'],
      run: ({ scope, params, call }) => scope.appRoles.get(params.name, call),
    }),
    operation({
      id: 'writeAppRole',
      method: 'PUT',
      path: '/app-roles/{name}',
      summary: 'An application, in the place of one of that name, whose secret ids and tokens stay',
      description:
        'To write one that gives more than the caller has takes the right to `policy` besides.',
      right: 'token',
      params: ofName,
      body: asked,
      answer: accessChange,
      refusals: ['EXISTS', 'CONFLICT'],
      run: ({ scope, params, body, call }) => scope.appRoles.write(params.name, body, call),
    }),
    operation({
      id: 'removeAppRole',
      method: 'DELETE',
      path: '/app-roles/{name}',
      summary: 'Takes an application away, if it is there, its secret ids and tokens with it',
      right: 'token',
      params: ofName,
      answer: accessChange,
      run: ({ scope, params, call }) => scope.appRoles.remove(params.name, call),
    }),
    ...secretIdOperations,
  ],
}
