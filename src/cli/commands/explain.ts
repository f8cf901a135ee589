import { Argument, type Command } from 'commander'
import { type Capability, capabilities, type Explanation, type Moment } from '../../index.ts'
import { type Cli, handled, type Reader, withReader } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit } from '../failure.ts'
import { collect, subcommand } from '../program.ts'
import { printable, style } from '../text.ts'
import { moment } from '../when.ts'

interface ExplainFlags {
  readonly role?: readonly string[]
  readonly asOf?: string
}

/** What is said of now, and where it was asked for, of a moment. */
interface Explained {
  readonly now: Explanation
  readonly past?: Explanation
}

export function addExplain(program: Command): void {
  const what = `whether an actor may do something, and why: exit 0 if so, ${exitCodes.denied} if not`
  subcommand(program, 'explain', what)
    .argument('<actor>', 'user/ana')
    .addArgument(new Argument('<capability>', 'what is to be done').choices(capabilities))
    .argument('[path]', 'to which secret; to the vault itself unless said', '')
    .option(
      '--role <name...>',
      'that a host would say the actor has, beside those granted',
      collect,
    )
    .option('--as-of <time>', 'then and now: a time, or a position of the log')
    .action(
      handled<ExplainFlags>(async (cli, { args: [actor = '', word, path = ''], options }) => {
        const { role: roles = [], asOf } = options
        const at = asOf === undefined ? undefined : moment(asOf, { ...cli.globals, now: cli.now })
        const capability = word as Capability
        const asked = { who: { actor, roles }, what: { capability, path }, at }
        const found = await withReader(cli, (reader) => explain(cli, reader, asked))
        const judged = found.past ?? found.now
        await cli.out.result(
          { actor, capability, path, ...judged, ...(at && { asOf: at, now: found.now }) },
          () => inWords(cli, found, at),
        )
        if (!judged.allowed) throw new Exit(exitCodes.denied)
      }),
    )
}

interface Asked {
  readonly who: Parameters<Reader['explain']>[0]
  readonly what: Parameters<Reader['explain']>[1]
  readonly at: Moment | undefined
}

async function explain(cli: Cli, reader: Reader, { who, what, at }: Asked): Promise<Explained> {
  const now = await reader.explain(who, what, cli.call)
  return at === undefined
    ? { now }
    : { now, past: await reader.explain(who, what, { ...cli.call, at }) }
}

function inWords(cli: Cli, { now, past }: Explained, at: Moment | undefined): string {
  if (past === undefined || at === undefined) return verdict(now)
  const when =
    'position' in at
      ? `position ${at.position}`
      : `${cli.exact(new Date(at.time))} ${cli.globals.tz}`
  return [`as of ${when}:`, `  ${verdict(past)}`, 'now:', `  ${verdict(now)}`].join('\n')
}

function verdict({ allowed, why }: Explanation): string {
  const mark = allowed
    ? style('green', 'allowed:', process.stdout)
    : style('red', 'denied:', process.stdout)
  return `${mark} ${printable(why)}`
}
