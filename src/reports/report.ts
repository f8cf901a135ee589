import { VaultError } from '../errors.ts'
import type { VaultEvent } from '../events/catalogue.ts'
import type { Projection, View } from '../projections/projection.ts'

/**
 * What a column holds, and so how each format writes it:
 *
 * - `text`: any text, shown as it is · `id`: a text that no spreadsheet may take for a number
 * - `number`: an integer · `position`: of an event · `hash`: lower-case hex
 * - `time`: milliseconds since the epoch, shown as ISO 8601 in UTC · `duration`: milliseconds
 * - `list`: texts · `status`: one of a few words, which a page may colour
 */
export type ColumnType = (typeof columnTypes)[number]

const columnTypes = [
  'text',
  'id',
  'number',
  'position',
  'hash',
  'time',
  'duration',
  'list',
  'status',
] as const

export interface Column {
  /** `[a-z][a-z0-9_]*`: what JSON and CSV call it. */
  readonly name: string
  /** What a page calls it. */
  readonly title: string
  readonly type: ColumnType
}

export type Cell = string | number | readonly string[] | null

/** One row, before it has its number. */
export interface ReportRow {
  /** The event that it rests on: it has that event's leaf hash. Null where it rests on none, or on all of them. */
  readonly position: number | null
  /** By the names of the columns; what is absent is null. */
  readonly cells: Readonly<Record<string, Cell>>
  /** What somebody has to look at, in a few words. */
  readonly finding?: string
}

/** A picture of figures, drawn by formats that can. */
export interface Chart {
  readonly kind: 'bars' | 'lines'
  readonly title: string
  /** What stands under the bars: days, actors, ages. */
  readonly labels: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]
}

/** What a caller may ask of a report; which of them a report heeds, its `params` say. */
export interface ReportParams {
  /** A pattern of paths: `prod/**`. */
  readonly subject?: string
  /** A pattern of actors. */
  readonly actor?: string
  /** How long before its date a value counts as due, in milliseconds. */
  readonly dueWithin?: number
}

/** What a report is about: a moment, or the events from one position to another. */
export interface ReportAbout {
  /** The last event that it takes. Time in milliseconds since the epoch. */
  readonly asOf: { readonly position: number; readonly time: number }
  /** The first event of the range; 0 unless it was asked for. A report of a moment stands on all of the log, and counts from here. */
  readonly from: number
  readonly params: ReportParams
  /** What stands beside the log and cannot be folded from it. */
  readonly beside: ReportBeside
}

export interface ReportBeside {
  /** `muniment/<vaultId>/<incarnation>`. */
  readonly origin: string
  /** RFC 9162 root hash of the log up to and with `asOf`. */
  readonly root: Uint8Array
  /** Checkpoints kept for good, of a smaller size than the log has as of then; oldest first. */
  readonly checkpoints: readonly {
    readonly origin: string
    readonly size: number
    readonly root: Uint8Array
  }[]
}

interface Defined<S> {
  /** `[a-z][a-z0-9-]*` */
  readonly name: string
  /** Raised when its rows come to mean something else. */
  readonly version: number
  readonly title: string
  /** What is asked, in the words of who asks. */
  readonly question: string
  /** `moment`: how things stand; `range`: what happened. */
  readonly span: 'moment' | 'range'
  readonly params: readonly (keyof ReportParams)[]
  readonly columns: readonly Column[]
  /** Folded from the first event of the log to `asOf`. */
  readonly projection: (about: ReportAbout) => Projection<S>
  /** Whether a row can have a `finding`. */
  readonly judges: boolean
  readonly charts?: (view: View<S>, about: ReportAbout) => readonly Chart[]
}

/** A report whose rows are read from a folded state. */
export interface FoldedReport<S> extends Defined<S> {
  readonly rows: (view: View<S>, about: ReportAbout) => Iterable<ReportRow>
}

/** A report of one row an event of its range, or none; as long as the log may be. */
export interface EventReport<S> extends Defined<S> {
  readonly row: (event: VaultEvent, about: ReportAbout) => ReportRow | undefined
}

export type Report<S> = FoldedReport<S> | EventReport<S>

/** What every report has: besides its own columns, each row its number, its finding, its event and that event's hash. */
export function columnsOf<S>({ columns, judges }: Report<S>): readonly Column[] {
  const finding: Column = { name: 'finding', title: 'finding', type: 'text' }
  return [
    { name: 'row', title: '#', type: 'number' },
    ...columns,
    ...(judges ? [finding] : []),
    { name: 'position', title: 'position', type: 'position' },
    { name: 'leaf_hash', title: 'leaf hash', type: 'hash' },
  ]
}

/** What stands above the rows. Nothing in it depends on when or where the report is made. */
export interface ReportHead {
  readonly report: string
  readonly version: number
  readonly title: string
  readonly question: string
  readonly span: 'moment' | 'range'
  readonly origin: string
  readonly params: ReportParams
  /** The last event taken. */
  readonly asOf: { readonly position: number; readonly time: number }
  /** Its first and last event; from the first of the log unless a beginning was asked for. */
  readonly range: { readonly from: number; readonly to: number; readonly fromTime: number }
  /** Of the log up to and with `asOf`: RFC 9162, root in hex. */
  readonly head: { readonly size: number; readonly root: string }
  readonly columns: readonly Column[]
  readonly judges: boolean
}

