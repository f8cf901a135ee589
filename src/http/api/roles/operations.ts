import { Type } from 'typebox'
import { type Group, operation } from '../operation.ts'
import { accessChange, name, names, writing } from '../shapes/access.ts'
import { actor, date, givenDate, position, strict } from '../shapes/common.ts'

const role = strict({
  name,
  policies: Type.Array(Type.String(), {
    description: 'One that was removed since is named here still, and gives nothing.',
  }),
  ...writing,
})

const grant = strict({
  actor,
  role: name,
  position: position('Of the event that granted it as it is.'),
  grantedAt: date('When it was granted.'),
  grantedBy: actor,
  expiresAt: Type.Optional(date('From when on it gives nothing.')),
  expired: Type.Boolean({ description: 'Whether it has run out by now.' }),
})

const ofName = strict({ name })
const ofGrant = strict({ actor, role: name })

export const roleOperations: Group = {
  name: 'Roles',
  description: 'Names for policies, and who has them.',
  operations: [
    operation({
      id: 'listRoles',
      method: 'GET',
      path: '/roles',
      summary: 'All roles, by name',
      right: 'policy',
      answer: strict({ roles: Type.Array(role) }),
      run: async ({ scope, call }) => ({ roles: await scope.roles.list(call) }),
    }),
    operation({
      id: 'writeRole',
      method: 'PUT',
      path: '/roles/{name}',
      summary: 'A role, in the place of one of that name, whose grants stay',
      right: 'policy',
      params: ofName,
      body: strict({ policies: names }),
      answer: accessChange,
      refusals: ['NOT_FOUND'],
      run: ({ scope, params, body, call }) => scope.roles.write(params.name, body, call),
    }),
    operation({
      id: 'removeRole',
      method: 'DELETE',
      path: '/roles/{name}',
      summary: 'Takes a role away, if it is there, and its grants with it',
      right: 'policy',
      params: ofName,
      answer: accessChange,
      run: ({ scope, params, call }) => scope.roles.remove(params.name, call),
    }),
    operation({
      id: 'listGrants',
      method: 'GET',
      path: '/grants',
      summary: 'Who has which role, by actor and role; those that have run out too',
      right: 'policy',
      query: strict({ actor: Type.Optional(actor) }),
      answer: strict({ grants: Type.Array(grant) }),
      run: async ({ scope, query, call }) => ({
        grants: await scope.roles.granted(query.actor, call),
      }),
    }),
    operation({
      id: 'grantRole',
      method: 'PUT',
      path: '/grants/{actor}/{role}',
      summary: 'Gives an actor a role; a grant of it that the actor has is replaced',
      right: 'policy',
      params: ofGrant,
      body: strict({ expiresAt: Type.Optional(givenDate('From then on it gives nothing.')) }),
      answer: accessChange,
      refusals: ['NOT_FOUND'],
      run: ({ scope, params: { actor, role }, body, call }) =>
        scope.roles.grant(actor, role, { ...call, ...body }),
    }),
    operation({
      id: 'withdrawRole',
      method: 'DELETE',
      path: '/grants/{actor}/{role}',
      summary: 'Takes a role from an actor, who may not have it',
      right: 'policy',
      params: ofGrant,
      answer: accessChange,
      run: ({ scope, params: { actor, role }, call }) => scope.roles.withdraw(actor, role, call),
    }),
  ],
}
