import type { ControlledVault, Explanation } from '../index.ts'
import { callAnd } from './call.ts'
import { momentQuery } from './moments.ts'
import type { Server } from './server.ts'

/** Who may do what, and why. */
export function explaining(server: Server): Pick<ControlledVault, 'explain'> {
  return {
    explain: async ({ actor, roles, policies }, { capability, path }, { at, ...options } = {}) =>
      server.json<Explanation>({
        method: 'POST',
        path: '/explain',
        body: { actor, roles, policies, capability, path, ...(at && momentQuery(at)) },
        repeatable: true,
        call: callAnd(options).call,
      }),
  }
}
