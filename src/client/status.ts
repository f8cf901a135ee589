import type { CallOptions, Health, Identity } from '../index.ts'
import type { Server } from './server.ts'

/** Which vault it is, and how it is. */
export interface RemoteStatus {
  /** What an operator looks at first; it takes the right to `audit` everything. */
  health(call?: CallOptions): Promise<Health>
  /** Which vault it is, for whoever is to check what it proves. */
  identity(call?: CallOptions): Promise<Identity>
}

export function status(server: Server): RemoteStatus {
  return {
    health: async (call = {}) => server.json<Health>({ path: '/health', call }),
    identity: async (call = {}) => server.json<Identity>({ path: '/identity', call }),
  }
}
