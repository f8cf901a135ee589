import { type Command, Option } from 'commander'
import { type Credential, recoveryKey, Vault, VaultError } from '../../index.ts'
import { type Cli, handled, openOptions } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit, UsageError } from '../failure.ts'
import { withNewFile } from '../new-file.ts'
import { newPassphrase } from '../passphrase.ts'
import { subcommand } from '../program.ts'
import { refuseServer } from '../remote/refuse-server.ts'

interface InitFlags {
  readonly kdf?: 'argon2id' | 'pbkdf2'
  readonly recoveryFile?: string
  readonly recovery: boolean
}

export function addInit(program: Command): void {
  subcommand(program, 'init', 'make a vault')
    .addOption(
      new Option('--kdf <name>', 'how the passphrase becomes a key')
        .choices(['argon2id', 'pbkdf2'])
        .default('argon2id'),
    )
    .option('--recovery-file <file>', 'write the recovery key there, mode 0600')
    .option('--no-recovery', 'make no recovery key: a lost passphrase is then a lost vault')
    .action(handled<InitFlags>(async (cli, { options }) => init(cli, options)))
}

async function init(cli: Cli, flags: InitFlags): Promise<void> {
  const { kdf = 'argon2id', recoveryFile } = flags
  const { out, globals } = cli
  refuseServer(globals, {
    what: 'init makes a vault on this machine',
    instead: 'muniment init --vault DIR, and then there: muniment serve',
  })
  expectShown(cli, flags)
  const unlock = await newPassphrase(globals, { kdf }, out)
  const key = flags.recovery ? recoveryKey() : undefined
  const vault = await makeVault(cli, { unlock, key, recoveryFile })
  try {
    const { id: vaultId, verifier } = vault.identity()
    const path = globals.vault
    await out.result({ vaultId, path, verifier }, () =>
      [
        `vault ${vaultId} is at ${path}`,
        '',
        'its verifier; give this to your auditor today:',
        `  ${verifier}`,
        ...(key && recoveryFile === undefined ? ['', ...recoveryWords(key.text)] : []),
      ].join('\n'),
    )
    if (recoveryFile !== undefined)
      out.note(`the recovery key is in ${recoveryFile}: print it, and lock it away`)
    out.note('next: muniment set PATH')
  } finally {
    await vault.close()
  }
}

/** A key that nobody gets to see would open the vault for nobody. */
function expectShown({ out }: Cli, { recovery, recoveryFile }: InitFlags): void {
  if (!recovery || recoveryFile !== undefined || (process.stdout.isTTY && !out.json)) return
  throw new UsageError(
    process.stdout.isTTY
      ? '--json does not show the recovery key'
      : 'there is no terminal to show the recovery key on',
    '--recovery-file FILE, or --no-recovery',
  )
}

interface Making {
  readonly unlock: Credential
  readonly key: RecoveryKey | undefined
  readonly recoveryFile: string | undefined
}

type RecoveryKey = ReturnType<typeof recoveryKey>

/** The recovery file is made before the vault, and stays once the keyring on disk has the key that stands in it. */
async function makeVault(cli: Cli, { unlock, key, recoveryFile }: Making): Promise<Vault> {
  if (key === undefined) return create(cli, unlock)
  if (recoveryFile === undefined) return createRecoverable(cli, unlock, key)
  return withNewFile(recoveryFile, async (fill) => {
    await fill(`${key.text}\n`)
    return createRecoverable(cli, unlock, key)
  })
}

async function create(cli: Cli, unlock: Credential): Promise<Vault> {
  if (cli.signal.aborted) throw new Exit(exitCodes.interrupted)
  return Vault.create({ ...openOptions(cli.globals), unlock, label: 'passphrase' })
}

async function createRecoverable(cli: Cli, unlock: Credential, key: RecoveryKey): Promise<Vault> {
  const vault = await create(cli, unlock)
  // Without the signal: once the vault stands, its recovery key is added, Ctrl-C or not.
  const { signal: _, ...call } = cli.call
  try {
    await vault.keyslots.add(key.credential, { ...call, label: 'recovery' })
    return vault
  } catch (error) {
    await vault.close().catch(() => undefined)
    throw withoutRecovery(error)
  }
}

/** The vault stands all the same: whoever reads of the failure must know what it lacks. */
function withoutRecovery(cause: unknown): unknown {
  if (!(cause instanceof VaultError)) return cause
  const lacking = 'no recovery key was added: muniment keyslot add --recovery'
  return new VaultError(cause.code, `${cause.message}; ${lacking}`, { cause })
}

function recoveryWords(text: string): string[] {
  return [
    'its recovery key, which opens it when the passphrase is lost; it is shown this once, so write it down:',
    `  ${text}`,
  ]
}
