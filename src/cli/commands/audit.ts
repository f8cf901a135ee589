import { type Command, Option } from 'commander'
import type {
  AuditEvent,
  AuditFilter,
  AuditQuery,
  ControlledVault,
  EventType,
} from '../../index.ts'
import { type Cli, handled, type Reader, withReader, withVault } from '../cli.ts'
import { collect, integer, subcommandWithout } from '../program.ts'
import { printable, style } from '../text.ts'
import { time } from '../when.ts'

interface AuditFlags {
  readonly subject?: string
  readonly actor?: string
  readonly type?: readonly string[]
  readonly outcome?: 'allowed' | 'denied'
  readonly from?: string
  readonly to?: string
  readonly limit?: number
  readonly after?: number
  readonly follow?: boolean
}

const pageLimit = 1000
const aliveMs = 60_000
const typeWidth = 'secret.rotation_failed'.length

export function addAudit(program: Command): void {
  const description = 'what was done, by whom and why: one event a line'
  const command = subcommandWithout('actor', program, { name: 'audit', description })
    .option('--subject <pattern>', 'about these paths: prod/**, prod/*/password')
    .option(
      '--actor <pattern>',
      'done by these; who asks stands before the command, or in MUNIMENT_ACTOR',
    )
    .option('--type <type...>', 'of these types: secret.accessed', collect)
    .addOption(
      new Option('--outcome <how>', 'let through, or refused').choices(['allowed', 'denied']),
    )
    .option('--from <time>', 'from then on; of a day, its start')
    .option('--to <time>', 'up to then; of a day, its end')
    .option('--limit <n>', 'at most so many', integer)
    .option('--after <position>', 'positions above this one', integer)
    .option('--follow', 'go on with what is appended, until Ctrl-C')
  command.action(
    handled<AuditFlags>(async (cli, { options }) => {
      if (options.follow === true) {
        await withVault(cli, (vault) => print(cli, options, followed(cli, vault, options)))
      } else {
        await withReader(cli, (reader) => print(cli, options, queried(cli, reader, options)))
      }
    }),
  )
}

async function print(
  cli: Cli,
  { limit = Number.POSITIVE_INFINITY }: AuditFlags,
  events: AsyncIterable<AuditEvent>,
): Promise<void> {
  let printed = 0
  for await (const event of events) {
    if (printed === limit) break
    await cli.out.row(jsonOf(event), () => line(cli, event))
    printed++
    if (cli.signal.aborted) break
  }
  if (printed === 0) cli.out.note('no events')
}

async function* followed(
  cli: Cli,
  vault: ControlledVault,
  flags: AuditFlags,
): AsyncGenerator<AuditEvent, void, void> {
  const { after } = flags
  const start = after === undefined ? {} : { after }
  // Nothing else keeps the process alive while it waits for an event.
  const alive = setInterval(() => undefined, aliveMs)
  try {
    yield* vault.audit.follow({ ...cli.call, ...filterOf(flags), ...start })
  } finally {
    clearInterval(alive)
  }
}

async function* queried(
  cli: Cli,
  reader: Reader,
  flags: AuditFlags,
): AsyncGenerator<AuditEvent, void, void> {
  const { after } = flags
  const limit = Math.max(1, Math.min(flags.limit ?? pageLimit, pageLimit))
  const query: AuditQuery = {
    ...cli.call,
    ...filterOf(flags),
    ...rangeOf(cli, flags),
    ...(after !== undefined && { after }),
    limit,
  }
  for await (const { events } of reader.audit.query(query)) yield* events
}

function filterOf({ subject, actor, type, outcome }: AuditFlags): AuditFilter {
  return {
    ...(subject !== undefined && { subject }),
    ...(actor !== undefined && { actor }),
    ...(type !== undefined && { type: type as EventType[] }),
    ...(outcome !== undefined && { outcome }),
  }
}

function rangeOf({ globals: { tz }, now }: Cli, { from, to }: AuditFlags) {
  const side = 'past'
  return {
    ...(from !== undefined && { from: time(from, { edge: 'start', side, tz, now }) }),
    ...(to !== undefined && { to: time(to, { edge: 'end', side, tz, now }) }),
  }
}

/** The time as a date that any reader understands, and the fields in the order in which people ask for them. */
function jsonOf({ position, id, type, time, actor, subject, context, data }: AuditEvent) {
  return { position, id, type, time: new Date(time).toISOString(), actor, subject, context, data }
}

function line(cli: Cli, event: AuditEvent): string {
  const { position, type, actor, subject, context } = event
  const { stdout } = process
  const at = `${cli.exact(new Date(event.time))} ${cli.globals.tz}`
  // Whoever opened the vault says who acts: the log knows the keyslot, and no more.
  const who = context.auth?.method === 'claimed' ? `${actor} (claimed)` : actor
  const reason = context.reason ? [`"${context.reason}"`] : []
  const said = [subject, ...details(event), ...sourceOf(event), ...reason]
  const words = [who, ...said].filter((word) => word !== '').map(printable)
  const name = refused.has(type)
    ? style('red', type.padEnd(typeWidth), stdout)
    : type.padEnd(typeWidth)
  return `${String(position).padStart(6)}  ${style('dim', at, stdout)}  ${name} ${words.join('  ')}`
}

const refused: ReadonlySet<EventType> = new Set([
  'secret.denied',
  'auth.failed',
  'secret.rotation_failed',
])

/** The few fields that a person asks for first; `--json` has them all. */
function details({ data, type }: AuditEvent): string[] {
  const fields: Record<string, unknown> = { ...data }
  const words: string[] = []
  for (const field of spelled) {
    const value = fields[field]
    if (typeof value === 'string') words.push(value.replaceAll('_', ' '))
  }
  for (const field of ['name', 'mount', 'label', 'accessor']) {
    const value = fields[field]
    if (typeof value === 'string') words.push(value)
  }
  if (typeof fields.actor === 'string') words.push(`${holding.get(type) ?? 'for'} ${fields.actor}`)
  if (typeof fields.version === 'number') words.push(`version ${fields.version}`)
  if (Array.isArray(fields.versions)) words.push(`versions ${numbers(fields.versions).join(', ')}`)
  if (typeof fields.count === 'number' && type === 'auth.failed' && fields.count > 1) {
    words.push(`${fields.count} times`)
  }
  if (fields.clean === false) words.push('not closed before')
  return words
}

/** Nobody is known there but by where he came from. */
function sourceOf({ type, context: { source } }: AuditEvent): string[] {
  return type === 'auth.failed' && source !== undefined ? [`from ${source}`] : []
}

/** Fields of which each is one of a few words. */
const spelled = ['operation', 'method', 'cause', 'trigger'] as const

/** How an actor stands to what is said of it. */
const holding: ReadonlyMap<EventType, string> = new Map([
  ['role.granted', 'to'],
  ['role.withdrawn', 'from'],
  ['token.revoked', 'of'],
  ['approle.written', 'as'],
])

function numbers(versions: readonly unknown[]): unknown[] {
  return versions.map((each) =>
    typeof each === 'object' && each !== null && 'version' in each ? each.version : each,
  )
}
