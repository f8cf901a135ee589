import { join } from 'node:path'
import { Argument, type Command, Option } from 'commander'
import {
  builtInReports,
  type FormatName,
  formatNames,
  type GeneratedReport,
  type OutputFile,
  type OutputSink,
} from '../../index.ts'
import { type Cli, handled, withReader } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit, UsageError } from '../failure.ts'
import { subcommand, subcommandWithout } from '../program.ts'
import { type RangeFlags, rangeOf } from '../range.ts'
import { manifestExtension, placeOf } from '../report-place.ts'
import { leftOut, reportNames, reportWords, shownOf } from '../report-table.ts'
import { plural, table } from '../text.ts'
import { duration } from '../when.ts'
import { addReportVerify } from './report-verify.ts'

interface ReportFlags extends RangeFlags {
  readonly subject?: string
  readonly actor?: string
  readonly dueWithin?: number
  readonly format?: readonly FormatName[]
  readonly out?: string
  readonly failOnFindings?: boolean
}

interface Judged {
  readonly findings: number
  readonly judges: boolean
}

export function addReport(program: Command): void {
  const description = 'what auditors ask, answered from the log, with what proves the answer'
  const report = subcommandWithout('actor', program, { name: 'report', description })
    .helpCommand(false)
    .usage('NAME [options] | list | verify FILE…')
    .addArgument(new Argument('[name]', 'which report').choices(reportNames))
    .option('--from <time>', 'its first event: a time, of a day its start, or a position')
    .option('--to <time>', 'its last event: a time, of a day its end, or a position')
    .option('--as-of <time>', 'the same as --to, of a report of how things stood')
    .option('--subject <pattern>', 'about these paths: prod/**')
    .option('--actor <pattern>', 'about these actors; who asks stands before the command')
    .option('--due-within <duration>', 'what counts as due: within 14d of its date', duration)
    .addOption(
      new Option('--format <format...>', 'as files have it; without --out one, on stdout').choices(
        formatNames,
      ),
    )
    .option('--out <path>', 'a new file, or a folder for one file a format; a manifest goes beside')
    .option('--fail-on-findings', `exit ${exitCodes.findings} where there are findings`)
    .action(
      handled<ReportFlags>(async (cli, { args: [name], options }) => {
        if (name === undefined) {
          throw new UsageError('expected the name of a report', 'muniment report list')
        }
        const { findings, judges } = await make(cli, name, options)
        if (options.failOnFindings !== true) return
        if (!judges) cli.out.warn(`${name} judges nothing, so that it never has findings`)
        if (findings > 0) throw new Exit(exitCodes.findings)
      }),
    )
  addReportList(report)
  addReportVerify(report)
}

function addReportList(parent: Command): void {
  subcommand(parent, 'list', 'which there are, and what each answers').action(
    handled(async (cli) => {
      const reports = (await builtInReports()).map(({ number, controls, definition }) => {
        const { name, title, question, span, params } = definition
        return { number, name, title, question, span, params, controls }
      })
      await cli.out.result(reports, () =>
        table(
          ['', 'name', 'takes', 'question', 'controls'],
          reports.map(({ number, name, params, question, controls }) => [
            number,
            name,
            params.map(optionOf).join(' '),
            question,
            controls.join(', '),
          ]),
        ),
      )
      cli.out.note('next: muniment report NAME, or --out FILE.pdf for a file and its manifest')
    }),
  )
}

