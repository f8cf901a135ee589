import type { AccessChange, ControlledVault, Policy, RotationPolicy } from '../index.ts'
import { at } from './at.ts'
import { dated } from './dated.ts'
import type { Server } from './server.ts'

/** What roles and tokens may do. */
export function policies(server: Server): ControlledVault['policies'] {
  return {
    list: async (call = {}) =>
      server.json(
        { path: '/policies', call },
        ({ policies }: { readonly policies: readonly object[] }) => policies.map(policyOf),
      ),
    get: async (name, call = {}) => server.json({ path: at`/policies/${name}`, call }, policyOf),
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
    list: async (call = {}) =>
      server.json(
        { path, call },
        ({ rotationPolicies }: { readonly rotationPolicies: readonly object[] }) =>
          rotationPolicies.map((said) => dated<RotationPolicy>(said, ['writtenAt'])),
      ),
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
