import type { Command } from 'commander'
import type { Policy, PolicyRule } from '../../index.ts'
import { type Cli, handled, withReader, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { parseStrictJson } from '../json-file.ts'
import { subcommand } from '../program.ts'
import { readAll } from '../read-all.ts'
import { plural, properties, table } from '../text.ts'

export function addPolicy(program: Command): void {
  const policy = subcommand(program, 'policy', 'what roles may do: rules, by name')
  addWrite(policy)
  subcommand(policy, 'list', 'all of them').action(
    handled(async (cli) => {
      const policies = await withReader(cli, (reader) => reader.policies.list(cli.call))
      await cli.out.result(policies, () => listed(cli, policies))
    }),
  )
  subcommand(policy, 'show', 'its rules, by their numbers')
    .argument('<name>')
    .action(
      handled(async (cli, { args: [name = ''] }) => {
        const found = await withReader(cli, (reader) => reader.policies.get(name, cli.call))
        await cli.out.result(found, () => shown(cli, found))
      }),
    )
  subcommand(policy, 'remove', 'take it from every role that names it')
    .argument('<name>')
    .action(
      handled(async (cli, { args: [name = ''] }) => {
        const { position } = await withVault(cli, (vault) => vault.policies.remove(name, cli.call))
        const isThere = position !== undefined
        await cli.out.result({ name, removed: isThere, position }, () =>
          isThere ? `policy ${name} is removed` : `nothing to do: there is no policy ${name}`,
        )
      }),
    )
}

function addWrite(parent: Command): void {
  subcommand(parent, 'write', 'all of its rules, in the place of those it has')
    .argument('<name>')
    .requiredOption('--file <file>', '{"rules":[{"effect","capabilities","paths"}]}; - for stdin')
    .action(
      handled<{ file: string }>(async (cli, { args: [name = ''], options: { file } }) => {
        const rules = rulesOf(await readAll(cli, file), file)
        const { position } = await withVault(cli, (vault) =>
          vault.policies.write(name, { rules }, cli.call),
        )
        const is = position === undefined ? 'has these rules already' : 'is written'
        await cli.out.result(
          { name, rules: rules.length, changed: position !== undefined, position },
          () => `policy ${name} ${is}: ${plural(rules.length, 'rule')}`,
        )
        cli.out.note(`next: muniment role write ROLE --policy ${name}`)
      }),
    )
}

/** The rules themselves are the vault's to judge; a member that it would not see is refused here. */
function rulesOf(content: Buffer, file: string): readonly PolicyRule[] {
  const name = file === '-' ? 'stdin' : file
  const policy = parseStrictJson(content, name)
  const isObject = typeof policy === 'object' && policy !== null && !Array.isArray(policy)
  const { rules, ...more } = isObject ? (policy as Readonly<Record<string, unknown>>) : {}
  if (Array.isArray(rules) && Object.keys(more).length === 0) return rules
  throw new UsageError(
    `${name}: expected an object with the one member "rules", a list`,
    '{"rules":[{"effect":"allow","capabilities":["read"],"paths":["prod/**"]}]}',
  )
}

function listed(cli: Cli, policies: readonly Policy[]): string {
  if (policies.length === 0) return 'no policies: nobody but the host may do anything'
  const rows = policies.map(({ name, rules, writtenAt, writtenBy }) => [
    name,
    `${rules.length}`,
    cli.exact(writtenAt),
    writtenBy,
  ])
  return table(['name', 'rules', `written (${cli.globals.tz})`, 'by'], rows)
}

function shown(cli: Cli, { name, rules, position, writtenAt, writtenBy }: Policy): string {
  const rows = rules.map(({ effect, capabilities, paths }, i) => [
    `${name}#${i}`,
    effect,
    capabilities.join(', '),
    paths.join(', '),
  ])
  const about = properties([
    ['policy', name],
    ['written', `${cli.shown(writtenAt)} by ${writtenBy}`],
    ['position', `${position}`],
  ])
  if (rows.length === 0) return `${about}\n\nno rules: it gives nothing`
  return `${about}\n\n${table(['rule', 'effect', 'capabilities', 'paths'], rows)}`
}
