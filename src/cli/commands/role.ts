import type { Command } from 'commander'
import type { AccessChange, ControlledVault, Grant, Role } from '../../index.ts'
import { type Cli, handled, withReader, withVault } from '../cli.ts'
import { collect, subcommand } from '../program.ts'
import { table } from '../text.ts'
import { time } from '../when.ts'

interface GrantFlags {
  readonly expires?: string
}

/** A role, and who has it. */
interface HeldRole extends Role {
  readonly grants: readonly Grant[]
}

export function addRole(program: Command): void {
  const role = subcommand(program, 'role', 'names for policies, and who has them')
  subcommand(role, 'list', 'all of them, and who was granted each').action(
    handled(async (cli) => {
      const roles = await withReader(cli, async (reader) => {
        const grants = await reader.roles.granted(undefined, cli.call)
        const all = await reader.roles.list(cli.call)
        return all.map((each) => ({ ...each, grants: grants.filter(isOf(each)) }))
      })
      await cli.out.result(roles, () => listed(cli, roles))
    }),
  )
  subcommand(role, 'write', 'all of its policies, in the place of those it has; grants stay')
    .argument('<name>')
    .requiredOption('--policy <name...>', 'what whoever has it may do', collect)
    .action(
      handled<{ policy: readonly string[] }>(async (cli, { args: [name = ''], options }) => {
        const policies = options.policy
        await change(
          cli,
          { role: name, policies },
          {
            work: (vault) => vault.roles.write(name, { policies }, cli.call),
            done: `role ${name} has the ${policies.length === 1 ? 'policy' : 'policies'} ${policies.join(', ')}`,
          },
        )
        cli.out.note(`next: muniment role grant ${name} ACTOR`)
      }),
    )
  addGrant(role)
  subcommand(role, 'withdraw', 'take it from an actor')
    .argument('<role>')
    .argument('<actor>')
    .action(
      handled(async (cli, { args: [name = '', actor = ''] }) => {
        await change(
          cli,
          { role: name, actor },
          {
            work: (vault) => vault.roles.withdraw(actor, name, cli.call),
            done: `${actor} has not the role ${name}`,
          },
        )
      }),
    )
  subcommand(
    role,
    'remove',
    'take it from everyone, for good: a later one of that name begins anew',
  )
    .argument('<name>')
    .action(
      handled(async (cli, { args: [name = ''] }) => {
        await change(
          cli,
          { role: name },
          {
            work: (vault) => vault.roles.remove(name, cli.call),
            done: `there is no role ${name}`,
          },
        )
      }),
    )
}

function addGrant(parent: Command): void {
  subcommand(parent, 'grant', 'give it to an actor')
    .argument('<role>')
    .argument('<actor>')
    .option('--expires <time>', 'until then: 2027-01-31, 90d')
    .action(
      handled<GrantFlags>(async (cli, { args: [name = '', actor = ''], options: { expires } }) => {
        const { tz } = cli.globals
        const reading = { edge: 'end', side: 'future', tz, now: cli.now } as const
        const end = expires === undefined ? {} : { expiresAt: time(expires, reading) }
        const until = end.expiresAt === undefined ? '' : ` until ${cli.shown(end.expiresAt)}`
        await change(
          cli,
          { role: name, actor, ...end },
          {
            work: (vault) => vault.roles.grant(actor, name, { ...cli.call, ...end }),
            done: `${actor} has the role ${name}${until}`,
          },
        )
        cli.out.note(`next: muniment explain ${actor} read PATH`)
      }),
    )
}

interface Change {
  readonly work: (vault: ControlledVault) => Promise<AccessChange>
  /** How it is from there on, in words. */
  readonly done: string
}

async function change(cli: Cli, about: object, { work, done }: Change): Promise<void> {
  const { position } = await withVault(cli, work)
  const isChanged = position !== undefined
  await cli.out.result({ ...about, changed: isChanged, position }, () =>
    isChanged ? done : `nothing to do: ${done} already`,
  )
}

function isOf({ name }: Role): (grant: Grant) => boolean {
  return ({ role }) => role === name
}

function listed(cli: Cli, roles: readonly HeldRole[]): string {
  if (roles.length === 0) return 'no roles'
  const { tz } = cli.globals
  const rows = roles.flatMap(({ name, policies, grants }) => {
    const about = [name, policies.join(', ')]
    if (grants.length === 0) return [[...about, '-', '-', '-', '-']]
    return grants.map((grant) => [...about, ...grantCells(cli, grant)])
  })
  return table(['role', 'policies', 'actor', `granted (${tz})`, 'by', `expires (${tz})`], rows)
}

function grantCells(cli: Cli, { actor, grantedAt, grantedBy, expiresAt, expired }: Grant) {
  const end = expired ? `${cli.exact(expiresAt)}, over` : cli.exact(expiresAt)
  return [actor, cli.exact(grantedAt), grantedBy, end]
}
