import type { Command } from 'commander'
import type { ControlledVault, VersionsChanged } from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { integers, subcommand } from '../program.ts'

interface VersionFlags {
  readonly version?: readonly number[]
}

export function addDelete(program: Command): void {
  subcommand(program, 'delete', 'withdraw versions of a secret until they are restored')
    .alias('rm')
    .argument('<path>')
    .option('--version <n...>', 'which; the newest unless said', integers)
    .action(
      handled<VersionFlags>(async (cli, { args: [path = ''], options }) => {
        const changed = await change(cli, 'deleted', (vault) =>
          vault.delete(path, { ...cli.call, ...named(options) }),
        )
        cli.out.note(
          `next: muniment restore ${path}${listed(changed.versions)}, or destroy it for good`,
        )
      }),
    )
}

/** Brings deleted versions of a secret back. */
export async function restoreVersions(
  cli: Cli,
  path: string,
  versions: readonly number[],
): Promise<void> {
  await change(cli, 'restored', (vault) => vault.restore(path, { ...cli.call, versions }))
}

export function addDestroy(program: Command): void {
  subcommand(program, 'destroy', 'destroy the keys of versions, for good')
    .argument('<path>')
    .requiredOption('--version <n...>', 'which', integers)
    .action(
      handled<VersionFlags>(async (cli, { args: [path = ''], options }) => {
        const versions = options.version ?? []
        await change(cli, 'destroyed', (vault) => vault.destroy(path, { ...cli.call, versions }))
        cli.out.note('a backup made before may bring it back, for as long as one is kept')
      }),
    )
}

export function addPurge(program: Command): void {
  subcommand(program, 'purge', 'destroy all versions of a secret and free its path')
    .argument('<path>')
    .option('--yes', 'there is no way back: say that you know')
    .action(
      handled<{ yes?: boolean }>(async (cli, { args: [path = ''], options }) => {
        if (options.yes !== true) {
          throw new UsageError(`${path} would be gone for good, with all its versions`, 'add --yes')
        }
        await change(cli, 'destroyed', (vault) => vault.purge(path, cli.call))
        cli.out.note(`its record stays: muniment audit --subject ${path}`)
      }),
    )
}

async function change(
  cli: Cli,
  done: string,
  work: (vault: ControlledVault) => Promise<VersionsChanged>,
): Promise<VersionsChanged> {
  const changed = await withVault(cli, work)
  const { path, versions, position } = changed
  await cli.out.result({ path, versions, position }, () =>
    versions.length === 0
      ? `${path}: nothing to do, it is so already`
      : `${done} ${versions.length === 1 ? 'version' : 'versions'} ${versions.join(', ')} of ${path}`,
  )
  return changed
}

function named({ version }: VersionFlags) {
  return version === undefined ? {} : { versions: version }
}

function listed(versions: readonly number[]): string {
  return versions.length === 0 ? '' : ` --version ${versions.join(' ')}`
}
