import type { FoldedReport, ReportRow } from '../report.ts'
import { columns } from './columns.ts'
import { timeline } from './days.ts'
import {
  type DenialGroup,
  type Denials,
  denialBurst,
  denialsOf,
  failureBurst,
  type Refusal,
} from './denials-fold.ts'
import { filterOf } from './filter.ts'
import { durationText } from './phrases.ts'

/** R6: what was refused to whom and why, and what of it deserves a look. */
export const denials: FoldedReport<Denials> = {
  name: 'denials',
  version: 2,
  title: 'Denials and anomalies',
  question: 'Who was refused what, how often, and does it look like an attempt?',
  span: 'range',
  params: ['subject', 'actor'],
  columns: columns({
    actor: 'text',
    count: 'number',
    reason: 'status',
    source: 'text',
    causes: 'list',
    first: 'time',
    last: 'time',
    paths: 'list',
    elsewhere: 'number',
    reuse_of_expired: 'number',
  }),
  judges: true,
  projection: ({ params, from }) => denialsOf(filterOf(params), from),
  *rows({ groups }) {
    for (const [, group] of groups.inOrder()) yield rowOf(group)
  },
  charts: ({ denied, failedUnlocks, failed }) => [
    timeline({
      title: 'refusals',
      series: [
        { name: 'denials', days: denied },
        { name: 'failed unlocks', days: failedUnlocks },
        { name: 'failed tokens and logins', days: failed },
      ],
    }),
  ],
}

const reuses: ReadonlySet<Refusal> = new Set(['expired', 'read_although_expired'])

function rowOf(group: DenialGroup): ReportRow {
  const { actor, reason, source, causes, count, first, last, paths, elsewhere, position } = group
  const finding = findingOf(group)
  return {
    position,
    cells: {
      actor,
      count,
      reason,
      source: source ?? null,
      causes,
      first,
      last,
      paths,
      elsewhere,
      reuse_of_expired: reuses.has(reason) ? count : 0,
    },
    ...(finding !== undefined && { finding }),
  }
}

/** What there were too many of, in too short a time. */
const bursts: Readonly<Partial<Record<Refusal, string>>> = {
  failed_unlock: 'wrong credentials',
  failed_token: 'tokens that do not hold from this source',
  failed_login: 'failed logins from this source',
}

function findingOf({ reason, isBurst }: DenialGroup): string | undefined {
  const what = bursts[reason]
  const { count, withinMs } = what === undefined ? denialBurst : failureBurst
  const words = [
    isBurst
      ? `${count} or more ${what ?? 'refusals of this actor'} within ${durationText(withinMs)}`
      : undefined,
    reason === 'expired' ? 'an expired value was asked for' : undefined,
    reason === 'read_although_expired' ? 'an expired value was handed out' : undefined,
  ].filter((each) => each !== undefined)
  return words.length === 0 ? undefined : words.join('; ')
}
