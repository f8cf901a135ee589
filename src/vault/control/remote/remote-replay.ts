import { decodeEvent } from '../../../events/decode.ts'
import { fixedProjection, startFold, viewOf } from '../../../projections/projection.ts'
import { teller } from '../../replay.ts'
import type { ControlledVault } from '../controlled-vault.ts'
import type { LoggedEvents } from '../logged-events.ts'
import type { Connection } from './connection.ts'

/** Folds the events here, as a projection is code: the other process hands them over. */
export function remoteReplay(connection: Connection): ControlledVault['replay'] {
  return async (projection, { onProgress, ...options } = {}) => {
    const fixed = fixedProjection(projection)
    const items = connection.items('replay', [fixed.name, options])
    const { size } = (await items.next()).value as { readonly size: number }
    const fold = startFold(fixed)
    const tell = teller(size, onProgress)
    for await (const some of items as AsyncIterable<LoggedEvents>) {
      fold.apply(eventsIn(some))
      tell(fold.position)
    }
    return { view: viewOf(fold), position: fold.position }
  }
}

function eventsIn({ first, bytes, ends }: LoggedEvents) {
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : (ends[i - 1] ?? 0)
    return decodeEvent(bytes, { start, end, position: first + i })
  })
}
