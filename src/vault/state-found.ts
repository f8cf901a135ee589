import type { EventType, VaultEvent } from '../events/catalogue.ts'
import { foldChosen, type Projection } from '../projections/projection.ts'
import { queryAudit } from './audit.ts'
import type { FoldedLog } from './folded-log.ts'

/**
 * The state of a projection with the first `size` events, folded from those that it has handlers for: the audit index
 * finds them. For projections of few events, which hold neither bytes nor boxes.
 */
export async function stateFound<S>(
  log: FoldedLog,
  projection: Projection<S>,
  size: number,
): Promise<S> {
  const type = Object.keys(projection.on) as EventType[]
  const events: VaultEvent[] = []
  for await (const page of queryAudit(log, { type, limit: 1000 })) {
    // What they say is neither bytes nor a box: the audit trail shows it as it is.
    const earlier = page.events.filter(({ position }) => position < size) as VaultEvent[]
    events.push(...earlier)
    if (earlier.length < page.events.length) break
  }
  return foldChosen(projection, events)
}
