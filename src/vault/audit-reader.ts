import type { Asked } from '../access/asked.ts'
import { parsePattern } from '../events/pattern.ts'
import {
  type AuditEvent,
  type AuditFollow,
  type AuditPage,
  type AuditQuery,
  checkFollow,
  checkQuery,
  followAudit,
  pageDefault,
  queryAudit,
  recordedOf,
} from './audit.ts'
import { permitted, recordAsked } from './call.ts'
import type { Calls } from './calls.ts'
import type { Engine } from './engine.ts'
import type { Permit } from './permit.ts'
import { permitEvents, untilEnd } from './permit-events.ts'
import type { AuditReader } from './readers.ts'
import type { Session } from './session.ts'

/** What is given of the log, by now. */
type Sees = (event: AuditEvent) => boolean

/**
 * The audit trail of an open vault. Where inspections are recorded, so is each beginning of a look at it.
 *
 * A scope is given the events whose subject it may `audit`, by the policies that hold when they are given; those about
 * the vault itself take that right on `**`. Each of its looks is recorded, and refused where it may see nothing of what
 * the filter is about.
 */
export function auditReader(session: Session, calls: Calls): AuditReader {
  const begin = async (engine: Engine, query: AuditQuery | AuditFollow) => {
    if (!calls.isRecorded) return undefined
    const call = calls.of({})
    const { permit } = call
    const fact = { type: 'audit.read', subject: '', data: { filter: recordedOf(query) } } as const
    await recordAsked(engine, call, { fact, asked: askedBy(query) })
    return permit && seesBy(permit)
  }
  const seesBy =
    (permit: Permit): Sees =>
    ({ subject }) =>
      permit.judge({ operation: 'audit', subject }).allowed
  /** What a scope follows ends with the token that it acts by. */
  const expectHeld = async (query: AuditFollow) => {
    const call = calls.of({})
    const { token } = call.permit ?? {}
    if (token !== undefined && token() === undefined) {
      await permitted(session.engine(), call, askedBy(query))
    }
  }
  async function* pages(query: AuditQuery): AsyncGenerator<AuditPage, void, void> {
    checkQuery(query)
    const engine = session.engine()
    const sees = await begin(engine, query)
    const found = queryAudit(engine, query)
    yield* sees === undefined ? found : seenPages(found, query, sees)
  }
  async function* follow(
    engine: Engine,
    query: AuditFollow,
  ): AsyncGenerator<AuditEvent, void, void> {
    const sees = await begin(engine, query)
    query.onBegin?.()
    const { permit } = calls.of({})
    const onRest = async (next: number) => {
      if (permit !== undefined) await expectHeld(query)
      query.onCaughtUp?.(next - 1)
      return permit && untilEnd(session, permit)
    }
    const besides = permit && permitEvents(session, permit)
    const along = { log: engine, onRest, ...(besides && { besides }) }
    for await (const event of followAudit(session.followed, query, along)) {
      if (sees === undefined || sees(event)) yield event
      else await expectHeld(query)
    }
  }
  return {
    query: (given = {}) => pages(copyOf(given)),
    follow: (given = {}) => {
      const query = copyOf(given)
      checkFollow(query)
      return follow(session.engine(), query)
    },
  }
}

/** A query that stays as it is: what is put on record is what is looked for, whatever its caller does with its own. */
function copyOf<Q extends AuditQuery | AuditFollow>(query: Q): Q {
  const fields = Object.entries(query).map(([name, value]) => [name, fixed(value)])
  return Object.fromEntries(fields) as Q
}

function fixed(value: unknown): unknown {
  if (Array.isArray(value)) return [...value]
  return value instanceof Date ? new Date(value) : value
}

/**
 * Pages of what a scope sees, as full as those that they are made of. A page takes its time to fill, and policy may change
 * meanwhile: what it holds is judged again when it is given. It goes on behind all that was looked at for it.
 */
async function* seenPages(
  pages: AsyncGenerator<AuditPage, void, void>,
  { limit = pageDefault }: AuditQuery,
  sees: Sees,
): AsyncGenerator<AuditPage, void, void> {
  let events: AuditEvent[] = []
  let size = 0
  for await (const page of pages) {
    size = page.size
    for (const event of page.events.filter(sees)) {
      const next = events.at(-1)?.position
      if (events.length === limit && next !== undefined) {
        yield { events: events.filter(sees), size, next }
        events = []
      }
      events.push(event)
    }
  }
  if (events.length > 0) yield { events: events.filter(sees), size }
}

/** A look takes the right to some of what its filter lets through. */
function askedBy({ subject = '**' }: AuditQuery | AuditFollow): Asked {
  const { parts, deep } = parsePattern(subject)
  const wild = parts.indexOf('*')
  const literal = wild === -1 ? parts : parts.slice(0, wild)
  if (wild === -1 && !deep) return { operation: 'audit', subject }
  const prefix = literal.map((part) => `${part}/`).join('')
  return { operation: 'audit', subject: '', below: { prefix, reach: 'some' } }
}
