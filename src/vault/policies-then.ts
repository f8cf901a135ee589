import type { EventOf, EventType } from '../events/catalogue.ts'
import type { LogSource } from '../log/reader.ts'
import { foldChosen } from '../projections/projection.ts'
import {
  byPrecedence,
  type RotationPolicyRow,
  rotationPolicies,
} from '../projections/rotation-policies.ts'
import { queryAudit } from './audit.ts'
import type { FoldedLog } from './folded-log.ts'

type PolicyEvent = EventOf<'rotation_policy.written' | 'rotation_policy.removed'>

const types = ['rotation_policy.written', 'rotation_policy.removed'] as const satisfies EventType[]

/** The events of rotation policies among the first `size` of a log. */
interface Found {
  readonly size: number
  readonly events: readonly PolicyEvent[]
}

/** They are few, and never change: each log that is open is searched once, and from there on where it has grown. */
const foundByLog = new WeakMap<LogSource['epochs'], Found>()

/** The rotation policies in force with the first `size` events, in their order of precedence. Throws `ABORTED`. */
export async function policiesThen(
  log: FoldedLog,
  size: number,
  signal: AbortSignal | undefined,
): Promise<readonly RotationPolicyRow[]> {
  const { events } = await foundUpTo(log, size, signal)
  const earlier = events.filter(({ position }) => position < size)
  return byPrecedence(foldChosen(rotationPolicies, earlier))
}

async function foundUpTo(
  log: FoldedLog,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const known = foundByLog.get(log.epochs) ?? { size: 0, events: [] }
  if (known.size >= size) return known
  const found = { size: log.size, events: [...known.events] }
  const query = { type: types, limit: 1000, ...(known.size > 0 && { after: known.size - 1 }) }
  for await (const page of queryAudit(log, { ...query, ...(signal && { signal }) })) {
    // What they say is neither bytes nor a box: the audit trail shows it as it is.
    const events = page.events as readonly PolicyEvent[]
    found.events.push(...events.filter(({ position }) => position < found.size))
  }
  foundByLog.set(log.epochs, found)
  return found
}
