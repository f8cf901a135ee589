import type { Command } from 'commander'
import {
  type AnchorPlace,
  type AnchorState,
  type ControlledVault,
  checkpointKeptEvery,
  VaultError,
} from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit, UsageError } from '../failure.ts'
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
      await withVault(cli, async (vault) => {
        const anchors = await vault.anchors.list()
        await print(cli, anchors, { signedTo: await signedToOf(vault, anchors) })
      })
    }),
  )
  subcommand(anchor, 'now', 'send each a checkpoint of now').action(
    handled(async (cli) => {
      const anchors = await withVault(cli, (vault) => vault.anchors.now())
      await print(cli, anchors)
      failWhereUnsent(anchors)
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
        const place = placeOf(options)
        const added = await withVault(cli, (vault) => vault.anchors.add(place, cli.call))
        await print(cli, [added])
        if (added.failure !== undefined) {
          cli.out.note(
            `it is added all the same, for the next checkpoint; or: muniment anchor remove ${added.target}`,
          )
        }
        failWhereUnsent([added])
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

/** Undefined where nothing depends on it, or the token may not know it. */
async function signedToOf(
  vault: Pick<ControlledVault, 'health'>,
  anchors: readonly AnchorState[],
): Promise<number | undefined> {
  if (!anchors.some(({ size, failure }) => size > 0 && failure === undefined)) return undefined
  return vault.health().then(
    ({ signedTo }) => signedTo,
    (error: unknown) => {
      // The list takes the right to `keys`, and this the right to `audit`: without it the list is no worse.
      if (error instanceof VaultError && error.code === 'DENIED') return undefined
      throw error
    },
  )
}

/** Whoever sends a checkpoint must not take it to be where it is not. */
function failWhereUnsent(anchors: readonly AnchorState[]): void {
  if (anchors.some(({ failure }) => failure !== undefined)) throw new Exit(exitCodes.io)
}

/** @param signedTo size of the newest checkpoint, where it may be another than the anchors were sent */
async function print(
  cli: Cli,
  anchors: readonly AnchorState[],
  { signedTo }: { readonly signedTo?: number | undefined } = {},
): Promise<void> {
  await cli.out.result(anchors, () => {
    if (anchors.length === 0) return 'no anchors: a rollback of the folder would not show'
    const rows = anchors.map((anchor) => [
      anchor.kind,
      anchor.target,
      vouched(anchor, signedTo),
      stateOf(anchor, signedTo),
    ])
    return table(['kind', 'target', 'vouches for', 'state'], rows)
  })
}

function vouched({ size }: AnchorState, signedTo: number | undefined): string {
  return signedTo === undefined ? `${size}` : `${size} of ${Math.max(size, signedTo)}`
}

/**
 * Why a checkpoint did not get there is known only to the process that sent it: what is told is what the anchor has. One
 * that lacks as many events as are between two that are kept has missed one.
 */
function stateOf({ size, failure }: AnchorState, signedTo = size): string {
  if (failure !== undefined) return failure
  if (size === 0) return 'nothing sent yet: muniment anchor now'
  return signedTo - size < checkpointKeptEvery ? 'sent' : 'behind: muniment anchor now'
}
