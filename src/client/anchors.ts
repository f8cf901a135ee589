import type { AnchorState, ControlledVault } from '../index.ts'
import { at } from './at.ts'
import type { Server } from './server.ts'

/** Where checkpoints go besides. What a path names, or a URL, the server itself writes to. */
export function anchors(server: Server): ControlledVault['anchors'] {
  const path = '/anchors'
  return {
    list: async (call = {}) => {
      const { anchors } = await server.json<Anchors>({ path, call })
      return anchors
    },
    add: async (place, call = {}) =>
      server.json<AnchorState>({ method: 'POST', path, body: { place }, call }),
    now: async (call = {}) => {
      const { anchors } = await server.json<Anchors>({ method: 'POST', path: `${path}/now`, call })
      return anchors
    },
    remove: async (target, call = {}) =>
      server.json<void>({ method: 'DELETE', path: at`/anchors/${target}`, call }),
  }
}

interface Anchors {
  readonly anchors: readonly AnchorState[]
}
