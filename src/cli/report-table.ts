import type { Cell, Column, NumberedRow, ReportHead, ReportRun, RunTotals } from '../index.ts'
import type { Cli } from './cli.ts'
import { clipped, plural, properties, table } from './text.ts'
import { span } from './when.ts'

/** Rows that are printed; what a terminal has room for, and a person patience. */
const rowsShownMax = 200
const cellWidthMax = 60

/** The columns that people need of a report, where they need fewer than it has. */
export const neededColumns: Readonly<Record<string, readonly string[]>> = {
  'audit-trail': [
    'position',
    'time',
    'type',
    'actor',
    'path',
    'version',
    'decision',
    'rule',
    'reason',
  ],
  exposure: ['actor', 'path', 'version', 'by', 'count', 'last', 'status', 'ended_at'],
  rotation: ['path', 'owner', 'type', 'version', 'age', 'max_age', 'due', 'status'],
  keys: ['key', 'purpose', 'keyslots', 'created', 'encrypt_until', 'state', 'last_use', 'uses'],
  erasure: ['subject', 'version', 'requester', 'method', 'destroyed_at', 'reason', 'status'],
  'access-review': [
    'actor',
    'role',
    'label',
    'rule',
    'effect',
    'capabilities',
    'paths',
    'expires_at',
    'last_used',
    'uses',
    'status',
  ],
  denials: ['actor', 'count', 'reason', 'source', 'causes', 'first', 'last', 'paths'],
  privileged: ['position', 'time', 'act', 'actor', 'subject', 'detail', 'reason'],
  integrity: ['what', 'time', 'count', 'size', 'status', 'detail'],
}

/** Every report by its name: known before what makes them is loaded, which most commands never do. */
export const reportNames: readonly string[] = Object.keys(neededColumns)

/** As much of a report as people read: some of its rows, all of its figures. */
export interface ShownReport {
  readonly head: ReportHead
  /** In order. */
  readonly rows: readonly NumberedRow[]
  readonly totals: RunTotals
}

/** Goes through all of a report. Of more rows than are shown, those with findings go before those without. */
export async function shownOf({ head, rows: run }: ReportRun): Promise<ShownReport> {
  const found: NumberedRow[] = []
  const others: NumberedRow[] = []
  const rows = run()
  for (;;) {
    const next = await rows.next()
    if (next.done === true) {
      const kept = [...found, ...others].slice(0, rowsShownMax)
      return { head, rows: kept.sort((a, b) => numberOf(a) - numberOf(b)), totals: next.value }
    }
    for (const row of next.value) {
      const list = row.finding ? found : others
      if (list.length < rowsShownMax) list.push(row)
    }
  }
}

/** The first column of every report is the row's number. */
function numberOf({ cells: [row] }: NumberedRow): number {
  return typeof row === 'number' ? row : 0
}

export function reportWords(cli: Cli, { head, rows, totals }: ShownReport): string {
  const { rowCount, findings, population } = totals
  const of = `${plural(rowCount, 'row')} of ${plural(population.events, 'event')}, none missing`
  const judged = head.judges ? `; ${plural(findings, 'finding')}` : ''
  const parts = [headWords(cli, head), rowWords(cli, head, rows), `${of}${judged}`]
  return parts.filter((part) => part !== '').join('\n\n')
}

function headWords(cli: Cli, head: ReportHead): string {
  const { title, question, span: about, params, asOf, range } = head
  const at = (position: number, time: number) =>
    `position ${position}, ${cli.exact(new Date(time))} ${cli.globals.tz}`
  const isEmpty = range.from > range.to
  const from = isEmpty ? 'nothing: no event is so late' : at(range.from, range.fromTime)
  const hasRange = about === 'range' || range.from > 0
  const { subject, actor, dueWithin } = params
  return [
    question === '' ? title : `${title}: ${question}`,
    properties([
      ['from', hasRange ? from : undefined],
      [hasRange ? 'to' : 'as of', at(asOf.position, asOf.time)],
      ['subject', subject],
      ['actor', actor],
      ['due within', dueWithin === undefined ? undefined : span(dueWithin)],
    ]),
  ].join('\n')
}

function rowWords(cli: Cli, head: ReportHead, rows: readonly NumberedRow[]): string {
  if (rows.length === 0) return ''
  const columns = columnsFor(head, rows)
  const marks = rows.some(({ finding }) => finding)
  const headings = columns.map(({ title, type }) =>
    type === 'time' ? `${title} (${cli.globals.tz})` : title,
  )
  const body = rows.map(({ cells, finding }) => [
    ...(marks ? [finding ? '!' : ''] : []),
    ...columns.map((column) => cellWords(cli, column, cells[head.columns.indexOf(column)])),
  ])
  return table([...(marks ? [''] : []), ...headings], body, (row) => rows[row]?.finding === true)
}

/** Those that people need, without those that hold nothing here. What is found is always among them. */
function columnsFor(head: ReportHead, rows: readonly NumberedRow[]): readonly Column[] {
  const names = neededColumns[head.report] ?? head.columns.map(({ name }) => name)
  const wanted = new Set(['row', ...names, 'finding'])
  wanted.delete('leaf_hash')
  return head.columns.filter(
    ({ name }, i) => wanted.has(name) && rows.some(({ cells }) => hasContent(cells[i])),
  )
}

function hasContent(cell: Cell | undefined): boolean {
  return cell !== null && cell !== undefined && !(Array.isArray(cell) && cell.length === 0)
}

function cellWords(cli: Cli, { name, type }: Column, cell: Cell | undefined): string {
  if (!hasContent(cell)) return '-'
  if (type === 'time' && typeof cell === 'number') return cli.exact(new Date(cell))
  if (type === 'duration' && typeof cell === 'number') return span(cell)
  const text = typeof cell === 'object' ? (cell ?? []).join(', ') : String(cell)
  // What is found is said in full: it is what somebody has to look at.
  return name === 'finding' ? text : clipped(text, cellWidthMax)
}

/** What the table leaves out, and where it is. */
export function leftOut({ rows, totals }: ShownReport): string | undefined {
  if (rows.length === totals.rowCount) return undefined
  const of = plural(totals.rowCount, 'row')
  if (totals.findings === 0) return `only the first ${rows.length} of ${of} are shown`
  return `only ${rows.length} of ${of} are shown, those with findings before others`
}
