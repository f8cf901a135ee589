import type { AccessChange, ControlledVault, Policy, RotationPolicy } from '../index.ts'
import { at } from './at.ts'
import { dated } from './dated.ts'
import type { Server } from './server.ts'

/** What roles and tokens may do. */
export function policies(server: Server): ControlledVault['policies'] {
  return {
    list: async (call = {}) => {
      const { policies } = await server.json<{ policies: readonly object[] }>({
        path: '/policies',
        call,
      })
      return policies.map(policyOf)
    },
    get: async (name, call = {}) =>
      policyOf(await server.json<object>({ path: at`/policies/${name}`, call })),
    write: async (name, { rules, text }, call = {}) =>
      server.json<AccessChange>({
        method: 'PUT',
        path: at`/policies/${name}`,
        body: { rules, text },
        call,
      }),
    remove: async (name, call = {}) =>
      server.json<AccessChange>({ method: 'DELETE', path: at`/policies/${name}`, call }),
  }
}

function policyOf(said: object): Policy {
  return dated<Policy>(said, ['writtenAt'])
}

/** How old values may get, of secrets that do not say so themselves. */
export function rotationPolicies(server: Server): ControlledVault['rotationPolicies'] {
  const path = '/rotation-policies'
  return {
    list: async (call = {}) => {
      const { rotationPolicies } = await server.json<{ rotationPolicies: readonly object[] }>({
        path,
        call,
      })
      return rotationPolicies.map((said) => dated<RotationPolicy>(said, ['writtenAt']))
    },
    set: async ({ prefix, type }, { rotateEvery }, call = {}) =>
      server.json<AccessChange>({
        method: 'PUT',
        path,
        query: { prefix, type },
        body: { rotateEvery },
        call,
      }),
    remove: async ({ prefix, type }, call = {}) =>
      server.json<AccessChange>({ method: 'DELETE', path, query: { prefix, type }, call }),
  }
}
