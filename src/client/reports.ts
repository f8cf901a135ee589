import { VaultError } from '../errors.ts'
import type {
  BuiltInReport,
  ControlledVault,
  Evidence,
  GeneratedReport,
  NumberedRow,
  OutputFile,
  OutputSink,
  Report,
  ReportOptions,
  ReportRun,
  ReportVerification,
  RunTotals,
} from '../index.ts'
import { at } from './at.ts'
import { base64Of } from './base64.ts'
import { cutOff, fileLineOf, madeFiles, type ProgressLine, resultOf } from './files.ts'
import { hexOf } from './hex.ts'
import { rangeBody } from './moments.ts'
import type { Server } from './server.ts'

const linesType = 'application/x-ndjson'
/** Rows that are given at once. */
const rowsPerBatch = 64

interface RowLine extends ProgressLine {
  readonly about?: Omit<ReportRun, 'rows'>
  readonly row?: NumberedRow
  readonly totals?: RunTotals
}

type SaidReport = Omit<Report<unknown>, 'projection' | 'rows' | 'row' | 'charts'> & {
  readonly number?: BuiltInReport['number']
  readonly controls: readonly string[]
}

/** Reports are made by the server, of the host's own as well where it has some; their files are made here. */
export function reports(server: Server): ControlledVault['reports'] {
  const post = (path: string, body: object) =>
    ({ method: 'POST', path, body, accept: linesType, repeatable: true }) as const
  return {
    list: async () =>
      server.json({ path: '/reports' }, (said: { readonly reports: readonly SaidReport[] }) =>
        said.reports.flatMap(builtInOf),
      ),
    run: async (report, options = {}, call = {}) => {
      const { onProgress, signal } = options
      const asking = post(at`/reports/${nameOf(report)}/rows`, askedOf(options))
      const lines = server.lines<RowLine>({ ...asking, call, signal })
      const about = await aboutOf(lines, onProgress)
      return { ...about, rows: once(() => rowsOf(lines, onProgress)) }
    },
    write: async (report, { formats, to, name, ...options }, call = {}) => {
      const sink = expectSink(to)
      const body = { formats, ...(name !== undefined && { name }), ...askedOf(options) }
      const asking = post(at`/reports/${nameOf(report)}`, body)
      const { signal } = options
      const lines = server.lines({ ...asking, call, signal }, fileLineOf<GeneratedReport>)
      return madeFiles(sink, lines, options)
    },
    evidence: async ({ to, ...options }, call = {}) => {
      const target = expectFile(to)
      const asking = post('/evidence', rangeBody(options))
      const { signal } = options
      const lines = server.lines({ ...asking, call, signal }, fileLineOf<Evidence>)
      const { write, end } = target
      const file = {
        write: write.bind(target),
        end: end.bind(target),
        abort: async () => undefined,
      }
      try {
        return await madeFiles({ open: async () => file }, lines, options)
      } catch (error) {
        // It was opened by whoever gave it: it is taken back although nothing may have come.
        await target.abort().catch(() => undefined)
        throw error
      }
    },
    verify: async (manifest, options = {}, call = {}) => {
      const { report, files, hashes, signal } = options
      if (report !== undefined) nameOf(report)
      const all = { ...(await hashesOf(files ?? new Map())), ...Object.fromEntries(hashes ?? []) }
      const asking = post('/reports/verify', { manifest: base64Of(manifest), hashes: all })
      const lines = server.lines<{ readonly result?: ReportVerification }>({
        ...asking,
        call,
        signal,
      })
      return resultOf(lines, options)
    },
  }
}

function askedOf({ from, asOf, subject, actor, dueWithin }: ReportOptions): object {
  return {
    ...rangeBody({ ...(from && { from }), ...(asOf && { asOf }) }),
    ...(subject !== undefined && { subject }),
    ...(actor !== undefined && { actor }),
    ...(dueWithin !== undefined && { dueWithin }),
  }
}

type Lines = AsyncGenerator<RowLine, void, void>
type OnProgress = ReportOptions['onProgress']

async function aboutOf(lines: Lines, onProgress: OnProgress): Promise<Omit<ReportRun, 'rows'>> {
  for (;;) {
    const { done, value } = await lines.next()
    if (done === true) throw cutOff()
    if (value.progress !== undefined) onProgress?.(value.progress)
    if (value.about !== undefined) return value.about
  }
}

async function* rowsOf(
  lines: Lines,
  onProgress: OnProgress,
): AsyncGenerator<readonly NumberedRow[], RunTotals, void> {
  let batch: NumberedRow[] = []
  let totals: RunTotals | undefined
  for await (const line of lines) {
    if (line.progress !== undefined) onProgress?.(line.progress)
    totals = line.totals ?? totals
    if (line.row === undefined || batch.push(line.row) < rowsPerBatch) continue
    yield batch
    batch = []
  }
  if (totals === undefined) throw cutOff()
  if (batch.length > 0) yield batch
  return totals
}

/** They come with the answer, once. */
function once(rows: ReportRun['rows']): ReportRun['rows'] {
  let given = false
  return () => {
    if (given) {
      throw new VaultError('INVALID', 'through a server rows are given once: run it again')
    }
    given = true
    return rows()
  }
}

/** Code of the caller's own cannot be sent. */
function nameOf(report: unknown): string {
  if (typeof report === 'string') return report
  throw new VaultError(
    'UNSUPPORTED',
    'a report of your own runs where its server has it: name it, or give it to createApp there',
  )
}

function expectSink(to: string | OutputSink): OutputSink {
  if (typeof to === 'object' && to !== null && typeof to.open === 'function') return to
  throw new VaultError(
    'INVALID',
    'to must be an object with the method open, such as outputFolder(path) of muniment: a client knows no folders',
  )
}

function expectFile(to: string | OutputFile): OutputFile {
  if (typeof to === 'object' && to !== null && typeof to.write === 'function') return to
  throw new VaultError(
    'INVALID',
    'to must be an object with the method write, such as outputFile(path) of muniment: a client knows no folders',
  )
}

async function hashesOf(files: ReadonlyMap<string, Uint8Array>): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {}
  for (const [name, bytes] of files) {
    const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))
    hashes[name] = hexOf(new Uint8Array(hash))
  }
  return hashes
}

/** What a report is, without that which makes it: the server has that. */
function builtInOf({ number, controls, ...said }: SaidReport): readonly BuiltInReport[] {
  if (number === undefined) return []
  const { formats: _, ...about } = said as SaidReport & { readonly formats?: unknown }
  const definition = { ...about, projection: elsewhere, rows: elsewhere } as Report<unknown>
  return [{ number, controls, definition }]
}

function elsewhere(): never {
  throw new VaultError('UNSUPPORTED', 'a report is made by the server: run it by its name')
}
