import type { Command } from 'commander'
import { type ControlledVault, type IssuedToken, rootPolicy, type TokenInfo } from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { withNewFile } from '../new-file.ts'
import { collect, integer, subcommand } from '../program.ts'
import type { ServerVault } from '../remote/server-vault.ts'
import { properties, table } from '../text.ts'
import { duration } from '../when.ts'

interface CreateFlags {
  readonly policy?: readonly string[]
  readonly ttl?: number
  readonly maxTtl?: number
  readonly uses?: number
  readonly label?: string
  readonly renewal: boolean
  readonly orphan?: boolean
  readonly out?: string
}

/** With the names of its policies that nobody has written. */
interface Issued extends IssuedToken {
  readonly absentPolicies?: readonly string[]
}

/** What Vault gives a token that nothing is said of. */
const ttlDefault = '32d'

export function addToken(program: Command): void {
  const token = subcommand(program, 'token', 'what callers of a server show to be let in')
  addCreate(token)
  subcommand(token, 'list', 'those that hold, and whom they act as').action(
    handled(async (cli) => {
      const tokens = await withVault(cli, (vault) => vault.tokens.list(cli.call))
      await cli.out.result(tokens, () => listed(cli, tokens))
    }),
  )
  subcommand(token, 'revoke', 'end it, and all that were issued through it')
    .argument('<accessor>', 'as create and list print it')
    .action(
      handled(async (cli, { args: [accessor = ''] }) => {
        await withVault(cli, (vault) => vault.tokens.revoke(accessor, cli.call))
        await cli.out.result({ accessor, revoked: true }, () => `token ${accessor} is revoked`)
      }),
    )
}

function addCreate(parent: Command): void {
  subcommand(parent, 'create', 'a new one; it is shown this once')
    .argument('<actor>', 'whom it acts as: svc/billing')
    .option(
      '--policy <name...>',
      'what it is held to, in place of the roles of its actor; root for everything',
      collect,
    )
    .option('--ttl <duration>', 'how long it lasts, and a renewal adds', duration)
    .option('--max-ttl <duration>', 'how long it lasts at the most', duration)
    .option('--uses <n>', 'how often it may be shown', integer)
    .option('--label <text>', 'what people know it by')
    .option('--no-renewal', 'it ends when its time is over')
    .option('--orphan', 'it outlives the token that it is issued through')
    .option('--out <file>', 'write it there, mode 0600, in place of showing it')
    .action(
      handled<CreateFlags>(async (cli, { args: [actor = ''], options }) => {
        const { out } = options
        if (out === undefined) return show(cli, await issue(cli, actor, options))
        // The file is made first: a token that is written nowhere would hold all the same.
        await withNewFile(out, async (fill) => {
          const issued = await issue(cli, actor, options)
          await fill(`${issued.token.text()}\n`)
          await tell(cli, issued, { file: out })
        })
      }),
    )
}

async function issue(cli: Cli, actor: string, flags: CreateFlags): Promise<Issued> {
  // Through a token, one without policies has those of the one that it is issued through: maybe all.
  if (cli.globals.server !== undefined && flags.policy === undefined) {
    throw new UsageError(
      'over a server a token is held to policies that are named',
      '--policy NAME',
    )
  }
  const { policy: policies, ttl = duration(ttlDefault), maxTtl, uses, label, orphan } = flags
  const options = {
    actor,
    ttl,
    renewable: flags.renewal,
    ...(policies && { policies }),
    ...(maxTtl !== undefined && { maxTtl }),
    ...(uses !== undefined && { uses }),
    ...(label !== undefined && { label }),
    ...(orphan && { orphan }),
  }
  return withVault(cli, async (vault) => {
    const issued = await vault.tokens.issue(options, cli.call)
    // The token holds by now, and must be shown whatever comes of the look.
    const absentPolicies = await absentOf(cli, vault, issued.policies ?? []).catch(() => [])
    for (const name of absentPolicies) {
      cli.out.warn(`there is no policy ${name}: until it is written it allows nothing`)
    }
    return { ...issued, ...(absentPolicies.length > 0 && { absentPolicies }) }
  })
}

/** Those that nobody has written yet, as far as whoever asks may know. */
async function absentOf(
  { call }: Cli,
  vault: ControlledVault | ServerVault,
  names: readonly string[],
): Promise<readonly string[]> {
  const asked = names.filter((name) => name !== rootPolicy)
  if (asked.length === 0) return []
  // A look without the right to it would be a refusal on record.
  if ('self' in vault && !(await vault.self.capabilities('', call)).includes('policy')) return []
  const written = new Set((await vault.policies.list(call)).map(({ name }) => name))
  return asked.filter((name) => !written.has(name))
}

function show(cli: Cli, issued: Issued): Promise<void> {
  return tell(cli, issued, { token: issued.token.text() })
}

async function tell(
  cli: Cli,
  { token: _, ...info }: Issued,
  where: { readonly token: string } | { readonly file: string },
): Promise<void> {
  await cli.out.result({ ...where, ...info }, () =>
    properties([
      'token' in where ? ['token', where.token] : ['written to', where.file],
      ['accessor', info.accessor],
      ['acts as', info.actor],
      ['held to', heldTo(info)],
      ['expires', info.expiresAt === undefined ? 'never' : cli.shown(info.expiresAt)],
    ]),
  )
  cli.out.note(`to end it: muniment token revoke ${info.accessor}`)
}

function listed(cli: Cli, tokens: readonly TokenInfo[]): string {
  if (tokens.length === 0) return 'no tokens'
  const { tz } = cli.globals
  const rows = tokens.map((token) => [
    token.accessor,
    token.actor,
    heldTo(token),
    cli.exact(token.issuedAt),
    cli.exact(token.expiresAt),
    token.usesLeft === undefined ? '-' : `${token.usesLeft}`,
    token.label ?? '-',
  ])
  return table(
    ['accessor', 'acts as', 'held to', `issued (${tz})`, `expires (${tz})`, 'uses left', 'label'],
    rows,
  )
}

function heldTo({ policies }: Pick<TokenInfo, 'policies'>): string {
  if (policies === undefined) return 'the roles of its actor'
  return policies.length === 0 ? 'nothing' : policies.join(', ')
}
