import { createHash } from 'node:crypto'
import { VaultError } from '../errors.ts'
import { parseCheckpoint } from '../proofs/checkpoint.ts'
import { parseNote } from '../proofs/note.ts'
import { canonicalJson } from '../reports/canonical.ts'
import { type FormatName, formatNames } from '../reports/formats/format.ts'
import { type Manifest, parseManifest } from '../reports/manifest.ts'
import type { Report, ReportHead } from '../reports/report.ts'
import { type Parsed, verifyStatement } from '../reports/statement.ts'
import { nowhere, type WrittenReport, writeReport } from '../reports/write.ts'
import type { PassOptions } from './replay.ts'
import { definitionOf } from './report-definition.ts'
import { prepareReport, startReport } from './report-run.ts'
import type { ReportSource } from './report-source.ts'

export interface VerifyReportOptions<S> extends PassOptions {
  /** Its definition, for a report of the host's own. */
  readonly report?: Report<S>
  /** Outputs as they are at hand, by name: each is held against the manifest. */
  readonly files?: ReadonlyMap<string, Uint8Array>
}

export interface ReportVerification {
  /** Whether there are no problems. */
  readonly ok: boolean
  readonly manifest: Manifest
  /** False where no owner has signed it. */
  readonly isSigned: boolean
  /** What does not agree, in words. */
  readonly problems: readonly string[]
}

/** Makes a report again and holds its manifest, and files, against what comes out. */
export async function verifyReportAgain<S>(
  source: ReportSource,
  bytes: Uint8Array,
  options: VerifyReportOptions<S>,
): Promise<ReportVerification> {
  const parsed = parseManifest(bytes)
  const { statement: manifest, isSigned } = parsed
  const { report, asOf } = manifest
  const filter = { report, position: asOf.position }
  await source.record({ type: 'audit.read', subject: '', data: { filter } })
  const problems = [
    ...signatureProblems(source, bytes, parsed),
    ...(await againProblems(source, manifest, options)),
    ...fileProblems(manifest, options.files),
  ]
  return { ok: problems.length === 0, manifest, isSigned, problems }
}

/** Whether the vault's own keys signed the manifest, and the checkpoint in it. */
function signatureProblems(
  source: ReportSource,
  bytes: Uint8Array,
  parsed: Parsed<Manifest>,
): string[] {
  try {
    const { text } = parseNote(Buffer.from(parsed.statement.checkpoint))
    const failures = source.vkeys(parseCheckpoint(text).origin).map((log) => {
      try {
        verifyStatement(bytes, parsed, { log })
        return undefined
      } catch (error) {
        return wordsOf(error)
      }
    })
    if (failures.includes(undefined)) return []
    return [failures.at(-1) ?? 'the checkpoint in the manifest is of another vault']
  } catch (error) {
    return [wordsOf(error)]
  }
}

async function againProblems<S>(
  source: ReportSource,
  manifest: Manifest,
  { report, ...pass }: VerifyReportOptions<S>,
): Promise<string[]> {
  const { size } = manifest.head
  if (size > source.log.size) {
    return [`the manifest is of ${size} events, and the log holds ${source.log.size}`]
  }
  const definition = definitionOf(report ?? manifest.report)
  if (definition.name !== manifest.report || definition.version !== manifest.version) {
    const found = `version ${definition.version} of ${definition.name}`
    return [`the manifest is of version ${manifest.version} of ${manifest.report}, not of ${found}`]
  }
  const names = readNames(manifest)
  if (names === undefined) return ['the manifest names outputs that no report has']
  const prepared = await prepareReport(source, definition, {
    ...manifest.params,
    from: { position: manifest.range.from },
    asOf: { position: manifest.asOf.position },
  })
  const run = await startReport(prepared, passOf(pass))
  const written = await writeReport(run, { ...names, sink: nowhere })
  return differences(manifest, againOf(run.head, written))
}

function passOf({ onProgress, signal }: PassOptions): PassOptions {
  return { ...(onProgress && { onProgress }), ...(signal && { signal }) }
}

const outputName = new RegExp(`^(.+?)(-\\d+-of-\\d+)?\\.(${formatNames.join('|')})$`)

/** The name before the extensions, and the formats, as the outputs show them. */
function readNames({ outputs, report }: Manifest) {
  const read = outputs.map(({ name }) => outputName.exec(name) ?? [])
  const [name = report] = new Set(read.map(([, base]) => base))
  const formats = read.map(([, , , format]) => format as FormatName)
  const isSound = read.every(([, base, , format]) => base === name && format !== undefined)
  return isSound ? { name, formats } : undefined
}

type Again = Omit<Manifest, 'checkpoint' | 'consistency' | 'report' | 'version' | 'params'>

function againOf(head: ReportHead, { outputs, totals }: WrittenReport): Again {
  const { rowCount, findings, population } = totals
  return {
    origin: head.origin,
    asOf: { position: head.asOf.position, time: new Date(head.asOf.time).toISOString() },
    head: head.head,
    range: { from: head.range.from, to: head.range.to },
    rowCount,
    findings,
    population,
    outputs: outputs.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  }
}

function differences(manifest: Manifest, again: Again): string[] {
  const fields = Object.keys(again).filter((field) => field !== 'outputs') as (keyof Again)[]
  const wrong = fields.filter(
    (field) => canonicalJson(manifest[field]) !== canonicalJson(again[field]),
  )
  const outputs = manifest.outputs.filter((output) => {
    const made = again.outputs.find(({ name }) => name === output.name)
    return made?.sha256 !== output.sha256 || made.bytes !== output.bytes
  })
  return [
    ...wrong.map((field) => `${field} is ${canonicalJson(again[field])} when made again`),
    ...outputs.map(({ name }) => `${name} has other bytes when made again`),
  ]
}

function fileProblems(
  { outputs }: Manifest,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): string[] {
  return [...files].flatMap(([name, content]) => {
    const output = outputs.find((each) => each.name === name)
    if (output === undefined) return [`the manifest names no output ${name}`]
    const found = createHash('sha256').update(content).digest('hex')
    return found === output.sha256 ? [] : [`${name} is not the file that the manifest was made of`]
  })
}

function wordsOf(error: unknown): string {
  if (error instanceof VaultError) return error.message
  throw error
}
