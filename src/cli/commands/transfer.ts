import { type Command, Option } from 'commander'
import {
  type ControlledVault,
  formatDotenv,
  formatJson,
  type Imported,
  type ImportFormat,
  importFormats,
  importSecrets,
  type ParsedTransfer,
  parseTransfer,
  type SkippedRow,
  type TransferEntry,
} from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { expectFree, withNewFile } from '../new-file.ts'
import { subcommand } from '../program.ts'
import { readAll } from '../read-all.ts'
import { plural } from '../text.ts'

interface ImportFlags {
  readonly format: ImportFormat
  readonly prefix?: string
  readonly dryRun?: boolean
  readonly update?: boolean
}

interface ExportFlags {
  readonly format: 'json' | 'dotenv'
  readonly out?: string
  readonly reveal?: boolean
}

const skippedShown = 20

export function addImport(program: Command): void {
  subcommand(program, 'import', 'write the secrets of a file that another program made')
    .argument('<file>', '- for stdin')
    .addOption(
      new Option('--format <format>', 'what the file is')
        .choices(importFormats)
        .makeOptionMandatory(),
    )
    .option('--prefix <path>', 'where they go: prod/app')
    .option('--update', 'give secrets that are there a next version, instead of passing over them')
    .option('--dry-run', 'say what would be done, and do nothing')
    .action(
      handled<ImportFlags>(async (cli, { args: [file = ''], options }) => {
        const { format, prefix } = options
        const parsed = parseTransfer(await readAll(cli, file), {
          format,
          ...(prefix !== undefined && { prefix }),
        })
        if (options.dryRun === true) await rehearse(cli, parsed)
        else await importAll(cli, parsed, options)
      }),
    )
}

async function rehearse(cli: Cli, { entries, skipped }: ParsedTransfer): Promise<void> {
  const paths = entries.map(({ path }) => path)
  await cli.out.result({ dryRun: true, secrets: entries.length, paths, skipped }, () =>
    [...paths, `would import ${plural(entries.length, 'secret')}, skip ${skipped.length}`].join(
      '\n',
    ),
  )
  warnOf(cli, skipped)
}

async function importAll(cli: Cli, parsed: ParsedTransfer, { update }: ImportFlags): Promise<void> {
  const bar = cli.out.progress('importing')
  const done = await withVault(cli, (vault) =>
    importSecrets(vault, parsed, {
      ...cli.call,
      ...(update === true && { update }),
      onProgress: ({ done, total }) => bar.at(done, total),
    }),
  ).finally(() => bar.end())
  await cli.out.result(done, () => summary(done))
  warnOf(cli, done.skipped)
  if (done.aborted)
    cli.out.warn('interrupted: run it again for the rest; what is there is passed over')
  else cli.out.note('next: muniment list')
}

function summary({ written, updated, unchanged, skipped }: Imported): string {
  const parts = [
    `imported ${plural(written, 'secret')}`,
    ...(updated > 0 ? [`updated ${updated}`] : []),
    ...(unchanged > 0 ? [`left ${unchanged} as they were`] : []),
    ...(skipped.length > 0 ? [`skipped ${skipped.length}`] : []),
  ]
  return parts.join(', ')
}

function warnOf(cli: Cli, skipped: readonly SkippedRow[]): void {
  for (const { row, reason } of skipped.slice(0, skippedShown)) {
    cli.out.warn(`skipped ${row}: ${reason}`)
  }
  const more = skipped.length - skippedShown
  if (more > 0) cli.out.warn(`and ${more} more; --json names them all`)
}

export function addExport(program: Command): void {
  subcommand(program, 'export', 'print all live versions of secrets: an export on record')
    .argument('[prefix]', 'paths that begin so: prod/', '')
    .addOption(new Option('--format <format>').choices(['json', 'dotenv']).makeOptionMandatory())
    .option('--reveal', 'say that the values are to be printed')
    .option('--out <file>', 'into a new file, mode 0600')
    .action(
      handled<ExportFlags>(async (cli, { args: [prefix = ''], options }) => {
        if (options.reveal !== true) {
          throw new UsageError('an export holds every value in the clear', 'add --reveal')
        }
        await exportAll(cli, prefix, options)
      }),
    )
}

async function exportAll(cli: Cli, prefix: string, { format, out }: ExportFlags): Promise<void> {
  if (out !== undefined) await expectFree(out)
  const { text, secrets, versions, position, skipped } = await withVault(cli, async (vault) => {
    const exported = () => exportedText(cli, vault, { prefix, format })
    if (out === undefined) return exported()
    // Before anything is on record: a file that cannot be made is no export.
    return withNewFile(out, async (fill) => {
      const whole = await exported()
      await fill(whole.text)
      return whole
    })
  })
  if (out === undefined) await cli.out.bytes(text)
  else {
    await cli.out.result(
      { out, format, secrets, versions, position, skipped },
      () => `${plural(secrets, 'secret')}, ${plural(versions, 'version')} in ${out}`,
    )
  }
  warnOf(cli, skipped)
}

async function exportedText(
  cli: Cli,
  vault: ControlledVault,
  { prefix, format }: { prefix: string; format: ExportFlags['format'] },
) {
  const exported = await vault.export(prefix, cli.call)
  const entries: TransferEntry[] = []
  for await (const entry of exported.entries) entries.push(entry)
  const formatted =
    format === 'json'
      ? { text: formatJson(entries, exported), skipped: [] }
      : formatDotenv(entries, { prefix })
  return { ...exported, ...formatted }
}
