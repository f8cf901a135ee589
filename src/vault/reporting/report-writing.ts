import type { Fact } from '../../events/catalogue.ts'
import { type Manifest, manifestText } from '../../reports/manifest.ts'
import type { Report, ReportHead } from '../../reports/report.ts'
import type { ReportRun } from '../../reports/run.ts'
import { formatStatement, type Statement } from '../../reports/statement.ts'
import { type WriteHow, type WrittenReport, writeReport } from '../../reports/write.ts'
import { proveConsistency } from '../proofs.ts'
import { prepareReport, type ReportOptions, startReport } from './report-run.ts'
import { provable, type ReportSource } from './report-source.ts'

/** A report that was written, and what vouches for it. */
export interface GeneratedReport extends WrittenReport {
  readonly manifest: Manifest
  /** Stands beside the outputs. */
  readonly manifestName: string
  /** False where no owner was there to sign: a backup that is looked at. */
  readonly isSigned: boolean
}

/** Puts a report on record, then starts it on the log of before. */
export async function beginReport<S>(
  source: ReportSource,
  report: Report<S>,
  options: ReportOptions,
): Promise<ReportRun> {
  const { onProgress, signal } = options
  const prepared = await prepareReport(source, report, options)
  await recordReport(source, prepared.head)
  return startReport(prepared, { ...(onProgress && { onProgress }), ...(signal && { signal }) })
}

/** Puts on record that a report is made, before its first row. */
export async function recordReport(source: ReportSource, head: ReportHead): Promise<void> {
  await source.record(generated(head))
}

function generated({ report, version, params, range, asOf }: ReportHead): Fact {
  const said: Record<string, string | number> = {
    ...params,
    ...(range.from > 0 && { from: range.from }),
  }
  const data = { report, version, params: said, asOf: asOf.position }
  return { type: 'report.generated', subject: '', data }
}

/** Writes a run with a manifest beside its outputs. Throws as `writeReport` does; then no file is left. */
export async function writeRun(
  source: ReportSource,
  run: ReportRun,
  how: Omit<WriteHow, 'finish'>,
): Promise<GeneratedReport> {
  const { head } = run
  const manifestName = `${how.name}.manifest`
  const statement = await statementOf(source, head)
  let made: Pick<GeneratedReport, 'manifest' | 'isSigned'> | undefined
  const written = await writeReport(run, {
    ...how,
    finish: async (done) => {
      made = await writeManifest(source, { head, statement, done, sink: how.sink, manifestName })
    },
  })
  if (made === undefined) throw new RangeError('a report that was written has its manifest')
  return { ...written, ...made, manifestName }
}

/** What is said of the log, whatever is made of it. */
export async function statementOf(source: ReportSource, head: ReportHead): Promise<Statement> {
  const { size } = head.head
  const root = Buffer.from(head.head.root, 'hex')
  const checkpoint = await source.covering(size)
  const proof = await proveConsistency(provable(source), { size, root }, checkpoint)
  return {
    origin: head.origin,
    asOf: { position: head.asOf.position, time: new Date(head.asOf.time).toISOString() },
    head: head.head,
    checkpoint: checkpoint.note.toString(),
    consistency: proof.map((hash) => hash.toString('base64')),
  }
}

interface ManifestWork {
  readonly head: ReportHead
  readonly statement: Statement
  readonly done: WrittenReport
  readonly sink: WriteHow['sink']
  readonly manifestName: string
}

async function writeManifest(
  source: ReportSource,
  { head, statement, done, sink, manifestName }: ManifestWork,
): Promise<Pick<GeneratedReport, 'manifest' | 'isSigned'>> {
  const { outputs, totals } = done
  const manifest: Manifest = {
    ...statement,
    report: head.report,
    version: head.version,
    params: head.params,
    range: { from: head.range.from, to: head.range.to },
    rowCount: totals.rowCount,
    findings: totals.findings,
    population: totals.population,
    outputs: outputs.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  }
  const text = manifestText(manifest)
  const signatures = source.sign(text)
  const file = await sink.open(manifestName)
  try {
    await file.write(formatStatement(text, signatures))
    await file.end()
  } catch (error) {
    await file.abort().catch(() => undefined)
    throw error
  }
  return { manifest, isSigned: signatures.length > 0 }
}
