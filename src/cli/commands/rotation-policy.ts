import { type Command, Option } from 'commander'
import {
  type RotationPolicy,
  type RotationScope,
  type SecretType,
  secretTypes,
} from '../../index.ts'
import { type Cli, handled, withReader, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { subcommand } from '../program.ts'
import { table } from '../text.ts'
import { duration, span } from '../when.ts'

interface ScopeFlags {
  readonly prefix?: string
  readonly type?: SecretType
}

interface SetFlags extends ScopeFlags {
  readonly every?: number
  readonly exempt?: boolean
}

export function addRotationPolicy(program: Command): void {
  const policy = subcommand(
    program,
    'rotation-policy',
    'how old values may get, of secrets that do not say so themselves',
  )
  subcommand(policy, 'list', 'those in force, the ones that go before others first').action(
    handled(async (cli) => {
      const policies = await withReader(cli, (reader) => reader.rotationPolicies.list(cli.call))
      await cli.out.result(policies, () => listed(cli, policies))
    }),
  )
  withScope(subcommand(policy, 'set', 'say it of a prefix, of a type, of both, or of all secrets'))
    .option('--every <duration>', 'how old a value may get: 90d', duration)
    .option('--exempt', 'as old as it likes')
    .action(handled<SetFlags>(async (cli, { options }) => set(cli, options)))
  withScope(subcommand(policy, 'remove', 'take back what was said of that prefix and type')).action(
    handled<ScopeFlags>(async (cli, { options }) => {
      const scope = scopeOf(options)
      await withVault(cli, (vault) => vault.rotationPolicies.remove(scope, cli.call))
      await cli.out.result(
        { ...scope, removed: true },
        () => `nothing is said of ${scopeWords(scope)} any more`,
      )
    }),
  )
}

function withScope(command: Command): Command {
  return command
    .option('--prefix <path>', 'paths that begin so: prod/')
    .addOption(new Option('--type <type>', 'secrets of that type').choices(secretTypes))
}

async function set(cli: Cli, flags: SetFlags): Promise<void> {
  const { every: rotateEvery, exempt } = flags
  if ((rotateEvery === undefined) === (exempt === undefined)) {
    throw new UsageError('expected either --every DURATION or --exempt')
  }
  const scope = scopeOf(flags)
  const rule = rotateEvery === undefined ? {} : { rotateEvery }
  const { position } = await withVault(cli, (vault) =>
    vault.rotationPolicies.set(scope, rule, cli.call),
  )
  const isChanged = position !== undefined
  await cli.out.result({ ...scope, ...rule, changed: isChanged, position }, () => {
    const said = `values of ${scopeWords(scope)}: ${ruleWords(rule)}`
    return isChanged ? said : `nothing to do, it is so already: ${said}`
  })
  cli.out.note('next: muniment list --due')
}

function scopeOf({ prefix, type }: ScopeFlags): RotationScope {
  return { ...(prefix && { prefix }), ...(type !== undefined && { type }) }
}

function scopeWords({ prefix, type }: RotationScope): string {
  const what = type === undefined ? 'all secrets' : `secrets of type ${type}`
  return prefix === undefined ? what : `${what} below ${prefix}`
}

function ruleWords({ rotateEvery }: Pick<RotationPolicy, 'rotateEvery'>): string {
  return rotateEvery === undefined ? 'exempt' : `at most ${span(rotateEvery)} old`
}

function listed(cli: Cli, policies: readonly RotationPolicy[]): string {
  if (policies.length === 0) return 'no rotation policies'
  const rows = policies.map((policy) => [
    policy.prefix ?? '',
    policy.type ?? 'all',
    ruleWords(policy),
    cli.exact(policy.writtenAt),
    policy.writtenBy,
  ])
  const headings = ['prefix', 'type', 'values', `since (${cli.globals.tz})`, 'by']
  return table(headings, rows)
}