/** `dueWithin` of a program is `--due-within` of a shell. */
function optionOf(param: string): string {
  return `--${param.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

async function make(cli: Cli, name: string, flags: ReportFlags): Promise<Judged> {
  const { out, format = [] } = flags
  if (out !== undefined) return makeFiles(cli, name, { ...flags, out })
  if (format.length > 1) {
    throw new UsageError('stdout takes one format', 'a folder for one file a format: --out q1/')
  }
  const [one = cli.out.json ? ('json' as const) : undefined] = format
  return one === undefined ? printTable(cli, name, flags) : printFormat(cli, name, { flags, one })
}

async function printTable(cli: Cli, name: string, flags: ReportFlags): Promise<Judged> {
  const shown = await reading(cli, name, (onProgress) =>
    withReader(cli, async ({ reports }) =>
      shownOf(await reports.run(name, { ...asked(cli, flags), onProgress }, cli.call)),
    ),
  )
  await cli.out.result(undefined, () => reportWords(cli, shown))
  const rest = leftOut(shown)
  if (rest !== undefined) cli.out.warn(rest)
  cli.out.note(`all rows and columns, and a proof: the same with --out ${name}.csv`)
  const { head, totals } = shown
  return { findings: totals.findings, judges: head.judges }
}

async function printFormat(
  cli: Cli,
  name: string,
  { flags, one }: { readonly flags: ReportFlags; readonly one: FormatName },
): Promise<Judged> {
  if (one === 'pdf' && process.stdout.isTTY) {
    throw new UsageError('stdout is a terminal, which shows no PDF', `--out ${name}.pdf`)
  }
  const { totals } = await reading(cli, name, (onProgress) =>
    withReader(cli, ({ reports }) =>
      reports.write(
        name,
        {
          ...asked(cli, flags),
          onProgress,
          formats: [one],
          to: stdoutSink(cli, `${name}.${one}`),
        },
        cli.call,
      ),
    ),
  )
  return { findings: totals.findings, judges: await judges(name) }
}

/** One output on stdout; what vouches for it is for files. */
function stdoutSink({ out }: Cli, expected: string): OutputSink {
  return {
    open: async (name) => {
      if (name.endsWith(manifestExtension)) return nowhere
      if (name === expected) return { ...nowhere, write: (piece) => out.bytes(piece) }
      throw new UsageError(
        'it has more rows than one file of that format may hold',
        '--format jsonl, or a folder: --out q1/',
      )
    },
  }
}

const nowhere: OutputFile = {
  write: async () => undefined,
  end: async () => undefined,
  abort: async () => undefined,
}

async function makeFiles(
  cli: Cli,
  name: string,
  { out, ...flags }: ReportFlags & { readonly out: string },
): Promise<Judged> {
  const place = await placeOf(out, { report: name, formats: flags.format ?? [] })
  const made = await reading(cli, name, (onProgress) =>
    withReader(cli, ({ reports }) =>
      reports.write(
        name,
        {
          ...asked(cli, flags),
          onProgress,
          formats: place.formats,
          to: place.folder,
          name: place.name,
        },
        cli.call,
      ),
    ),
  )
  const written = filesOf(made, place.folder)
  const isJudged = await judges(name)
  await cli.out.result(written, () => filesWords(cli, written, isJudged))
  if (!made.isSigned) cli.out.note('no owner was there to sign it: the manifest says so too')
  cli.out.note(`next: muniment report verify ${written.manifest}`)
  return { findings: made.totals.findings, judges: isJudged }
}

function filesOf({ manifest, manifestName, outputs, isSigned }: GeneratedReport, folder: string) {
  const { report, version, params, asOf, range, rowCount, findings, population } = manifest
  return {
    ...{ report, version, params, asOf, range, rowCount, findings, population, isSigned },
    outputs: outputs.map(({ name, ...output }) => ({ path: join(folder, name), ...output })),
    manifest: join(folder, manifestName),
  }
}

function filesWords(
  cli: Cli,
  { outputs, manifest, ...made }: ReturnType<typeof filesOf>,
  isJudged: boolean,
): string {
  const { report, rowCount, findings, asOf } = made
  const at = `${cli.exact(new Date(asOf.time))} ${cli.globals.tz}`
  const judged = isJudged ? ` and ${plural(findings, 'finding')}` : ''
  return [
    `${report}: ${plural(rowCount, 'row')}${judged}, up to position ${asOf.position}, ${at}`,
    ...outputs.map(({ path, bytes }) => `  ${path}, ${plural(bytes, 'byte')}`),
    `  ${manifest}`,
  ].join('\n')
}

async function judges(name: string): Promise<boolean> {
  const reports = await builtInReports()
  return reports.some(({ definition }) => definition.name === name && definition.judges)
}

function asked(cli: Cli, flags: ReportFlags) {
  const { subject, actor, dueWithin } = flags
  return {
    ...rangeOf(cli, flags),
    signal: cli.signal,
    ...(subject !== undefined && { subject }),
    ...(actor !== undefined && { actor }),
    ...(dueWithin !== undefined && { dueWithin }),
  }
}

function reading<T>(
  cli: Cli,
  name: string,
  work: (onProgress: (at: { position: number; size: number }) => void) => Promise<T>,
): Promise<T> {
  const bar = cli.out.progress(name)
  return work(({ position, size }) => bar.at(position, size)).finally(() => bar.end())
}
