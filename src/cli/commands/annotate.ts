import type { Command } from 'commander'
import { handled, withVault } from '../cli.ts'
import { addMetaOptions, type MetaFlags, readMetaFlags } from '../meta.ts'
import { integer, subcommand } from '../program.ts'

type AnnotateFlags = MetaFlags & { readonly ifVersion?: number }

export function addAnnotate(program: Command): void {
  const command = subcommand(
    program,
    'annotate',
    'change what is known of a secret and not its value',
  )
    .argument('<path>')
    .option('--if-version <n>', 'only if it is at this version', integer)
  addMetaOptions(command).action(
    handled<AnnotateFlags>(async (cli, { args: [path = ''], options }) => {
      const { ifVersion } = options
      await withVault(cli, async (vault) => {
        const annotated = await vault.annotate(path, {
          ...cli.call,
          ...readMetaFlags(options, cli),
          ...(ifVersion !== undefined && { ifVersion }),
        })
        await cli.out.result(
          annotated,
          () => `${path} is annotated, at version ${annotated.version}`,
        )
        cli.out.note(`next: muniment describe ${path}`)
      })
    }),
  )
}