/** A row as formats get it: cells in the order of `head.columns`. */
export interface NumberedRow {
  readonly cells: readonly Cell[]
  readonly finding: boolean
}

/** What is known once every row has been written. */
export interface ReportTotals {
  readonly rowCount: number
  readonly findings: number
  /** The events that the report went through, and those of them that were missing: none, or it would have failed. */
  readonly population: {
    readonly first: number
    readonly last: number
    readonly events: number
    readonly gaps: 0
  }
  readonly charts: readonly Chart[]
  /** The CSV of the same rows, where one was made: what a format that shows only some of them cites. */
  readonly csv: readonly { readonly name: string; readonly sha256: string }[]
}

/** Rows that a format for reading shows one by one; beyond, it summarises and cites the CSV. */
export const shownRowsMax = 5000

const nameForm = /^[a-z][a-z0-9-]{0,63}$/
const columnForm = /^[a-z][a-z0-9_]{0,63}$/
/** Those that every report has, whose cells are not the report's to give. */
export const ownColumns: ReadonlySet<string> = new Set(['row', 'finding', 'position', 'leaf_hash'])

/** What a host says of a report of its own; the rest is filled in. */
export type OwnReport<S> = Pick<Defined<S>, 'name' | 'columns'> &
  Partial<Omit<Defined<S>, 'name' | 'columns' | 'projection'>> & {
    readonly projection: Projection<S> | Defined<S>['projection']
    readonly rows: FoldedReport<S>['rows']
  }

/**
 * Checks a report's definition and gives it back, complete. It gets the formats, the numbers, the proofs and the
 * record that the built-in ones have. Throws `INVALID`.
 *
 * @example
 * const writers = defineReport({
 *   name: 'writers',
 *   columns: [
 *     { name: 'actor', title: 'actor', type: 'text' },
 *     { name: 'writes', title: 'writes', type: 'number' },
 *   ],
 *   projection: writesByActor,
 *   rows: (view) => [...view].map(([actor, writes]) => ({ position: null, cells: { actor, writes } })),
 * })
 * const { manifest } = await vault.reports.write(writers, { formats: ['csv'], to: folder })
 */
export function defineReport<S>(own: OwnReport<S>): FoldedReport<S> {
  const { projection } = own
  const report: FoldedReport<S> = {
    version: 1,
    title: own.name,
    question: '',
    span: 'moment',
    params: [],
    judges: false,
    ...own,
    projection: isProjection(projection) ? () => projection : projection,
  }
  checkReport(report)
  return report
}

/** What is neither stays as it is, and is refused. */
function isProjection<S>(given: OwnReport<S>['projection']): given is Projection<S> {
  return typeof given === 'object' && given !== null
}

/** Throws `INVALID`, saying what a definition lacks: it may come from where no types are. */
export function checkReport<S>(report: Report<S>): void {
  const { name, version }: Partial<Report<S>> = Object(report)
  if (typeof name !== 'string' || !nameForm.test(name)) {
    throw new VaultError('INVALID', `a report's name is of the form ${nameForm.source}`)
  }
  if (!Number.isSafeInteger(version) || (version as number) < 1) {
    throw new VaultError('INVALID', `version of report ${name} must be an integer from 1`)
  }
  for (const [member, [holds, expected]] of Object.entries(membersOf(report))) {
    if (!holds) throw new VaultError('INVALID', `${member} of report ${name} must be ${expected}`)
  }
  checkColumns(name, report.columns)
}

/** Of each member whether it is what it must be, and what that is. */
function membersOf<S>(report: Report<S>): Readonly<Record<string, readonly [boolean, string]>> {
  const given: Partial<Record<keyof EventReport<S> | keyof FoldedReport<S>, unknown>> = report
  const { title, question, span, params, judges, columns, projection, charts } = given
  const isFunction = (value: unknown) => typeof value === 'function'
  const rows = 'rows' in report ? 'rows' : 'row'
  return {
    title: [typeof title === 'string', 'a text'],
    question: [typeof question === 'string', 'a text'],
    span: [span === 'moment' || span === 'range', 'moment or range'],
    params: [Array.isArray(params), 'a list'],
    judges: [typeof judges === 'boolean', 'true or false'],
    columns: [Array.isArray(columns), 'a list'],
    projection: [isFunction(projection), 'a projection, or a function that gives one'],
    [rows]: [isFunction(given[rows]), 'a function'],
    charts: [charts === undefined || isFunction(charts), 'a function'],
  }
}

function checkColumns(report: string, columns: readonly Column[]): void {
  const names = columns.map((column) => {
    const { name }: { name?: unknown } = Object(column)
    return typeof name === 'string' ? name : ''
  })
  const wrong = names.find((each) => !columnForm.test(each) || ownColumns.has(each))
  if (wrong !== undefined || names.length === 0 || new Set(names).size < names.length) {
    const form = `distinct names of the form ${columnForm.source}, none of ${[...ownColumns].join(', ')}`
    throw new VaultError('INVALID', `columns of report ${report} need ${form}`)
  }
  for (const { name, title, type } of columns) {
    if (typeof title === 'string' && columnTypes.includes(type)) continue
    const expected = `a title, and a type that is one of ${columnTypes.join(', ')}`
    throw new VaultError('INVALID', `column ${name} of report ${report} needs ${expected}`)
  }
}
