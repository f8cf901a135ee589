import { Type } from 'typebox'
import { capabilities } from '../../../index.ts'
import { type Group, operation } from '../operation.ts'
import { accessChange, name, writing } from '../shapes/access.ts'
import { oneOf, strict } from '../shapes/common.ts'

const rule = strict({
  effect: oneOf(['allow', 'deny'] as const),
  capabilities: Type.Array(oneOf(capabilities)),
  paths: Type.Array(Type.String(), {
    description:
      'Patterns: `*` is one segment, a `**` at the end one or more; `**` alone is the vault itself as well.',
    examples: [['prod/payments/**']],
  }),
})

const rules = Type.Array(rule, {
  description: 'A denial wins over every allowance, and what no rule speaks of is denied.',
})
const text = Type.String({
  description: 'What the rules were translated from, where that was in another language.',
})

const policy = strict({ name, rules, text: Type.Optional(text), ...writing })

const ofName = strict({ name })

export const policyOperations: Group = {
  name: 'Policies',
  description: 'What roles and tokens may do.',
  operations: [
    operation({
      id: 'listPolicies',
      method: 'GET',
      path: '/policies',
      summary: 'All policies, by name',
      right: 'policy',
      answer: strict({ policies: Type.Array(policy) }),
      run: async ({ scope, call }) => ({ policies: await scope.policies.list(call) }),
    }),
    operation({
      id: 'getPolicy',
      method: 'GET',
      path: '/policies/{name}',
      summary: 'A policy, with its rules',
      right: 'policy',
      params: ofName,
      answer: policy,
      refusals: ['NOT_FOUND'],
      run: ({ scope, params, call }) => scope.policies.get(params.name, call),
    }),
    operation({
      id: 'writePolicy',
      method: 'PUT',
      path: '/policies/{name}',
      summary: 'A policy, in the place of one of that name; in force from its event on',
      right: 'policy',
      params: ofName,
      body: strict({ rules, text: Type.Optional(text) }),
      answer: accessChange,
      run: ({ scope, params, body, call }) => scope.policies.write(params.name, body, call),
    }),
    operation({
      id: 'removePolicy',
      method: 'DELETE',
      path: '/policies/{name}',
      summary: 'Takes a policy away, if it is there; roles that name it lack it from there on',
      right: 'policy',
      params: ofName,
      answer: accessChange,
      run: ({ scope, params, call }) => scope.policies.remove(params.name, call),
    }),
  ],
}
