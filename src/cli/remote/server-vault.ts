import type { RemoteVault } from '../../client.ts'
import type { ControlledVault } from '../../index.ts'
import { UsageError } from '../failure.ts'
import { withFiles } from './files.ts'

/** The vault of a server as commands have it: what they do with one that they opened, its projections by their names, and the token. */
export interface ServerVault extends ControlledVault, Pick<RemoteVault, 'projections' | 'self'> {}

export function serverVault(remote: RemoteVault): ServerVault {
  return {
    ...remote,
    ...withFiles(remote),
    replay: async () => {
      throw new UsageError('a server folds the projections that it has, by their names')
    },
    acceptClock: async () => {
      throw new UsageError('that the clock is right, only whoever runs the server can say')
    },
    // Each request is one of its own.
    close: async () => undefined,
  }
}
