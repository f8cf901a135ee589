import { resolve } from 'node:path'
import type { Command } from 'commander'
import { Vault, VaultError } from '../../index.ts'
import { type Cli, handled, openOptions, withVault } from '../cli.ts'
import { advise } from '../failure.ts'
import { presentCredential } from '../passphrase.ts'
import { integers, subcommand } from '../program.ts'
import { refuseServer } from '../remote/refuse-server.ts'
import { plural } from '../text.ts'
import { restoreVersions } from './versions.ts'

export function addBackup(program: Command): void {
  subcommand(program, 'backup', 'copy the whole vault, sealed, into one file')
    .argument('<file>')
    .action(
      handled(async (cli, { args: [file = ''] }) => {
        const bar = cli.out.progress('backing up')
        const backup = await withVault(cli, (vault) =>
          vault.backup(file, {
            ...cli.call,
            onProgress: ({ position, size }) => bar.at(position, size),
          }),
        ).finally(() => bar.end())
        await cli.out.result(backup, () =>
          [`${plural(backup.size, 'event')} in ${file}`, `sha256 ${backup.sha256}`].join('\n'),
        )
        cli.out.note(
          'it opens with the passphrases that the vault has today; keep it, and them, elsewhere',
        )
      }),
    )
}

/**
 * Two things that people call so: a whole vault out of a backup, and deleted versions of a secret. Only the second
 * names versions.
 */
export function addRestore(program: Command): void {
  subcommand(
    program,
    'restore',
    'make a vault of a backup; with --version, bring deleted versions back',
  )
    .usage('FILE --vault DIR | PATH --version N…')
    .argument('<file-or-path>')
    .option('--version <n...>', 'bring these versions of a secret back', integers)
    .action(
      handled<{ version?: readonly number[] }>(async (cli, { args: [what = ''], options }) => {
        if (options.version === undefined) await restoreVault(cli, what)
        else await restoreVersions(cli, what, options.version)
      }),
    )
}

/** Whoever names no backup may mean a secret. */
function versionsOf(path: string): string {
  return `--version N brings versions of a secret back: muniment restore ${path} --version N`
}

function isAbsent(error: unknown, from: string): error is VaultError {
  return error instanceof VaultError && error.code === 'NOT_FOUND' && error.path === resolve(from)
}

async function restoreVault(cli: Cli, from: string): Promise<void> {
  const { globals, out } = cli
  refuseServer(globals, {
    what: 'restore makes a vault of a backup on this machine',
    instead: 'muniment restore FILE --vault DIR; or versions of a secret: --version N',
  })
  const { credential } = await presentCredential(globals, out)
  const vault = await Vault.restore({ ...openOptions(globals), from, unlock: credential }).catch(
    (error) => {
      throw isAbsent(error, from) ? advise(error, versionsOf(from)) : error
    },
  )
  try {
    const { size, secrets } = await vault.health()
    const { id: vaultId, verifier } = vault.identity()
    const path = globals.vault
    await out.result({ vaultId, path, verifier, size, secrets }, () =>
      [
        `vault ${vaultId} is at ${path}: ${plural(secrets, 'secret')}, ${plural(size, 'event')}`,
        '',
        'its verifier, which is another than that of the vault it was copied from:',
        `  ${verifier}`,
      ].join('\n'),
    )
    out.note('what was destroyed after the backup was made is back: destroy it again')
  } finally {
    await vault.close()
  }
}
