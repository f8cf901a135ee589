import { VaultError } from '../../errors.ts'
import type { BuiltInReport } from '../../reports/contents/catalogue.ts'
import { type FormatName, formatNames } from '../../reports/formats/format.ts'
import { isOutputName } from '../../reports/output-name.ts'
import type { Report } from '../../reports/report.ts'
import type { ReportRun } from '../../reports/run.ts'
import type { OutputSink } from '../../reports/write.ts'
import type { CallOptions } from '../call.ts'
import { builtInReports } from './built-in-reports.ts'
import type { Evidence, EvidenceOptions } from './evidence.ts'
import { outputFolder } from './output-folder.ts'
import type { ReportOptions } from './report-run.ts'
import type { ReportSource } from './report-source.ts'
import type { GeneratedReport } from './report-writing.ts'
import type { ReportVerification, VerifyReportOptions } from './verify-report.ts'

export interface WriteReportOptions extends ReportOptions {
  /** All of them are written in one pass. */
  readonly formats: readonly FormatName[]
  /** A folder that is there, or wherever else outputs go. */
  readonly to: string | OutputSink
  /** Of the outputs and the manifest, before their extensions; the report's own unless said. */
  readonly name?: string
}

/** Opens what reports are made of, for one call that may make them. Throws `CLOSED`, `FAILED`, `DENIED`. */
export type OpenSource = (options: CallOptions) => Promise<ReportSource>

/**
 * Reports for those who have to be shown: what happened over a range, or how things stood at a moment. Making one is on
 * record as `report.generated`, before its first row; `call` says who asks. A report is of the log as it was: it comes out the same, byte for
 * byte, whenever it is made again.
 *
 * What makes reports is loaded by the first one: their contents, formats and pages take longer to load than all of the
 * vault does, and most programs that open a vault make none.
 */
export class Reports {
  readonly #open: OpenSource

  constructor(open: OpenSource) {
    this.#open = open
  }

  /** The reports that there are, in the order of their numbers. */
  list(): Promise<readonly BuiltInReport[]> {
    return builtInReports()
  }

  /**
   * Runs a report, for a program that wants its rows. Throws `INVALID` for a report that there is not, for parameters
   * that it does not take and moments outside the log; `ABORTED`, `INTEGRITY`.
   *
   * @example
   * const run = await vault.reports.run('rotation', { asOf: { time: '2026-03-31' } })
   * for await (const rows of run.rows()) for (const { cells } of rows) show(cells)
   */
  async run<S>(
    report: string | Report<S>,
    options: ReportOptions = {},
    call: CallOptions = {},
  ): Promise<ReportRun> {
    const { beginReport } = await import('./report-writing.ts')
    const { definitionOf } = await import('./report-definition.ts')
    return beginReport(await this.#open(call), definitionOf(report), options)
  }

  /**
   * Writes a report with a manifest beside it, which is signed where an owner is at hand: what `verify` here, and
   * `verifyReport` of `muniment/verify`, hold the files against. Throws as `run` does, and `EXISTS` (replacing
   * nothing), `NO_SPACE`; then no file is left.
   *
   * @example
   * await vault.reports.write('rotation', { formats: ['csv', 'pdf'], to: '/audit/2026-q1', asOf: { time: '2026-03-31' } })
   */
  async write<S>(
    report: string | Report<S>,
    options: WriteReportOptions,
    call: CallOptions = {},
  ): Promise<GeneratedReport> {
    const { formats, to, name } = options
    checkFormats(formats)
    checkName(name)
    checkPlace(to, 'open')
    const { beginReport, writeRun } = await import('./report-writing.ts')
    const { definitionOf } = await import('./report-definition.ts')
    const source = await this.#open(call)
    const run = await beginReport(source, definitionOf(report), options)
    return writeRun(source, run, {
      formats,
      name: name ?? run.head.report,
      sink: typeof to === 'string' ? outputFolder(to) : to,
    })
  }

  /**
   * Writes what an auditor is handed: one zip of every report on a range (but those that ask for a word on what they are
   * about), what proves them, a page to read first, and `verifier.html`, which checks the whole without a network. Each
   * report is on record before anything is handed out. Throws `INVALID` for moments outside the log, `EXISTS` (replacing
   * nothing), `ABORTED`, `INTEGRITY`, `NO_SPACE`, `FAILED`; then no file is left.
   *
   * @example
   * const { fingerprint, reports } = await vault.reports.evidence({
   *   from: { time: '2026-01-01' }, asOf: { time: '2026-03-31T23:59:59.999Z' }, to: '/audit/q1.zip',
   * })
   */
  async evidence(options: EvidenceOptions, call: CallOptions = {}): Promise<Evidence> {
    checkPlace(Object(options).to, 'write')
    const { writeEvidence } = await import('./evidence.ts')
    return writeEvidence(await this.#open(call), options)
  }

  /**
   * Makes the report of a manifest again, of the same events, and compares it with what the manifest says. What does
   * not agree is told, never thrown. Throws `INVALID` for what is no manifest, `ABORTED`.
   *
   * @example
   * const { ok, problems } = await vault.reports.verify(await readFile('rotation.manifest'))
   */
  async verify<S>(
    manifest: Uint8Array,
    options: VerifyReportOptions<S> = {},
    call: CallOptions = {},
  ): Promise<ReportVerification> {
    const { verifyReportAgain } = await import('./verify-report.ts')
    return verifyReportAgain(await this.#open(call), manifest, options)
  }
}

/** Of several outputs of one format, each has its number behind the name: no name may look as if it had one. */
const numbered = /-\d+-of-\d+$/
/** What a file system takes, less the longest number and extension that may follow. */
const outputNameBytesMax = 255 - '-4096-of-4096.manifest'.length

function checkName(name: string | undefined): void {
  if (name === undefined) return
  const isOne = isOutputName(name) && Buffer.byteLength(name) <= outputNameBytesMax
  if (isOne && !numbered.test(name)) return
  const expected = `the name of a file, of at most ${outputNameBytesMax} bytes, that does not end in -N-of-M`
  throw new VaultError('INVALID', `name must be ${expected}`)
}

/** Before anything is on record: a path, or what takes bytes. */
function checkPlace(to: unknown, method: 'open' | 'write'): void {
  const isPath = typeof to === 'string' && to !== '' && !to.includes('\0')
  const { [method]: takes }: { [method]?: unknown } = Object(to)
  if (isPath || (typeof to !== 'string' && typeof takes === 'function')) return
  throw new VaultError('INVALID', `to must be a path, or an object with the method ${method}`)
}

function checkFormats(formats: readonly FormatName[]): void {
  const known = formats.every((format) => formatNames.includes(format))
  if (known && formats.length > 0) return
  throw new VaultError('INVALID', `formats must name some of ${formatNames.join(', ')}`)
}
