import { Type } from 'typebox'
import { type AnyOperation, operation } from '../operation.ts'
import { accessChange, name } from '../shapes/access.ts'
import { strict } from '../shapes/common.ts'
import { accessor, handedOut } from '../tokens/shapes.ts'
import { askedSecretId, issuedSecretId, issuedSecretIdOf, secretIdInfo } from './shapes.ts'

const ofName = strict({ name })

/** The secret ids of an application. */
export const secretIdOperations: readonly AnyOperation[] = [
  operation({
    id: 'listSecretIds',
    method: 'GET',
    path: '/app-roles/{name}/secret-ids',
    summary: 'The secret ids of an application that hold, in the order in which they were issued',
    right: 'token',
    params: ofName,
    answer: strict({ secretIds: Type.Array(secretIdInfo) }),
    refusals: ['NOT_FOUND'],
    run: async ({ scope, params, call }) => ({
      secretIds: await scope.appRoles.secretIds(params.name, call),
    }),
  }),
  operation({
    id: 'issueSecretId',
    method: 'POST',
    path: '/app-roles/{name}/secret-ids',
    summary: 'A new secret id for an application',
    right: 'token',
    params: ofName,
    body: askedSecretId,
    status: 201,
    answer: issuedSecretId,
    refusals: ['NOT_FOUND', 'EXISTS'],
    run: async ({ scope, params, body, call }) =>
      issuedSecretIdOf(await scope.appRoles.issueSecretId(params.name, body, call)),
  }),
  operation({
    id: 'lookUpSecretId',
    method: 'POST',
    path: '/app-roles/{name}/secret-ids/lookup',
    summary: 'What is known of a secret id, by the secret id itself, which is not used by it',
    right: 'token',
    params: ofName,
    body: strict({ secretId: handedOut('The secret id itself.') }),
    answer: secretIdInfo,
    refusals: ['NOT_FOUND'],
    run: ({ scope, params, body, call }) =>
      scope.appRoles.lookupSecretId(params.name, body.secretId, call),
  }),
  operation({
    id: 'revokeSecretId',
    method: 'DELETE',
    path: '/app-roles/{name}/secret-ids/{accessor}',
    summary: 'Ends a secret id, if it is there; tokens of its logins go on',
    right: 'token',
    params: strict({ name, accessor }),
    answer: accessChange,
    run: ({ scope, params, call }) =>
      scope.appRoles.revokeSecretId(params.name, params.accessor, call),
  }),
]
