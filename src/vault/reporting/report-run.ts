import { breather } from '../../breather.ts'
import { VaultError } from '../../errors.ts'
import type { VaultEvent } from '../../events/catalogue.ts'
import { parsePattern } from '../../events/pattern.ts'
import { askedDueWithinMsMax } from '../../limits.ts'
import { eventAt, leavesOf, type ReadCommit, readCommits } from '../../log/reader.ts'
import { firstFrom } from '../../log/seek.ts'
import { expectOngoing } from '../../ongoing.ts'
import { type Projection, startFold, viewOf } from '../../projections/projection.ts'
import { originOf } from '../../proofs/origin.ts'
import { subtreesOf } from '../../proofs/subtrees.ts'
import { positionOf, rowCounter } from '../../reports/numbered-rows.ts'
import {
  columnsOf,
  type EventReport,
  type FoldedReport,
  type NumberedRow,
  type Report,
  type ReportAbout,
  type ReportHead,
  type ReportParams,
  type ReportRow,
} from '../../reports/report.ts'
import type { ReportRun, RunTotals } from '../../reports/run.ts'
import { checkPosition, queryAudit } from '../audit.ts'
import { date } from '../meta-options.ts'
import { expectMoment, type Moment, type PassOptions, sizeOf, teller } from '../replay.ts'
import { treeSource } from '../tree-source.ts'
import { leafHashesAt } from './leaf-hashes.ts'
import { isBuiltIn } from './report-definition.ts'
import type { ReportSource } from './report-source.ts'

export interface ReportOptions extends ReportParams, PassOptions {
  /** Where its range begins: with the event at a position, or the first one at or after a date. */
  readonly from?: Moment
  /** The last event that it takes, or the last one at or before a date; the newest unless said. */
  readonly asOf?: Moment
}

/** What a report is asked, with its moments found in the log. */
interface Asked {
  readonly params: ReportParams
  /** The first position of the range. */
  readonly from: number
  /** How many events it takes, from the first of the log on. */
  readonly size: number
}

/** A report that can be run: nothing of it has been handed out. */
export interface Prepared<S> {
  readonly source: ReportSource
  readonly report: Report<S>
  readonly about: ReportAbout
  readonly head: ReportHead
  /** Of the vault's own alone: other code is given nothing of the log before that is on record. */
  readonly projection?: Projection<S>
}

const rowsPerBatch = 64

/** Finds the moments in the log, and refuses what the report does not take. Throws `INVALID`. */
export async function prepareReport<S>(
  source: ReportSource,
  report: Report<S>,
  options: ReportOptions,
): Promise<Prepared<S>> {
  const about = await aboutOf(source, await ask(source.log, report, options))
  const prepared = { source, report, about, head: await headOf(source, report, about) }
  return isBuiltIn(report) ? { ...prepared, projection: report.projection(about) } : prepared
}

async function ask<S>(
  log: ReportSource['log'],
  report: Report<S>,
  options: ReportOptions,
): Promise<Asked> {
  const params = paramsOf(report, options)
  const { asOf, from } = options
  // The log may grow meanwhile: both ends are looked for in the same one.
  const { size: whole } = log
  const size = asOf === undefined ? whole : await sizeOf(log, asOf, 'asOf')
  if (size === 0) throw new VaultError('INVALID', 'asOf is before the first event of the log')
  const start = from === undefined ? 0 : await startOf(log, whole, from)
  if (start > size) {
    const message = `from is position ${start}, behind the last event of the report, ${size - 1}`
    throw new VaultError('INVALID', message, { expected: size - 1, found: start })
  }
  return { params, from: start, size }
}

async function startOf(log: ReportSource['log'], size: number, from: Moment): Promise<number> {
  expectMoment(from, 'from')
  if ('position' in from) {
    checkPosition('from.position', from.position)
    return from.position
  }
  const { corrections } = log.state.lifecycle.fold.state
  return firstFrom({ source: log, size, corrections }, date('from.time', from.time))
}

function paramsOf<S>({ name, params }: Report<S>, options: ReportOptions): ReportParams {
  const { subject, actor, dueWithin } = options
  const given = {
    ...(subject !== undefined && { subject: parsePattern(subject, 'subject').text }),
    ...(actor !== undefined && { actor: parsePattern(actor, 'actor').text }),
    ...(dueWithin !== undefined && { dueWithin: expectDuration(dueWithin) }),
  }
  const stranger = Object.keys(given).find((key) => !params.some((param) => param === key))
  if (stranger === undefined) return given
  const taken = params.length === 0 ? 'nothing' : params.join(', ')
  throw new VaultError('INVALID', `report ${name} takes ${taken}, not ${stranger}`)
}

function expectDuration(ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 0 && ms <= askedDueWithinMsMax) return ms
  throw new VaultError(
    'INVALID',
    `dueWithin must be an integer from 0 to ${askedDueWithinMsMax} milliseconds`,
  )
}

/** Starts a report. One that is folded goes through the log here, one of a row an event when its rows are asked for. */
export async function startReport<S>(prepared: Prepared<S>, pass: PassOptions): Promise<ReportRun> {
  const { report, about, projection = report.projection(about) } = prepared
  const work = { ...prepared, projection, pass }
  return 'rows' in report ? foldedRun(report, work) : eventRun(report, work)
}

