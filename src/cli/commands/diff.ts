import type { Command } from 'commander'
import {
  type FieldDiff,
  type FieldValue,
  type Moment,
  type NotedChange,
  type SecretDiff,
  type SecretEnd,
  type VaultDiff,
  VaultError,
} from '../../index.ts'
import { type Cli, handled, type Reader, withReader } from '../cli.ts'
import { subcommand } from '../program.ts'
import { clipped, plural, printable, properties, table } from '../text.ts'
import { moment, span } from '../when.ts'

interface DiffFlags {
  readonly from: string
  readonly to?: string
  readonly subject?: string
}

const valueWidthMax = 60

export function addDiff(program: Command): void {
  subcommand(program, 'diff', 'what changed between two moments, and by whom; never the values')
    .requiredOption('--from <time>', 'how it was: a time, of a day its start, or a position')
    .option('--to <time>', 'and became: a time, of a day its end, or a position; now unless said')
    .option('--subject <pattern>', 'of the secrets, only these paths: prod/**')
    .action(
      handled<DiffFlags>(async (cli, { options }) => {
        const diff = await withReader(cli, (reader) => between(cli, reader, options))
        await cli.out.result(diff, () => inWords(cli, diff))
      }),
    )
}

async function between(cli: Cli, reader: Reader, flags: DiffFlags): Promise<VaultDiff> {
  const { from, to, subject } = flags
  const { tz } = cli.globals
  const reading = { tz, now: cli.now }
  const start = moment(from, reading, 'start')
  const end: Moment = to === undefined ? { time: new Date(cli.now) } : moment(to, reading)
  const asked = { start, end, ...(subject !== undefined && { subject }) }
  return compare(cli, reader, asked).catch((error) => {
    if (!isBeforeLog(error)) throw error
    cli.out.note(`${error.message}: compared is with position 0`)
    return compare(cli, reader, { ...asked, start: { position: 0 } })
  })
}

/** A vault's first year has no event at its beginning, as `report --from` takes it too; of `--to` it would be no range. */
function isBeforeLog(error: unknown): error is VaultError {
  if (!(error instanceof VaultError) || error.code !== 'INVALID') return false
  return error.message.startsWith('from.time is before the log')
}

interface Asked {
  readonly start: Moment
  readonly end: Moment
  readonly subject?: string
}

async function compare(
  cli: Cli,
  reader: Reader,
  { start, end, subject }: Asked,
): Promise<VaultDiff> {
  const bar = cli.out.progress('comparing')
  return reader
    .diff(start, end, {
      ...cli.call,
      ...(subject !== undefined && { subject }),
      onProgress: ({ position, size }) => bar.at(position, size),
    })
    .finally(() => bar.end())
}

function inWords(cli: Cli, { from, to, secrets, counts, ...noted }: VaultDiff): string {
  const at = ({ position, time }: VaultDiff['from']) =>
    `position ${position}, ${cli.exact(time)} ${cli.globals.tz}`
  const parts = [
    properties([
      ['from', at(from)],
      ['to', at(to)],
    ]),
    secretWords(cli, secrets),
    notedWords(cli, 'access', noted.access),
    notedWords(cli, 'rotation policies', noted.rotationPolicies),
    notedWords(cli, 'mounts', noted.mounts),
    notedWords(cli, 'keys', noted.keys),
    summary(counts),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** A line a secret, and below it a line for each field that is another. */
function secretWords(cli: Cli, secrets: readonly SecretDiff[]): string {
  if (secrets.length === 0) return ''
  const rows = secrets.map(({ path, change, before, after, by }) => [
    path,
    change,
    arrow(endWords(before), endWords(after)),
    by.join(', '),
  ])
  const [head = '', ...lines] = table(['secret', 'change', 'version', 'by'], rows).split('\n')
  const withFields = lines.flatMap((line, i) => {
    const fields = secrets[i]?.fields ?? []
    return [line, ...fields.map((field) => `    ${printable(fieldWords(cli, field))}`)]
  })
  return [head, ...withFields].join('\n')
}

function endWords(end: SecretEnd | undefined): string {
  if (end === undefined) return '-'
  return end.state === 'live' ? `${end.version}` : `${end.version} (${end.state})`
}

function arrow(before: string, after: string): string {
  return before === after ? before : `${before} → ${after}`
}

function fieldWords(cli: Cli, { field, before, after }: FieldDiff): string {
  const words = (value: FieldValue | undefined) =>
    clipped(isSpan(field) ? spanWords(value) : valueWords(cli, value), valueWidthMax)
  return `${field}: ${words(before)} → ${words(after)}`
}

function isSpan(field: FieldDiff['field']): boolean {
  return field === 'rotateEvery' || field === 'expireAfter'
}

function spanWords(value: FieldValue | undefined): string {
  return typeof value === 'number' ? span(value) : '-'
}

function valueWords(cli: Cli, value: FieldValue | undefined): string {
  if (value === undefined) return '-'
  if (value instanceof Date) return `${cli.exact(value)} ${cli.globals.tz}`
  if (typeof value !== 'object') return String(value)
  const pairs = Object.entries(value).map(([key, each]) => `${key}=${each}`)
  return pairs.length === 0 ? '-' : pairs.join(', ')
}

function notedWords(cli: Cli, what: string, changes: readonly NotedChange[]): string {
  if (changes.length === 0) return ''
  const rows = changes.map(({ position, time, type, name, holder, by }) => [
    `${position}`,
    cli.exact(time),
    type,
    holder === undefined ? name : `${name}, ${holder}`,
    by,
  ])
  const headings = ['position', `time (${cli.globals.tz})`, what, 'of', 'by']
  return table(headings, rows)
}

function summary({ events, secrets, bySecretChange, ...noted }: VaultDiff['counts']): string {
  const ways = Object.entries(bySecretChange).map(([change, count]) => `${count} ${change}`)
  const how = ways.length === 0 ? '' : ` (${ways.join(', ')})`
  const changed = [
    `${plural(secrets, 'secret')} changed${how}`,
    changesWords(noted.access, 'access'),
    changesWords(noted.rotationPolicies, 'rotation policies'),
    changesWords(noted.mounts, 'mounts'),
    changesWords(noted.keys, 'keys'),
  ].filter((part) => part !== '')
  return `${changed.join(', ')}, in ${plural(events, 'event')}`
}

function changesWords(count: number, what: string): string {
  return count === 0 ? '' : `${plural(count, 'change')} of ${what}`
}
