import type { Command } from 'commander'
import type { AnchorPlace, AnchorState } from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { subcommand } from '../program.ts'
import { table } from '../text.ts'

interface AddFlags {
  readonly file?: string
  readonly witness?: string
  readonly vkey?: string
}

export function addAnchor(program: Command): void {
  const anchor = subcommand(
    program,
    'anchor',
    'where checkpoints go besides, out of the reach of a rollback',
  )
  subcommand(anchor, 'list', 'each, and how much of the log it vouches for').action(
    handled(async (cli) => {
      await withVault(cli, async (vault) => print(cli, await vault.anchors.list()))
    }),
  )
  subcommand(anchor, 'now', 'send each a checkpoint of now').action(
    handled(async (cli) => {
      await withVault(cli, async (vault) => print(cli, await vault.anchors.now()))
    }),
  )
  subcommand(anchor, 'add', 'another')
    .option(
      '--file <path>',
      'a file, best on a disk that the operator of this vault cannot write back',
    )
    .option('--witness <url>', 'a C2SP witness')
    .option('--vkey <vkey>', "the witness's verifier")
    .action(
      handled<AddFlags>(async (cli, { options }) => {
        await withVault(cli, async (vault) => {
          await print(cli, [await vault.anchors.add(placeOf(options), cli.call)])
        })
      }),
    )
  subcommand(anchor, 'remove', 'send none there any more')
    .argument('<target>', 'as list prints it')
    .action(
      handled(async (cli, { args: [target = ''] }) => {
        await withVault(cli, (vault) => vault.anchors.remove(target, cli.call))
        await cli.out.result({ target, removed: true }, () => `no more checkpoints go to ${target}`)
      }),
    )
}

function placeOf({ file, witness, vkey }: AddFlags): AnchorPlace {
  if (file !== undefined && witness === undefined) return { file }
  if (witness !== undefined && vkey !== undefined && file === undefined) return { witness, vkey }
  throw new UsageError('expected --file PATH, or --witness URL --vkey VKEY')
}

async function print(cli: Cli, anchors: readonly AnchorState[]): Promise<void> {
  await cli.out.result(anchors, () => {
    if (anchors.length === 0) return 'no anchors: a rollback of the folder would not show'
    const rows = anchors.map(({ kind, target, size, failure }) => [
      kind,
      target,
      `${size}`,
      failure ?? 'ok',
    ])
    return table(['kind', 'target', 'vouches for', 'state'], rows)
  })
}
