import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Format, FormatName, FormatWriter, Part } from './formats/format.ts'
import { formatOf } from './formats/formats.ts'
import { type NumberedRow, type ReportTotals, shownRowsMax } from './report.ts'
import type { ReportRun, RunTotals } from './run.ts'

/** Where one output goes. It is there, whole, once `end` has resolved, and gone after `abort`, which may come later still. */
export interface OutputFile {
  write(piece: Uint8Array): Promise<void>
  end(): Promise<void>
  abort(): Promise<void>
}

/** Where the outputs of a report go. */
export interface OutputSink {
  open(name: string): Promise<OutputFile>
}

/** One output as it was written. */
export interface Output {
  readonly name: string
  readonly format: FormatName
  readonly bytes: number
  /** In hex. */
  readonly sha256: string
}

export interface WrittenReport {
  readonly outputs: readonly Output[]
  readonly totals: ReportTotals
}

export interface WriteHow {
  readonly formats: readonly FormatName[]
  /** Of the outputs, before the extension. */
  readonly name: string
  readonly sink: OutputSink
  /** What has to succeed as well once the outputs are there. */
  readonly finish?: (written: WrittenReport) => Promise<void>
}

/** Writes a report in each of these formats, in one pass over its rows. What was written is taken back if it throws. */
export async function writeReport(run: ReportRun, how: WriteHow): Promise<WrittenReport> {
  const formats = await Promise.all([...new Set(how.formats)].map(formatOf))
  const cited = await citedCsv(run, formats)
  const rowCount = await rowCountFor(run, [...formats, ...cited])
  const about = { run, name: how.name, rowCount }
  const outputs = [
    ...formats.map((format) => new SplitOutput(format, { ...about, sink: how.sink })),
    ...cited.map((format) => new SplitOutput(format, { ...about, sink: nowhere })),
  ]
  try {
    const totals = await passRows(run, outputs)
    const written = {
      outputs: outputs.slice(0, formats.length).flatMap((output) => output.written),
      totals,
    }
    await how.finish?.(written)
    return written
  } catch (error) {
    await Promise.all(outputs.map((output) => output.abort()))
    throw error
  }
}

async function passRows(run: ReportRun, outputs: readonly SplitOutput[]): Promise<ReportTotals> {
  const rows = run.rows()
  let ended = false
  try {
    for (;;) {
      const next = await rows.next()
      if (next.done === true) {
        ended = true
        return await endAll(outputs, next.value)
      }
      for (const output of outputs) await output.rows(next.value)
    }
  } finally {
    // A pass that is given up lets go of what it reads from.
    if (!ended) await rows.return(undefined as never).catch(() => undefined)
  }
}

/** The CSV ends first: what shows only some of the rows names it. */
async function endAll(outputs: readonly SplitOutput[], totals: RunTotals): Promise<ReportTotals> {
  const isCsv = (output: SplitOutput) => output.format.name === 'csv'
  for (const output of outputs.filter(isCsv)) await output.end({ ...totals, csv: [] })
  const csv = outputs
    .filter(isCsv)
    .flatMap(({ written }) => written.map(({ name, sha256 }) => ({ name, sha256 })))
  const all = { ...totals, csv }
  for (const output of outputs) if (!isCsv(output)) await output.end(all)
  return all
}

/** A format for reading that cannot show every row cites the CSV, which is then made if only to be hashed. */
async function citedCsv(run: ReportRun, formats: readonly Format[]): Promise<readonly Format[]> {
  const some = formats.some(({ name }) => name === 'pdf' || name === 'html')
  const has = formats.some(({ name }) => name === 'csv')
  return some && !has && run.rowsMost > shownRowsMax ? [await formatOf('csv')] : []
}

/** How many rows there are, where a format may have to spread them over several outputs; undefined where none does. */
async function rowCountFor(
  run: ReportRun,
  formats: readonly Format[],
): Promise<number | undefined> {
  if (formats.every(({ rowsMax }) => run.rowsMost <= rowsMax)) return undefined
  if (run.exact) return run.rowsMost
  const rows = run.rows()
  for (;;) {
    const next = await rows.next()
    if (next.done === true) return next.value.rowCount
  }
}

interface SplitAbout {
  readonly run: ReportRun
  readonly name: string
  readonly rowCount: number | undefined
  readonly sink: OutputSink
}

/** The outputs of one format: one, or as many as its rows need. All of them end at the end, when the totals are known. */
class SplitOutput {
  readonly format: Format
  readonly #about: SplitAbout
  readonly #parts: number
  readonly #open: { writer: FormatWriter; file: HashedFile; rows: number }[] = []
  readonly #files: HashedFile[] = []
  readonly #written: Output[] = []

  constructor(format: Format, about: SplitAbout) {
    this.format = format
    this.#about = about
    this.#parts = Math.max(1, Math.ceil((about.rowCount ?? 0) / format.rowsMax))
  }

  get written(): readonly Output[] {
    return this.#written
  }

  async rows(batch: readonly NumberedRow[]): Promise<void> {
    for (let at = 0; at < batch.length; ) {
      const open = await this.#withRoom()
      const some = batch.slice(at, at + this.format.rowsMax - open.rows)
      await open.writer.rows(some)
      open.rows += some.length
      at += some.length
    }
  }

  async end(totals: ReportTotals): Promise<void> {
    if (this.#open.length === 0) await this.#begin()
    for (const { writer, file } of this.#open) {
      await writer.end(totals)
      this.#written.push({ ...(await file.end()), format: this.format.name })
    }
  }

  /** What could not be taken back is left: why the report failed is what its caller must hear. */
  async abort(): Promise<void> {
    for (const file of this.#files) await file.abort().catch(() => undefined)
  }

  async #withRoom() {
    const last = this.#open.at(-1)
    return last !== undefined && last.rows < this.format.rowsMax ? last : this.#begin()
  }

  async #begin() {
    const { run, name, sink } = this.#about
    const part: Part = { number: this.#open.length + 1, of: this.#parts }
    const suffix = part.of > 1 ? `-${part.number}-of-${part.of}` : ''
    const file = await HashedFile.open(sink, `${name}${suffix}.${this.format.extension}`)
    // Known before the format writes its first bytes: whatever fails from here on, the file is taken back.
    this.#files.push(file)
    const writer = await this.format.open(run.head, (piece) => file.write(piece), part)
    const open = { writer, file, rows: 0 }
    this.#open.push(open)
    return open
  }
}

/** Pieces are gathered until a write of them is worth its while. */
const gatheredBytesMax = 64 * 1024

/** A file whose hash is made as it is written. */
class HashedFile {
  readonly #name: string
  readonly #file: OutputFile
  readonly #hash = createHash('sha256')
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #bytes = 0

  private constructor(name: string, file: OutputFile) {
    this.#name = name
    this.#file = file
  }

  static async open(sink: OutputSink, name: string): Promise<HashedFile> {
    return new HashedFile(name, await sink.open(name))
  }

  async write(piece: Uint8Array | string): Promise<void> {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    if (this.#gatheredBytes >= gatheredBytesMax) await this.#flush()
  }

  async end(): Promise<Omit<Output, 'format'>> {
    await this.#flush()
    await this.#file.end()
    return { name: this.#name, bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }

  abort(): Promise<void> {
    return this.#file.abort()
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#gathered)
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#bytes += bytes.length
    this.#hash.update(bytes)
    await this.#file.write(bytes)
  }
}

/** For outputs that only their hashes are wanted of. */
export const nowhere: OutputSink = {
  open: async () => ({
    write: () => turn(),
    end: async () => undefined,
    abort: async () => undefined,
  }),
}
