import type { EventType, VaultEvent } from '../events/catalogue.ts'
import type { LogSource } from '../log/reader.ts'
import { foldChosen, type Projection } from '../projections/projection.ts'
import { queryAudit } from './audit.ts'
import type { FoldedLog } from './folded-log.ts'

/** The events among the first `size` of a log that a projection has handlers for. */
interface Found {
  readonly size: number
  readonly events: readonly VaultEvent[]
}

/**
 * They are few, and never change: each log that is open is searched once for a projection of the vault's own, and from
 * there on where it has grown.
 */
const foundByLog = new WeakMap<LogSource['epochs'], Map<string, Found>>()

/**
 * The state of a projection with the first `size` events, folded from those that it has handlers for: the audit index
 * finds them. For the vault's own projections of few events, which hold neither bytes nor boxes. Throws `ABORTED`.
 */
export async function stateFound<S>(
  log: FoldedLog,
  projection: Projection<S>,
  { size, signal }: { readonly size: number; readonly signal?: AbortSignal | undefined },
): Promise<S> {
  const { events } = await foundUpTo(log, projection, { size, signal })
  return foldChosen(
    projection,
    events.filter(({ position }) => position < size),
  )
}

async function foundUpTo<S>(
  log: FoldedLog,
  { name, on }: Projection<S>,
  { size, signal }: { readonly size: number; readonly signal: AbortSignal | undefined },
): Promise<Found> {
  const byName = foundByLog.get(log.epochs) ?? new Map<string, Found>()
  foundByLog.set(log.epochs, byName)
  const known = byName.get(name) ?? { size: 0, events: [] }
  if (known.size >= size) return known
  const found = { size: log.size, events: [...known.events] }
  const type = Object.keys(on) as EventType[]
  const query = { type, limit: 1000, ...(known.size > 0 && { after: known.size - 1 }) }
  for await (const page of queryAudit(log, { ...query, ...(signal && { signal }) })) {
    // What they say is neither bytes nor a box: the audit trail shows it as it is.
    const events = page.events as readonly VaultEvent[]
    found.events.push(...events.filter(({ position }) => position < found.size))
  }
  byName.set(name, found)
  return found
}
