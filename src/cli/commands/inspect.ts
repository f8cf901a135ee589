import type { Command } from 'commander'
import type { SecretInfo, VersionInfo } from '../../index.ts'
import { type Cli, handled, type Reader, withReader } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit } from '../failure.ts'
import { subcommand } from '../program.ts'
import { plural, properties, table } from '../text.ts'
import { moment, span } from '../when.ts'

interface ListFlags {
  readonly asOf?: string
  readonly expired?: boolean
  readonly due?: boolean
}

type Inspected = Pick<Reader, 'list'>

const pageLimit = 1000

export function addList(program: Command): void {
  subcommand(program, 'list', 'what is known of secrets, without their values')
    .alias('ls')
    .argument('[prefix]', 'paths that begin so: prod/', '')
    .option('--as-of <time>', 'as it was then: a time, or a position of the log')
    .option('--expired', 'only those that have expired')
    .option('--due', 'only those whose rotation is due, by their own period or a rotation policy')
    .action(
      handled<ListFlags>(async (cli, { args: [prefix = ''], options }) => {
        await withReader(cli, async (vault) => {
          const then = await momentOf(cli, vault, options.asOf)
          const at = then?.time.getTime() ?? cli.now
          const items = (await all(then ?? vault, prefix, cli)).filter(
            (info) =>
              (options.expired !== true || isExpired(info, at)) &&
              (options.due !== true || isDue(info, at)),
          )
          await cli.out.result(items, () => listed(cli, items, options))
          if (then) cli.out.note(`as of position ${then.position}, ${cli.shown(then.time)}`)
        })
      }),
    )
}

async function momentOf(cli: Cli, vault: Reader, asOf: string | undefined) {
  if (asOf === undefined) return undefined
  return vault.asOf(moment(asOf, { ...cli.globals, now: cli.now }), cli.call)
}

async function all(source: Inspected, prefix: string, cli: Cli): Promise<SecretInfo[]> {
  const items: SecretInfo[] = []
  for (let after: string | undefined; ; ) {
    const page = await source.list(prefix, {
      ...cli.call,
      limit: pageLimit,
      ...(after !== undefined && { after }),
    })
    items.push(...page.items)
    after = page.next
    if (after === undefined) return items
  }
}

function isExpired({ expiresAt }: SecretInfo, at: number): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= at
}

/** By the age of the value, whoever changed it; a secret that nothing gives a period is never due. */
function isDue({ dueAt }: SecretInfo, at: number): boolean {
  return dueAt !== undefined && dueAt.getTime() <= at
}

function listed(cli: Cli, items: readonly SecretInfo[], { due = false }: ListFlags): string {
  if (items.length === 0) return 'no secrets'
  const { tz } = cli.globals
  const rows = items.map((info) => [
    info.path,
    info.type,
    info.state === 'live' ? `${info.version}` : `${info.version} (${info.state})`,
    cli.exact(info.valueChangedAt),
    ...(due ? [cli.exact(info.dueAt)] : []),
    cli.exact(info.expiresAt),
    `${info.rotationCount}`,
    cli.exact(info.lastAccessedAt),
  ])
  const headings = [
    'path',
    'type',
    'version',
    `value changed (${tz})`,
    ...(due ? [`due (${tz})`] : []),
    `expires (${tz})`,
    'rotations',
    `last read (${tz})`,
  ]
  return `${table(headings, rows)}\n${plural(items.length, 'secret')}`
}

export function addExists(program: Command): void {
  subcommand(program, 'exists', 'exit 0 if a secret is there and not deleted, 4 if not')
    .argument('<path>')
    .action(
      handled(async (cli, { args: [path = ''] }) => {
        const exists = await withReader(cli, (vault) => vault.exists(path, cli.call))
        await cli.out.result({ path, exists }, () =>
          exists ? `${path} is there` : `${path} is not there`,
        )
        if (!exists) throw new Exit(exitCodes.notFound)
      }),
    )
}

export function addDescribe(program: Command): void {
  subcommand(program, 'describe', 'all that is known of a secret besides its value')
    .argument('<path>')
    .option('--as-of <time>', 'as it was then: a time, or a position of the log')
    .action(
      handled<{ asOf?: string }>(async (cli, { args: [path = ''], options }) => {
        await withReader(cli, async (vault) => {
          const source = (await momentOf(cli, vault, options.asOf)) ?? vault
          const info = await source.describe(path, cli.call)
          await cli.out.result(info, () => described(cli, info))
        })
      }),
    )
}

function described(cli: Cli, info: SecretInfo): string {
  const shown = (at: Date | undefined) => at && cli.shown(at)
  const tags = Object.entries(info.tags).map(([key, value]) => `${key}=${value}`)
  return properties([
    ['path', info.path],
    ['type', info.type],
    ['version', info.state === 'live' ? `${info.version}` : `${info.version} (${info.state})`],
    ['description', info.description],
    ['owner', info.owner],
    ['tags', tags.length > 0 ? tags.join(', ') : undefined],
    ['created', shown(info.createdAt)],
    ['updated', `${cli.shown(info.updatedAt)} by ${info.updatedBy}`],
    ['value changed', shown(info.valueChangedAt)],
    ['not before', shown(info.notBefore)],
    ['expires', shown(info.expiresAt)],
    ['expires after', info.expireAfter === undefined ? undefined : span(info.expireAfter)],
    ['rotation due', shown(info.dueAt)],
    ['rotations', `${info.rotationCount}`],
    ['last rotated', shown(info.lastRotatedAt)],
    ['reads', `${info.accessCount}`],
    ['last read', shown(info.lastAccessedAt)],
    ['versions kept', info.maxVersions?.toString()],
    ['fingerprint', info.fingerprint],
  ])
}

export function addHistory(program: Command): void {
  subcommand(
    program,
    'history',
    "a secret's versions: who, when, why, and whether they can be read",
  )
    .argument('<path>')
    .option('--as-of <time>', 'as it was then: a time, or a position of the log')
    .action(
      handled<{ asOf?: string }>(async (cli, { args: [path = ''], options }) => {
        await withReader(cli, async (vault) => {
          const source = (await momentOf(cli, vault, options.asOf)) ?? vault
          const versions = await source.history(path, { ...cli.call, limit: pageLimit })
          await cli.out.result(versions, () => recounted(cli, versions))
        })
      }),
    )
}

function recounted(cli: Cli, versions: readonly VersionInfo[]): string {
  const rows = versions.map((each) => [
    `${each.version}`,
    each.state,
    cli.exact(each.createdAt),
    each.createdBy,
    each.changed ? each.origin : `${each.origin}, same value`,
    cli.exact(each.expiresAt),
    each.reason ?? '-',
  ])
  const { tz } = cli.globals
  return table(
    ['version', 'state', `created (${tz})`, 'by', 'how', `expires (${tz})`, 'reason'],
    rows,
  )
}
