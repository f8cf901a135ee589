import { VaultError } from '../../../errors.ts'
import type { ReportRun } from '../../../reports/run.ts'
import type { OutputFile, OutputSink } from '../../../reports/write.ts'
import { builtInReports } from '../../reporting/built-in-reports.ts'
import type { Evidence } from '../../reporting/evidence.ts'
import { outputFile, outputFolder } from '../../reporting/output-folder.ts'
import type { GeneratedReport } from '../../reporting/report-writing.ts'
import type { ReportVerification } from '../../reporting/verify-report.ts'
import type { FileStep } from '../called.ts'
import type { ControlledVault } from '../controlled-vault.ts'
import type { Connection } from './connection.ts'

/** Reports are made where the vault is open; their files are made here. */
export function remoteReports(connection: Connection): ControlledVault['reports'] {
  return {
    list: builtInReports,
    run: async (report, options = {}, call = {}) => {
      const rows = connection.items('reports.run', [nameOf(report), options, call])
      const about = await rows.next()
      return { ...(about.value as Omit<ReportRun, 'rows'>), rows: once(rows as Rows) }
    },
    write: async (report, { to, ...options }, call = {}) => {
      const sink = typeof to === 'string' ? outputFolder(expectPath(to)) : to
      const args = [nameOf(report), options, call]
      return makingFiles(sink, async (file) => {
        return (await connection.answer('reports.write', args, { file })) as GeneratedReport
      })
    },
    evidence: async ({ to, ...options }, call = {}) => {
      const target = typeof to === 'string' ? await outputFile(to) : to
      return makingFiles({ open: async () => target }, async (file) => {
        const args = [options, call]
        return (await connection.answer('reports.evidence', args, { file })) as Evidence
      })
    },
    verify: async (manifest, { report, ...options } = {}, call = {}) => {
      if (report !== undefined) nameOf(report)
      const answer = await connection.answer('reports.verify', [manifest, options, call])
      return answer as ReportVerification
    },
  }
}

type Rows = ReturnType<ReportRun['rows']>

/** They come with the answer, once. */
function once(rows: Rows): ReportRun['rows'] {
  let given = false
  return () => {
    if (given) {
      throw new VaultError('INVALID', 'through a control socket rows are given once: run it again')
    }
    given = true
    return rows
  }
}

/** Code of the caller's own cannot be sent to the process that has the vault open. */
function nameOf(report: unknown): string {
  if (typeof report === 'string') return report
  throw new VaultError(
    'UNSUPPORTED',
    'a report of your own runs where the vault is open, or on a backup of it',
  )
}

function expectPath(to: string): string {
  if (to !== '' && !to.includes('\0')) return to
  throw new VaultError('INVALID', 'to must be a path')
}

/** Makes the files that a call writes, and takes them back where it fails. */
async function makingFiles<T>(
  sink: OutputSink,
  work: (file: (step: FileStep) => Promise<void>) => Promise<T>,
): Promise<T> {
  const files: OutputFile[] = []
  const fileOf = (number: number) => {
    const file = files[number]
    if (file === undefined) throw new RangeError('a file is opened before it is written')
    return file
  }
  try {
    return await work(async (step) => {
      if (step[0] === 'open') files[step[1]] = await sink.open(step[2])
      else if (step[0] === 'write') await fileOf(step[1]).write(step[2])
      else await fileOf(step[1])[step[0]]()
    })
  } catch (error) {
    await Promise.all(files.map((file) => file.abort().catch(() => undefined)))
    throw error
  }
}
