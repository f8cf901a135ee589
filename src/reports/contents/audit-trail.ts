import type { EventContext, EventType, VaultEvent } from '../../events/catalogue.ts'
import { defineProjection } from '../../projections/projection.ts'
import type { EventReport, ReportAbout } from '../report.ts'
import { type ByType, sayOf } from './by-type.ts'
import { columns } from './columns.ts'
import { countDay, type Days, timeline } from './days.ts'
import { filterOf, keeps } from './filter.ts'

interface Activity {
  readonly reads: Days
  /** Events by actor. */
  readonly actors: Map<string, number>
}

const busiestMax = 10

/** R1: every event of a range, one a row. */
export const auditTrail: EventReport<Activity> = {
  name: 'audit-trail',
  version: 1,
  title: 'Audit trail',
  question: 'Who did what to which secret, when, from where, why, and was it allowed?',
  span: 'range',
  params: ['subject', 'actor'],
  columns: columns({
    time: 'time',
    type: 'id',
    actor: 'text',
    authentication: 'status',
    source: 'text',
    path: 'text',
    version: 'list',
    decision: 'status',
    rule: 'text',
    reason: 'text',
    correlation: 'text',
  }),
  judges: false,
  projection: activity,
  row: (event, { params }) => {
    if (!keeps(filterOf(params), event)) return undefined
    const { position, time, type, actor, subject, context } = event
    const { source, reason, correlationId } = context
    return {
      position,
      cells: {
        time,
        type,
        actor,
        authentication: authenticationOf(context),
        source: source ?? null,
        path: subject === '' ? null : subject,
        version: sayOf(versions, event)?.map(String) ?? null,
        decision: decisionOf(event),
        rule: ruleOf(event),
        reason: reason ?? null,
        correlation: correlationId ?? null,
      },
    }
  },
  charts: ({ reads, actors }) => [
    timeline({ title: 'reads', series: [{ name: 'reads', days: reads }] }),
    busiest(actors),
  ],
}

function activity({ from, params }: ReportAbout) {
  const filter = filterOf(params)
  return defineProjection<Activity>({
    name: 'report-audit-trail',
    version: 1,
    initial: () => ({ reads: new Map(), actors: new Map() }),
    on: {},
    each: ({ reads, actors }, event) => {
      if (event.position < from || !keeps(filter, event)) return
      actors.set(event.actor, (actors.get(event.actor) ?? 0) + 1)
      if (event.type === 'secret.accessed') countDay(reads, event.time)
    },
  })
}

function busiest(actors: ReadonlyMap<string, number>) {
  const first = [...actors]
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, busiestMax)
  return {
    kind: 'bars' as const,
    title: 'events by actor, the busiest ten',
    labels: first.map(([actor]) => actor),
    series: [{ name: 'events', values: first.map(([, count]) => count) }],
  }
}

/** How the actor was established; null where nothing did, as with failed unlocks. */
export function authenticationOf({ auth }: EventContext): string | null {
  return auth?.method ?? null
}

const versions: ByType<readonly number[] | undefined> = {
  'secret.written': ({ data }) => [data.version],
  'secret.rotated': ({ data }) => [data.version],
  'secret.deleted': ({ data }) => data.versions,
  'secret.restored': ({ data }) => data.versions,
  'secret.destroyed': ({ data }) => data.versions.map(({ version }) => version),
  'secret.purged': ({ data }) => [data.version],
  'secret.accessed': ({ data }) => [data.version],
  'secret.denied': ({ data }) => (data.version === undefined ? undefined : [data.version]),
}

const outcomes: Readonly<Partial<Record<EventType, 'denied' | 'failed'>>> = {
  'secret.denied': 'denied',
  'auth.failed': 'failed',
  'secret.rotation_failed': 'failed',
}

function decisionOf({ type }: VaultEvent): 'allowed' | 'denied' | 'failed' {
  return outcomes[type] ?? 'allowed'
}

/** The rule that decided; of a refusal by something else than policy, what that was. */
function ruleOf(event: VaultEvent): string | null {
  if (event.type === 'auth.failed') return event.data.cause ?? null
  if (event.type === 'secret.denied' && event.data.cause !== 'policy') return event.data.cause
  const rule = event.context.decision?.rule
  return rule === '' ? 'no rule' : (rule ?? null)
}
