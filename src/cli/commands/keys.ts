import type { Command } from 'commander'
import type { ControlledVault, Key } from '../../index.ts'
import { type AskCredential, type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { subcommand } from '../program.ts'
import { plural, table } from '../text.ts'

interface RotateFlags {
  readonly signing?: boolean
  readonly root?: boolean
  readonly yes?: boolean
}

export function addKeys(program: Command): void {
  const keys = subcommand(program, 'keys', "the vault's own keys")
  subcommand(keys, 'list', 'which there are, and since when; never the keys themselves').action(
    handled(async (cli) => {
      await withVault(cli, async (vault) => {
        const listed = await vault.keys.list()
        await cli.out.result(listed, () => inWords(cli, listed))
      })
    }),
  )
  subcommand(
    keys,
    'rotate',
    'new keys for the log from here on; or for signing, or for all there is',
  )
    .option('--signing', 'the key that signs checkpoints: the verifier changes')
    .option('--root', 'all keys, and only the keyslot that you open it with now stays; needs --yes')
    .option('--yes', 'with --root: drop every other keyslot')
    .action(
      handled<RotateFlags>(async (cli, { options }) => {
        if (options.root === true && options.signing === true) {
          throw new UsageError('--root replaces the signing key too: leave --signing out')
        }
        await withVault(cli, (vault, credential) => rotate(cli, vault, { credential, ...options }))
      }),
    )
  subcommand(
    keys,
    'shred',
    'wrap every value key anew, so that what was destroyed opens no more',
  ).action(
    handled(async (cli) => {
      const bar = cli.out.progress('shredding')
      const shredded = await withVault(cli, (vault) =>
        vault.keys.shred({ ...cli.call, onProgress: ({ keys: done, of }) => bar.at(done, of) }),
      ).finally(() => bar.end())
      await cli.out.result(
        shredded,
        () => `${plural(shredded.keys, 'value key')} wrapped anew; the old wrapping key is gone`,
      )
      cli.out.note('backups that were made before still open what they hold')
    }),
  )
}

async function rotate(
  cli: Cli,
  vault: ControlledVault,
  { credential, signing, root, yes }: RotateFlags & { readonly credential: AskCredential },
): Promise<void> {
  if (root === true) return rotateRoot(cli, vault, { credential, ...(yes && { yes }) })
  if (signing === true) {
    const rotated = await vault.keys.rotateSigning(cli.call)
    await cli.out.result(rotated, () => verifierWords('the signing key is new', rotated.verifier))
    return
  }
  const rotated = await vault.keys.rotate(cli.call)
  await cli.out.result(rotated, () => `the log goes on under keys of epoch ${rotated.epoch}`)
}

async function rotateRoot(
  cli: Cli,
  vault: ControlledVault,
  { credential, yes }: Pick<RotateFlags, 'yes'> & { readonly credential: AskCredential },
): Promise<void> {
  const slots = await vault.keyslots.list()
  // A server was opened by a keyslot of its own: which of them is presented now, only the rotation tells.
  const isServed = cli.globals.server !== undefined && slots.length > 1
  const others = isServed ? slots : slots.filter(({ current }) => !current)
  if (others.length > 0 && yes !== true) {
    const labels = others.map(({ label }) => label).join(', ')
    const but = isServed ? ', but for the one that is presented' : ''
    throw new UsageError(`these keyslots would open nothing any more${but}: ${labels}`, 'add --yes')
  }
  const rotated = await vault.keys.rotateRoot({ ...cli.call, keep: [await credential()] })
  await cli.out.result(rotated, () => verifierWords('all keys are new', rotated.verifier))
  const own = slots.find(({ current }) => current)
  if (isServed && own !== undefined && rotated.removed.includes(own.id)) {
    cli.out.warn(`what the server itself was opened with (${own.label}) opens the vault no more`)
  }
}

function verifierWords(what: string, verifier: string): string {
  return [`${what}; so is the verifier, for your auditor:`, `  ${verifier}`].join('\n')
}

function inWords(cli: Cli, keys: readonly Key[]): string {
  const rows = keys.map(({ purpose, epoch, state, createdAt }) => [
    purpose,
    `${epoch}`,
    state,
    cli.exact(createdAt),
  ])
  return table(['purpose', 'epoch', 'state', `since (${cli.globals.tz})`], rows)
}
