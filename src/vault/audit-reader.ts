import {
  type AuditEvent,
  type AuditFollow,
  type AuditPage,
  type AuditQuery,
  checkFollow,
  checkQuery,
  followAudit,
  queryAudit,
  recordedOf,
  recordRead,
} from './audit.ts'
import type { Call } from './call.ts'
import type { Engine } from './engine.ts'
import type { AuditReader } from './readers.ts'
import type { Session } from './session.ts'

/** The audit trail of an open vault. Where inspections are recorded, so is each beginning of a look at it. */
export function auditReader(session: Session, call: () => Call): AuditReader {
  const record = async (engine: Engine, query: AuditQuery | AuditFollow) => {
    if (session.options.inspections) await recordRead(engine, call(), recordedOf(query))
  }
  async function* pages(query: AuditQuery): AsyncGenerator<AuditPage, void, void> {
    checkQuery(query)
    const engine = session.engine()
    await record(engine, query)
    yield* queryAudit(engine, query)
  }
  async function* follow(
    engine: Engine,
    query: AuditFollow,
  ): AsyncGenerator<AuditEvent, void, void> {
    await record(engine, query)
    yield* followAudit(session.followed, query)
  }
  return {
    query: (query = {}) => pages(query),
    follow: (query = {}) => {
      checkFollow(query)
      return follow(session.engine(), query)
    },
  }
}
