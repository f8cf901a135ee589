import { VaultError } from '../errors.ts'
import { uuidTime } from '../events/uuid.ts'
import { readCommits } from '../log/reader.ts'
import { runsAt } from '../log/seek.ts'
import { type AuditEvent, auditEventOf } from './audit.ts'
import { checkTimeout } from './call.ts'
import type { Engine } from './engine.ts'
import type { Session } from './session.ts'
import { within } from './within.ts'

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** The event of an id, if it landed; a commit that is still under way is waited for. */
export async function outcomeOf(
  session: Session,
  id: string,
  options: { readonly timeout?: number },
): Promise<AuditEvent | undefined> {
  const engine = session.engine()
  const timeout = checkTimeout(options.timeout ?? session.options.timeout)
  await within(timeout, engine.log.settled(), 'the commit under way')
  return findOutcome(engine, id)
}

/**
 * The event of this id, if it landed: the answer to an `UNCERTAIN`. An id holds its event's time, so only events of
 * that millisecond are looked at.
 */
async function findOutcome(engine: Engine, id: string): Promise<AuditEvent | undefined> {
  if (typeof id !== 'string' || !uuidForm.test(id)) {
    throw new VaultError(
      'INVALID',
      'id must be the id of an event, as an error or an event gives it',
    )
  }
  const { corrections } = engine.state.lifecycle.fold.state
  const dated = { source: engine, size: engine.size, corrections }
  for await (const run of runsAt(dated, uuidTime(id))) {
    for await (const commit of readCommits(engine, run)) {
      const event = commit.events.find((candidate) => candidate.id === id)
      if (event !== undefined) return auditEventOf(event)
    }
  }
  return undefined
}
