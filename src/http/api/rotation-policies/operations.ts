import { Type } from 'typebox'
import { secretTypes } from '../../../index.ts'
import { type Group, operation } from '../operation.ts'
import { accessChange, writing } from '../shapes/access.ts'
import { milliseconds, oneOf, strict } from '../shapes/common.ts'

const scopeOf = {
  prefix: Type.Optional(
    Type.String({ description: 'Of paths; all of them unless said.', examples: ['prod/'] }),
  ),
  type: Type.Optional(oneOf(secretTypes, { description: 'Of secrets; all of them unless said.' })),
}

const rotateEvery = Type.Optional(
  milliseconds('How old values may get; without it they are exempt'),
)

export const rotationPolicyOperations: Group = {
  name: 'Rotation policies',
  description: 'How old values may get, of secrets that do not say so themselves.',
  operations: [
    operation({
      id: 'listRotationPolicies',
      method: 'GET',
      path: '/rotation-policies',
      summary: 'Those in force, the ones that go before others first',
      right: 'policy',
      answer: strict({
        rotationPolicies: Type.Array(strict({ ...scopeOf, rotateEvery, ...writing })),
      }),
      run: async ({ scope, call }) => ({
        rotationPolicies: await scope.rotationPolicies.list(call),
      }),
    }),
    operation({
      id: 'setRotationPolicy',
      method: 'PUT',
      path: '/rotation-policies',
      summary: 'Says how old values may get, below a prefix, of a type, of both, or of all secrets',
      right: 'policy',
      query: strict(scopeOf),
      body: strict({ rotateEvery }),
      answer: accessChange,
      run: ({ scope, query, body, call }) => scope.rotationPolicies.set(query, body, call),
    }),
    operation({
      id: 'removeRotationPolicy',
      method: 'DELETE',
      path: '/rotation-policies',
      summary: 'Takes back what was said of that prefix and type',
      right: 'policy',
      query: strict(scopeOf),
      answer: accessChange,
      refusals: ['NOT_FOUND'],
      run: ({ scope, query, call }) => scope.rotationPolicies.remove(query, call),
    }),
  ],
}
