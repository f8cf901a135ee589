import { createHash } from 'node:crypto'
import { expectOngoing } from '../../ongoing.ts'
import { formatVkey } from '../../proofs/vkey.ts'
import { builtInReports } from '../../reports/contents/catalogue.ts'
import { exposure } from '../../reports/contents/exposure.ts'
import { coverPage, findingsShownMax } from '../../reports/evidence/cover.ts'
import type { Cover, CoveredReport } from '../../reports/evidence/covered.ts'
import { keepFindings } from '../../reports/evidence/findings.ts'
import { fingerprintOf } from '../../reports/evidence/fingerprint.ts'
import { evidenceText } from '../../reports/evidence/statement.ts'
import { sumsOf } from '../../reports/evidence/sums.ts'
import { verifierPage } from '../../reports/evidence/verifier-page.ts'
import { zipBytes } from '../../reports/evidence/zip.ts'
import type { ReportHead } from '../../reports/report.ts'
import { formatStatement } from '../../reports/statement.ts'
import type { OutputFile } from '../../reports/write.ts'
import { proveEvent } from '../proofs.ts'
import type { Moment, PassOptions } from '../replay.ts'
import { type Anchored, anchor, continuation } from './evidence-log.ts'
import { openPlace, type Spool } from './evidence-spool.ts'
import { type Prepared, prepareReport, startReport } from './report-run.ts'
import { provable, type ReportSource } from './report-source.ts'
import { recordReport, statementOf, writeRun } from './report-writing.ts'

export interface EvidenceOptions extends PassOptions {
  /** Where the range begins: with the event at a position, or the first one at or after a date. */
  readonly from?: Moment
  /** Its last event, or the last one at or before a date; the newest unless said. */
  readonly asOf?: Moment
  /** The path of a zip file, which must not be there yet; or wherever else its bytes go. */
  readonly to: string | OutputFile
}

/** Evidence that was handed out. */
export interface Evidence {
  /** Of the zip. */
  readonly bytes: number
  /** Of the zip, in hex. */
  readonly sha256: string
  /** Its first and last event; it ends before it begins where no event falls into it. */
  readonly range: { readonly from: number; readonly to: number }
  /** How many events the checkpoint in it covers. */
  readonly covered: number
  /** False where no owner was there to sign: a backup that is looked at. */
  readonly isSigned: boolean
  /** The vkey under which it is proved, and the fingerprint of that in hex. */
  readonly verifier: string
  readonly fingerprint: string
  readonly reports: readonly {
    readonly number: string
    readonly report: string
    readonly rowCount: number
    readonly findings: number
  }[]
}

/** Events whose inclusion is proved: the ends of the range, then those that findings rest on. */
const proofsMax = 100

/** All that need no word on what they are about. */
const reports = builtInReports.filter(({ definition }) => definition.name !== exposure.name)

type Chosen = (typeof reports)[number] & { readonly prepared: Prepared<unknown> }

/**
 * Writes what an auditor is handed: one zip of all reports on a range, their proofs, a page to read first and one that
 * checks the whole without a network. Every report is on record as `report.generated` before anything is handed out.
 * Throws `INVALID`, `EXISTS` (replacing nothing), `ABORTED`, `INTEGRITY`, `NO_SPACE`, `FAILED`; then no file is left.
 */
export async function writeEvidence(
  source: ReportSource,
  { to, ...options }: EvidenceOptions,
): Promise<Evidence> {
  const { target, spool } = await openPlace(to)
  try {
    const chosen = await prepareAll(source, options)
    for (const { prepared } of chosen) await recordReport(source, prepared.head)
    const work = await workOf(source, chosen, { spool, ...options })
    const written = await writeFiles(work)
    const zip = await writeZip(work, target)
    await target.end()
    return { ...zip, ...written }
  } catch (error) {
    await target.abort().catch(() => undefined)
    throw error
  } finally {
    await spool.remove()
  }
}

/** All of the same events: those that the first one finds. */
async function prepareAll(
  source: ReportSource,
  { from, asOf }: Pick<EvidenceOptions, 'from' | 'asOf'>,
): Promise<readonly Chosen[]> {
  const chosen: Chosen[] = []
  let moments = { ...(from !== undefined && { from }), ...(asOf !== undefined && { asOf }) }
  for (const report of reports) {
    const { definition } = report
    const { from: start, ...end } = moments
    const isRange = definition.span === 'range'
    const begins = start !== undefined && { from: start }
    const asked = { ...end, ...(isRange && begins) }
    const prepared = await prepareReport(source, definition, asked)
    chosen.push({ ...report, prepared })
    const { head } = prepared
    moments = {
      ...(isRange ? { from: { position: head.range.from } } : begins),
      asOf: { position: head.asOf.position },
    }
  }
  return chosen
}

interface Work extends Anchored {
  readonly spool: Spool
  readonly chosen: readonly Chosen[]
  /** Of a report of the whole range. */
  readonly head: ReportHead
  readonly onProgress: PassOptions['onProgress']
  readonly signal: AbortSignal | undefined
}

async function workOf(
  source: ReportSource,
  chosen: readonly Chosen[],
  { spool, onProgress, signal }: PassOptions & { readonly spool: Spool },
): Promise<Work> {
  const head = chosen.find(({ definition }) => definition.span === 'range')?.prepared.head
  if (head === undefined) throw new RangeError('one of the reports is of a range')
  const anchored = await anchor(source, { from: head.range.from, size: head.head.size })
  return { ...anchored, spool, chosen, head, onProgress, signal }
}

