import { VaultError } from '../../errors.ts'
import type { VersionState } from '../../projections/secrets.ts'
import type { FoldedReport, ReportParams, ReportRow } from '../report.ts'
import { columns } from './columns.ts'
import { type ExportedValue, stillExported, wholeOf } from './exposure-exports.ts'
import { type Exposure, exposureOf, type Handed, type ReadVersion } from './exposure-fold.ts'
import { type Filter, filterOf } from './filter.ts'

/**
 * R1's preset: what somebody read in a range, and what has become of it since. A finding is a value that is still the
 * secret's. The exports of a prefix count for what they handed out: a row for themselves, and one for each secret below
 * it whose value is still that of then.
 */
export const exposure: FoldedReport<Exposure> = {
  name: 'exposure',
  version: 1,
  title: 'Exposure',
  question: 'What did this actor read since then, which version, and has it been changed since?',
  span: 'range',
  params: ['actor', 'subject'],
  columns: columns({
    actor: 'text',
    authentication: 'status',
    path: 'text',
    version: 'number',
    by: 'status',
    count: 'number',
    first: 'time',
    last: 'time',
    status: 'status',
    ended_at: 'time',
    ended_position: 'position',
  }),
  judges: true,
  projection: ({ params, from }) => exposureOf(expectActor(params), from),
  *rows(view) {
    for (const [, row] of view.reads.inOrder()) yield readRow(row, view.values.get(row.path)?.state)
    for (const [, exported] of view.exports.inOrder()) {
      const whole = wholeOf(exported)
      if (whole !== undefined) yield exportRow(whole, exported.prefix)
      for (const value of stillExported(view, exported)) yield valueRow(value)
    }
  },
}

function expectActor(params: ReportParams): Filter {
  if (params.actor !== undefined) return filterOf(params)
  throw new VaultError('INVALID', 'report exposure needs an actor: whose reads it is about')
}

type Status = 'in_force' | 'deleted' | 'changed' | 'destroyed' | 'purged' | 'exported'

const statuses = {
  live: 'in_force',
  deleted: 'deleted',
  destroyed: 'destroyed',
} as const satisfies Record<VersionState, Status>

const findings: Readonly<Partial<Record<Status, string>>> = {
  in_force: 'its value is not changed since',
  deleted: 'deleted, which can be undone; its value is not changed since',
}

function readRow(row: ReadVersion, state: VersionState = 'live'): ReportRow {
  const { path, version, ended } = row
  const cells = { path, version, by: 'read', ended_at: ended?.time ?? null }
  const ended_position = ended?.position ?? null
  return rowOf(row, ended?.how ?? statuses[state], { ...cells, ended_position })
}

function exportRow(row: Handed, prefix: string): ReportRow {
  return rowOf(row, 'exported', { path: `${prefix}**`, by: 'export' })
}

function valueRow(row: ExportedValue): ReportRow {
  const { path, version, state } = row
  return rowOf(row, statuses[state], { path, version, by: 'export' })
}

function rowOf(
  { actor, authentication, count, first, last, position }: Handed,
  status: Status,
  more: ReportRow['cells'],
): ReportRow {
  const finding = findings[status]
  return {
    position,
    cells: { actor, authentication, count, first, last, status, ...more },
    ...(finding !== undefined && { finding }),
  }
}