type Work<S> = Omit<Required<Prepared<S>>, 'report'> & { readonly pass: PassOptions }

async function aboutOf(
  { log, nodes, vaultId, kept }: ReportSource,
  { params, from, size }: Asked,
): Promise<ReportAbout> {
  const { event: last } = await eventAt(log, size - 1)
  const root = await subtreesOf(treeSource(log, nodes), size)(0, size)
  const checkpoints = []
  for await (const checkpoint of kept()) {
    if (checkpoint.size < size) checkpoints.push(checkpoint)
  }
  const origin = originOf(vaultId, await incarnationAt(log, size))
  return {
    asOf: { position: size - 1, time: last.time },
    from,
    params,
    beside: { origin, root, checkpoints },
  }
}

/** The id of the event that began the vault's life of then. */
async function incarnationAt(log: ReportSource['log'], size: number): Promise<string> {
  const query = { type: ['vault.created', 'vault.restored'], order: 'newest', after: size } as const
  for await (const { events } of queryAudit(log, { ...query, limit: 1 })) {
    const [event] = events
    if (event !== undefined) return event.id
  }
  throw new VaultError('INTEGRITY', 'the log does not tell of its beginning')
}

async function headOf<S>(
  { log }: ReportSource,
  report: Report<S>,
  { asOf, from, params, beside }: ReportAbout,
): Promise<ReportHead> {
  const isEmpty = from > asOf.position
  const first = isEmpty ? asOf : (await eventAt(log, from)).event
  return {
    report: report.name,
    version: report.version,
    title: report.title,
    question: report.question,
    span: report.span,
    origin: beside.origin,
    params,
    asOf,
    range: { from, to: asOf.position, fromTime: first.time },
    head: { size: asOf.position + 1, root: Buffer.from(beside.root).toString('hex') },
    columns: columnsOf(report),
    judges: report.judges,
  }
}

async function foldedRun<S>(report: FoldedReport<S>, work: Work<S>): Promise<ReportRun> {
  const { source, about, head } = work
  const fold = startFold(work.projection)
  for await (const commit of commitsOf(work)) fold.apply(commit.events)
  const view = viewOf(fold)
  const rows: ReportRow[] = []
  const positions: (number | null)[] = []
  const breathe = breather()
  for (const row of report.rows(view, about)) {
    positions.push(positionOf(head, row, rows.push(row)))
    await breathe()
    expectOngoing(work.pass.signal)
  }
  const charts = report.charts?.(view, about) ?? []
  async function* numbered(): AsyncGenerator<readonly NumberedRow[], RunTotals, void> {
    const count = rowCounter(head)
    const leaves = await leafHashesAt(source.log, positions.filter(isPosition), work.pass.signal)
    for (let at = 0; at < rows.length; at += rowsPerBatch) {
      expectOngoing(work.pass.signal)
      const batch = rows.slice(at, at + rowsPerBatch)
      yield batch.map((row) => count.add(row, leafOf(leaves, row)))
      await breathe()
    }
    return { ...count.totals(), charts }
  }
  return { head, rowsMost: rows.length, exact: true, rows: numbered }
}

function isPosition(position: number | null): position is number {
  return position !== null
}

function leafOf(leaves: ReadonlyMap<number, string>, { position }: ReportRow): string | null {
  return position === null ? null : (leaves.get(position) ?? null)
}

function eventRun<S>(report: EventReport<S>, work: Work<S>): ReportRun {
  const { about, head } = work
  async function* rows(): AsyncGenerator<readonly NumberedRow[], RunTotals, void> {
    const count = rowCounter(head)
    const fold = startFold(work.projection)
    for await (const commit of commitsOf(work)) {
      fold.apply(commit.events)
      const batch = rowsOf(report, commit, work).map(({ row, leaf }) => count.add(row, leaf))
      if (batch.length > 0) yield batch
    }
    return { ...count.totals(), charts: report.charts?.(viewOf(fold), about) ?? [] }
  }
  const { from, to } = head.range
  return { head, rowsMost: to - from + 1, exact: false, rows }
}

function rowsOf<S>(report: EventReport<S>, commit: ReadCommit, { source, about }: Work<S>) {
  const rows = commit.events.flatMap((event) => {
    const row = event.position < about.from ? undefined : report.row(event, about)
    return row === undefined ? [] : [row]
  })
  if (rows.length === 0) return []
  const leaves = leavesOf(source.log.epochs, commit)
  return rows.map((row) => ({
    row,
    leaf:
      row.position === null ? null : (leaves[row.position - commit.first]?.toString('hex') ?? null),
  }))
}

/** The commits that a report goes through, cut at its last event, with other work let through between them. */
async function* commitsOf<S>({
  source,
  head,
  pass: { onProgress, signal },
}: Work<S>): AsyncGenerator<ReadCommit, void, void> {
  const { size } = head.head
  const tell = teller(size, onProgress)
  const breathe = breather()
  const range = { from: 0, to: size, ...(signal && { signal }) }
  for await (const commit of readCommits(source.log, range)) {
    yield commit.end > size ? cut(commit, size) : commit
    tell(Math.min(commit.end, size))
    await breathe()
  }
}

function cut(commit: ReadCommit, size: number): ReadCommit {
  const events: readonly VaultEvent[] = commit.events.slice(0, size - commit.first)
  return { ...commit, events, end: size }
}
