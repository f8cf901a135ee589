import { VaultError } from '../errors.ts'
import { knownUuidTime } from '../events/uuid.ts'
import { givenIdMsMax, timeMsMax } from '../limits.ts'
import { mayBeLetGo } from '../projections/given-ids.ts'
import { changeTypes } from '../projections/versions.ts'
import { type AuditEvent, auditEventOf, queryAudit } from './audit.ts'
import {
  type Call,
  type CallOptions,
  checkTimeout,
  permitted,
  recordFact,
  withItself,
} from './call.ts'
import type { Calls } from './calls.ts'
import type { Engine } from './engine.ts'
import { eventOfGiven, eventOfOwn } from './event-of-id.ts'
import { isUuidv7Text } from './given-id.ts'
import type { Session } from './session.ts'
import { wholeTrail } from './whole-trail.ts'
import { within } from './within.ts'

/**
 * The event of an id, if it landed; a commit that is still under way is waited for. A scope is given what it did itself,
 * and of what others did that whose subject it may `audit`; that it asked is on record either way. Throws `DENIED`.
 */
export async function outcomeOf(
  session: Session,
  id: string,
  { calls, options }: { readonly calls: Calls; readonly options: CallOptions },
): Promise<AuditEvent | undefined> {
  return calls.run(options, async (call, engine) => {
    if (!isUuidv7Text(id)) {
      throw new VaultError(
        'INVALID',
        'id must be the id of an event, as an error or an event gives it',
      )
    }
    const { permit } = call
    // Of a token that ended nothing is looked for.
    if (permit?.token !== undefined && permit.token() === undefined) {
      await permitted(engine, call, wholeTrail)
    }
    const timeout = checkTimeout(options.timeout ?? session.options.timeout)
    await within(timeout, engine.log.settled(), 'the commit under way')
    const event = await findOutcome(engine, id, options.signal)
    if (permit !== undefined) await recordOutcome(engine, call, { id, event })
    return event
  })
}

/** What a caller did itself it may always be told, and what never landed as well: neither takes a right. */
async function recordOutcome(
  engine: Engine,
  call: Call,
  { id, event }: { readonly id: string; readonly event: AuditEvent | undefined },
): Promise<void> {
  const isOwn = event === undefined || event.actor === call.actor
  const subject = event?.subject ?? ''
  await recordFact(engine, isOwn ? withItself(call) : call, {
    type: 'audit.read',
    subject,
    data: { filter: { outcome: id } },
  })
}

/**
 * An id that its caller chose is known for as long as it is admitted. One that the vault made holds its event's time, so
 * that only events of that millisecond are looked at. One that was let go may be of any event within an hour of its time.
 */
async function findOutcome(
  engine: Engine,
  id: string,
  signal: AbortSignal | undefined,
): Promise<AuditEvent | undefined> {
  const event = (await eventOfGiven(engine, id)) ?? (await eventOfOwn(engine, id))
  if (event !== undefined) return auditEventOf(event)
  if (!mayBeLetGo(engine.state.givenIds.fold.state, id)) return undefined
  const time = knownUuidTime(id)
  const [from, to] = [Math.max(0, time - givenIdMsMax), Math.min(time + givenIdMsMax, timeMsMax)]
  const pages = queryAudit(engine, {
    type: changeTypes,
    from: new Date(from),
    to: new Date(to),
    limit: 1000,
    ...(signal && { signal }),
  })
  for await (const { events } of pages) {
    const found = events.find((candidate) => candidate.id === id)
    if (found !== undefined) return found
  }
  return undefined
}