async function writeFiles(work: Work): Promise<Omit<Evidence, 'bytes' | 'sha256'>> {
  const { spool, vkey, head, checkpoint } = work
  const made: (CoveredReport & { readonly isSigned: boolean })[] = []
  for (const [i, chosen] of work.chosen.entries()) {
    made.push(await writeOne(work, chosen, i))
    expectOngoing(work.signal)
  }
  const isSigned = made.every((report) => report.isSigned)
  await writeProofs(work, made)
  await spool.put('verifier.html', await verifierPage())
  const cover = { ...coverOf(work, made), isSigned, files: sortedFiles(spool) }
  await spool.put('index.html', coverPage(cover))
  await writeStatement(work)
  const { from, to } = head.range
  return {
    range: { from, to },
    covered: checkpoint.size,
    isSigned,
    verifier: formatVkey(vkey),
    fingerprint: fingerprintOf(vkey),
    reports: made.map(({ number, head: { report }, rowCount, findings }) => {
      return { number, report, rowCount, findings }
    }),
  }
}

async function writeOne(
  { source, spool, chosen, onProgress, signal }: Work,
  { number, controls, definition, prepared }: Chosen,
  done: number,
): Promise<CoveredReport & { readonly isSigned: boolean }> {
  const tell = progressOf(done, chosen.length, onProgress)
  const started = await startReport(prepared, {
    ...(tell && { onProgress: tell }),
    ...(signal && { signal }),
  })
  const kept = keepFindings(started, findingsShownMax)
  const { outputs, totals, manifestName, isSigned } = await writeRun(source, kept.run, {
    formats: ['csv', 'pdf'],
    name: `${number}-${definition.name}`,
    sink: spool.sink('reports/'),
  })
  const names = [...outputs.map(({ name }) => name), manifestName]
  return {
    number,
    controls,
    head: prepared.head,
    rowCount: totals.rowCount,
    findings: totals.findings,
    found: kept.findings(),
    files: names.map((name) => `reports/${name}`),
    isSigned,
  }
}

/** How far one of several passes is, as part of all of them. */
function progressOf(
  done: number,
  all: number,
  onProgress: PassOptions['onProgress'],
): PassOptions['onProgress'] {
  return (
    onProgress &&
    (({ position, size }) => onProgress({ position: done * size + position, size: all * size }))
  )
}

/** What ties the reports to the log: its key, its checkpoints, and events of it. */
async function writeProofs(work: Work, covered: readonly CoveredReport[]): Promise<void> {
  const { source, spool, vkey, checkpoint, earlier } = work
  await spool.put('verifier.key', `${formatVkey(vkey)}\n`)
  await spool.put('checkpoint', checkpoint.note)
  if (earlier !== undefined) {
    await spool.put('earlier.checkpoint', earlier.note)
    await spool.put('earlier.consistency', await continuation(source, earlier, checkpoint))
  }
  for (const position of provedPositions(work.head, covered)) {
    const { file } = await proveEvent(provable(source), position, checkpoint)
    await spool.put(`proofs/${position}.tlog-proof`, file)
    expectOngoing(work.signal)
  }
}

function provedPositions(
  { range }: ReportHead,
  covered: readonly CoveredReport[],
): readonly number[] {
  const ends = range.to < range.from ? [range.to] : [range.from, range.to]
  const found = covered.flatMap((report) => report.found.map(({ position }) => position))
  const positions = [...ends, ...found].filter((position) => position !== null)
  return [...new Set(positions)].slice(0, proofsMax)
}

function coverOf(
  { vkey, head, checkpoint, earlier }: Work,
  reports: readonly CoveredReport[],
): Omit<Cover, 'isSigned' | 'files'> {
  return {
    vkey,
    origin: head.origin,
    range: { ...head.range, toTime: head.asOf.time },
    head: head.head,
    covered: checkpoint.size,
    earlier: earlier?.size,
    reports,
  }
}

async function writeStatement({ source, spool, head }: Work): Promise<void> {
  const { sha256: sums } = await spool.put('SHA256SUMS', sumsOf(sortedFiles(spool)))
  const { from, to } = head.range
  const text = evidenceText({ ...(await statementOf(source, head)), range: { from, to }, sums })
  await spool.put('evidence.statement', formatStatement(text, source.sign(text)))
}

/** What is read first, then what vouches for it, then the rest by name. */
const firstNames = ['index.html', 'verifier.html', 'SHA256SUMS', 'evidence.statement']

async function writeZip(
  work: Work,
  target: OutputFile,
): Promise<Pick<Evidence, 'bytes' | 'sha256'>> {
  const { spool, head } = work
  const files = sortedFiles(spool)
  const ordered = [
    ...firstNames.flatMap((name) => files.filter((file) => file.name === name)),
    ...files.filter(({ name }) => !firstNames.includes(name)),
  ]
  const entries = ordered.map(({ name, bytes }) => ({ name, bytes, read: () => spool.read(name) }))
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of zipBytes(entries, head.asOf.time)) {
    expectOngoing(work.signal)
    hash.update(piece)
    bytes += piece.length
    await target.write(piece)
  }
  return { bytes, sha256: hash.digest('hex') }
}

function sortedFiles({ files }: Spool) {
  return [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
}
