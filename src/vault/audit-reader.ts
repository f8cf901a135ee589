import type { Asked } from '../access/asked.ts'
import { VaultError } from '../errors.ts'
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
import { type Call, contextIn, permitted, recordAsked } from './call.ts'
import type { Calls } from './calls.ts'
import type { Engine } from './engine.ts'
import type { Permit } from './permit.ts'
import { permitEvents, untilEnd } from './permit-events.ts'
import type { AuditReader } from './readers.ts'
import type { Session } from './session.ts'

/** What policy lets a scope see of the log, by now. */
interface Sight {
  sees(event: AuditEvent): boolean
  /** Throws `DENIED`, once that is on record, where it may no longer see anything of what it looks at. */
  expectHeld(): Promise<void>
}

/** A look that has begun; of the host, and of operators, who see all, without a sight. */
interface Look {
  readonly call: Call
  readonly sight?: Sight
}

/**
 * The audit trail of an open vault. Where inspections are recorded, so is each beginning of a look at it.
 *
 * A scope is given the events whose subject it may `audit`, by the policies that hold when they are given; those about
 * the vault itself take that right on `**`. Each of its looks is recorded, and refused where it may see nothing of what
 * the filter is about.
 */
export function auditReader(session: Session, calls: Calls): AuditReader {
  const begin = async (engine: Engine, query: AuditQuery | AuditFollow): Promise<Look> => {
    const call = calls.of(contextIn(query))
    if (!calls.isRecorded) return { call }
    const { permit } = call
    const asked = askedBy(query)
    const fact = { type: 'audit.read', subject: '', data: { filter: recordedOf(query) } } as const
    await recordAsked(engine, call, { fact, asked })
    if (permit === undefined) return { call }
    const expectHeld = async () => void (await permitted(session.engine(), call, asked))
    return { call, sight: { sees: seesBy(permit), expectHeld } }
  }
  async function* pages(query: AuditQuery): AsyncGenerator<AuditPage, void, void> {
    checkQuery(query)
    const engine = session.engine()
    const { sight } = await begin(engine, query)
    const found = queryAudit(engine, query)
    yield* sight === undefined ? found : seenPages(found, query, sight)
  }
  async function* follow(
    engine: Engine,
    query: AuditFollow,
  ): AsyncGenerator<AuditEvent, void, void> {
    const { size } = engine
    const { call, sight } = await begin(engine, query)
    expectWithin(size, query)
    query.onBegin?.()
    const { permit } = call
    // What a scope follows ends with the token that it acts by.
    const expectToken = async () => {
      if (permit?.token !== undefined && permit.token() === undefined) await sight?.expectHeld()
    }
    const onRest = async (next: number) => {
      await expectToken()
      query.onCaughtUp?.(next - 1)
      return permit && untilEnd(session, permit)
    }
    const besides = permit && permitEvents(session, permit)
    const along = { log: engine, onRest, ...(besides && { besides }) }
    for await (const event of followAudit(session.followed, query, along)) {
      if (sight === undefined || sight.sees(event)) yield event
      else await expectToken()
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
 * meanwhile: what it holds is judged again when it is given, and where something is held back so is the right to look. It
 * goes on behind all that was looked at for it.
 */
async function* seenPages(
  pages: AsyncGenerator<AuditPage, void, void>,
  { limit = pageDefault }: AuditQuery,
  sight: Sight,
): AsyncGenerator<AuditPage, void, void> {
  const seen = async (events: readonly AuditEvent[]) => {
    const left = events.filter((event) => sight.sees(event))
    if (left.length < events.length) await sight.expectHeld()
    return left
  }
  let events: AuditEvent[] = []
  let size = 0
  for await (const page of pages) {
    size = page.size
    for (const event of await seen(page.events)) {
      const next = events.at(-1)?.position
      if (events.length === limit && next !== undefined) {
        yield { events: await seen(events), size, next }
        events = []
      }
      events.push(event)
    }
  }
  if (events.length > 0) yield { events: await seen(events), size }
}

function seesBy(permit: Permit): Sight['sees'] {
  return ({ subject }) => permit.judge({ operation: 'audit', subject }).allowed
}

/** Whoever was told of a later position was told so by another log: a backup may have been put back since. */
function expectWithin(size: number, { after = -1 }: AuditFollow): void {
  if (after < size) return
  throw new VaultError(
    'INVALID',
    `after: the log holds ${size} events, none at position ${after}`,
    {
      expected: size - 1,
      found: after,
    },
  )
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
