import type {
  CallOptions,
  ProjectionEntry,
  ProjectionState,
  ProjectionStateOptions,
  Scope,
} from '../index.ts'
import { at } from './at.ts'
import { callAnd } from './call.ts'
import { expectList } from './expected.ts'
import { momentQuery } from './moments.ts'
import type { Server } from './server.ts'

/** What projections say, by their names. */
export type RemoteProjections = Pick<Scope['projections'], 'list' | 'get'>

export function projections(server: Server): RemoteProjections {
  return {
    list: async (call: CallOptions = {}) =>
      server.json(
        { path: '/projections', call },
        ({ projections }: { readonly projections: readonly ProjectionEntry[] }) =>
          expectList(projections),
      ),
    get: async (name: string, options: ProjectionStateOptions = {}) => {
      const { at: moment, minPosition, onProgress: _, ...rest } = options
      const { call } = callAnd(rest)
      return server.json<ProjectionState>({
        path: at`/projections/${name}`,
        query: { ...(moment && momentQuery(moment)), 'min-position': minPosition },
        call,
      })
    },
  }
}
