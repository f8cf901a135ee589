import type { AnchorState, ControlledVault } from '../index.ts'
import { at } from './at.ts'
import { expectList } from './expected.ts'
import type { Server } from './server.ts'

/** Where checkpoints go besides. What a path names, or a URL, the server itself writes to. */
export function anchors(server: Server): ControlledVault['anchors'] {
  const path = '/anchors'
  return {
    list: async (call = {}) => server.json({ path, call }, listOf),
    add: async (place, call = {}) =>
      server.json<AnchorState>({ method: 'POST', path, body: { place }, call }),
    now: async (call = {}) => server.json({ method: 'POST', path: `${path}/now`, call }, listOf),
    remove: async (target, call = {}) =>
      server.done({ method: 'DELETE', path: at`/anchors/${target}`, call }),
  }
}

function listOf({ anchors }: { readonly anchors: readonly AnchorState[] }): readonly AnchorState[] {
  return expectList(anchors)
}
