import type { FoldedReport, ReportRow } from '../report.ts'
import { columns } from './columns.ts'
import { timeline } from './days.ts'
import {
  type DenialGroup,
  type Denials,
  denialBurst,
  denialsOf,
  type Refusal,
  unlockBurst,
} from './denials-fold.ts'
import { filterOf } from './filter.ts'
import { durationText } from './phrases.ts'

/** R6: what was refused to whom and why, and what of it deserves a look. */
export const denials: FoldedReport<Denials> = {
  name: 'denials',
  version: 1,
  title: 'Denials and anomalies',
  question: 'Who was refused what, how often, and does it look like an attempt?',
  span: 'range',
  params: ['subject', 'actor'],
  columns: columns({
    actor: 'text',
    count: 'number',
    reason: 'status',
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
  charts: ({ denied, failed }) => [
    timeline({
      title: 'refusals',
      series: [
        { name: 'denials', days: denied },
        { name: 'failed unlocks', days: failed },
      ],
    }),
  ],
}

const reuses: ReadonlySet<Refusal> = new Set(['expired', 'read_although_expired'])

function rowOf(group: DenialGroup): ReportRow {
  const { actor, reason, count, first, last, paths, elsewhere, position } = group
  const finding = findingOf(group)
  return {
    position,
    cells: {
      actor,
      count,
      reason,
      first,
      last,
      paths,
      elsewhere,
      reuse_of_expired: reuses.has(reason) ? count : 0,
    },
    ...(finding !== undefined && { finding }),
  }
}

function findingOf({ reason, isBurst }: DenialGroup): string | undefined {
  const { count, withinMs } = reason === 'failed_unlock' ? unlockBurst : denialBurst
  const what = reason === 'failed_unlock' ? 'wrong credentials' : 'refusals of this actor'
  const words = [
    isBurst ? `${count} or more ${what} within ${durationText(withinMs)}` : undefined,
    reason === 'expired' ? 'an expired value was asked for' : undefined,
    reason === 'read_although_expired' ? 'an expired value was handed out' : undefined,
  ].filter((each) => each !== undefined)
  return words.length === 0 ? undefined : words.join('; ')
}
