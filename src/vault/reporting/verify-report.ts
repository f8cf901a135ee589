import { VaultError } from '../../errors.ts'
import { type Checkpoint, parseCheckpoint } from '../../proofs/checkpoint.ts'
import { parseNote } from '../../proofs/note.ts'
import { originOf } from '../../proofs/origin.ts'
import { subtreesOf } from '../../proofs/subtrees.ts'
import { canonicalJson } from '../../reports/canonical.ts'
import { type FormatName, formatNames } from '../../reports/formats/format.ts'
import {
  hashesOf,
  type Manifest,
  type ManifestOutput,
  type OutputFiles,
  parseManifest,
} from '../../reports/manifest.ts'
import type { Report, ReportHead } from '../../reports/report.ts'
import { type Parsed, verifyStatement } from '../../reports/statement.ts'
import { nowhere, type WrittenReport, writeReport } from '../../reports/write.ts'
import { queryAudit } from '../audit.ts'
import type { PassOptions } from '../replay.ts'
import { treeSource } from '../tree-source.ts'
import { definitionOf } from './report-definition.ts'
import { prepareReport, startReport } from './report-run.ts'
import type { ReportSource } from './report-source.ts'

/** With outputs as they are at hand, each of which is held against the manifest. */
export interface VerifyReportOptions<S> extends PassOptions, OutputFiles {
  /** Its definition, for a report of the host's own. */
  readonly report?: Report<S>
}

export interface ReportVerification {
  /** Whether there are no problems. */
  readonly ok: boolean
  readonly manifest: Manifest
  /** False where no owner has signed it. */
  readonly isSigned: boolean
  /**
   * False where a backup ends before the checkpoint in it. The rows are made again all the same; that the vault went on
   * from here to that checkpoint, only the vault or a later backup shows.
   */
  readonly isCheckpointShown: boolean
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
    ...(await logProblems(source, bytes, parsed)),
    ...(await againProblems(source, manifest, options)),
    ...fileProblems(manifest, options),
  ]
  const isCheckpointShown = source.isWhole || coveredBy(manifest) <= source.log.size
  return { ok: problems.length === 0, manifest, isSigned, isCheckpointShown, problems }
}

/** Whether the vault's own keys signed the manifest and the checkpoint in it, and that of this very log. */
async function logProblems(
  source: ReportSource,
  bytes: Uint8Array,
  parsed: Parsed<Manifest>,
): Promise<string[]> {
  const problems = signatureProblems(source, bytes, parsed)
  if (problems.length > 0) return problems
  const { text } = parseNote(Buffer.from(parsed.statement.checkpoint))
  return historyProblems(source, parseCheckpoint(text))
}

/** How many events its checkpoint says that it covers; none where it is no checkpoint. */
function coveredBy({ checkpoint }: Manifest): number {
  const [, size] = checkpoint.split('\n')
  return Number(size) || 0
}

/** A copy of the vault's folder has its keys, and may have grown another history since. */
async function historyProblems(
  { log, nodes, vaultId, isWhole }: ReportSource,
  { origin, size, root }: Checkpoint,
): Promise<string[]> {
  if (size > log.size) {
    if (!isWhole) return []
    return [`its checkpoint is of ${size} events, and the log holds ${log.size}`]
  }
  const origins = (await incarnationsFrom(log, size)).map((id) => originOf(vaultId, id))
  const found = await subtreesOf(treeSource(log, nodes), size)(0, size)
  if (origins.includes(origin) && found.equals(root)) return []
  return [`its checkpoint of ${size} events is of another history than this log`]
}

/** The ids of the events that began the vault's life at a size, and each life that it had later. */
async function incarnationsFrom(log: ReportSource['log'], size: number): Promise<string[]> {
  const ids: string[] = []
  const query = { type: ['vault.created', 'vault.restored'], order: 'newest' } as const
  for await (const { events } of queryAudit(log, query)) {
    for (const { id, position } of events) {
      ids.push(id)
      if (position < size) return ids
    }
  }
  return ids
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
  options: VerifyReportOptions<S>,
): Promise<string[]> {
  try {
    return await compareAgain(source, manifest, options)
  } catch (error) {
    // What a report refuses stands in the manifest: it is not what any report says.
    if (!(error instanceof VaultError) || !isRefusal(error)) throw error
    return [`it cannot be made again: ${error.message}`]
  }
}

function isRefusal({ code }: VaultError): boolean {
  return code === 'INVALID' || code === 'TOO_LARGE'
}

async function compareAgain<S>(
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
  const isSound =
    read.length > 0 && read.every(([, base, , format]) => base === name && format !== undefined)
  return isSound ? { name, formats } : undefined
}

type Again = Omit<Manifest, 'checkpoint' | 'consistency' | 'report' | 'version'>

function againOf(head: ReportHead, { outputs, totals }: WrittenReport): Again {
  const { rowCount, findings, population } = totals
  return {
    origin: head.origin,
    asOf: { position: head.asOf.position, time: new Date(head.asOf.time).toISOString() },
    head: head.head,
    params: head.params,
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
  return [
    ...wrong.map((field) => `${field} is ${canonicalJson(again[field])} when made again`),
    ...outputDifferences(manifest.outputs, again.outputs),
  ]
}

function outputDifferences(
  said: readonly ManifestOutput[],
  made: readonly ManifestOutput[],
): string[] {
  const [saidOf, madeOf] = [said, made].map(
    (outputs) => new Map(outputs.map((output) => [output.name, output])),
  ) as [Map<string, ManifestOutput>, Map<string, ManifestOutput>]
  return [...new Set([...saidOf.keys(), ...madeOf.keys()])].sort().flatMap((name) => {
    const [there, again] = [saidOf.get(name), madeOf.get(name)]
    if (again === undefined) return [`${name} is not among the outputs when made again`]
    if (there === undefined) return [`the manifest leaves out ${name}, which is made as well`]
    const isSame = there.sha256 === again.sha256 && there.bytes === again.bytes
    return isSame ? [] : [`${name} has other bytes when made again`]
  })
}

function fileProblems({ outputs }: Manifest, given: OutputFiles): string[] {
  return hashesOf(given).flatMap(([name, found]) => {
    const output = outputs.find((each) => each.name === name)
    if (output === undefined) return [`the manifest names no output ${name}`]
    return found === output.sha256 ? [] : [`${name} is not the file that the manifest was made of`]
  })
}

function wordsOf(error: unknown): string {
  if (error instanceof VaultError) return error.message
  throw error
}
