import type { Command } from 'commander'
import type { Generator } from '../../index.ts'
import { handled, withVault } from '../cli.ts'
import { addMetaOptions, type MetaFlags, readMetaFlags } from '../meta.ts'
import { integer, subcommand } from '../program.ts'
import { generator, readValue, type ValueFlags } from '../value.ts'

type SetFlags = MetaFlags &
  ValueFlags & { readonly ifVersion?: number; readonly generate?: Generator }

export function addSet(program: Command): void {
  const command = subcommand(program, 'set', 'write a secret: its value comes from stdin')
    .argument('<path>')
    .option('--from-file <file>', 'take the value from a file, to the byte')
    .option('--generate <spec>', 'make one: password:32, hex:32, base64:32, ed25519', generator)
    .option('--json-value', 'the value is a JSON object of fields')
    .option('--raw', 'keep the newline at the end of stdin')
    .option(
      '--if-version <n>',
      'only if it is at this version; 0: only if it is not there',
      integer,
    )
  addMetaOptions(command).action(
    handled<SetFlags>(async (cli, { args: [path = ''], options }) => {
      const meta = readMetaFlags(options, cli)
      const value = await readValue(options)
      const type = meta.type ?? options.generate?.type
      const { ifVersion } = options
      await withVault(cli, async (vault) => {
        const { version, position } = await vault.write(path, value, {
          ...cli.call,
          ...meta,
          ...(type !== undefined && { type }),
          ...(ifVersion !== undefined && { ifVersion }),
        })
        await cli.out.result({ path, version, position }, () => `${path} is at version ${version}`)
        cli.out.note(
          version === 1 ? `next: muniment get ${path} --reveal` : `next: muniment history ${path}`,
        )
      })
    }),
  )
}
