import { open } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { recoveryKey, Vault } from '../../index.ts'
import { type Cli, handled, openOptions } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { newPassphrase } from '../passphrase.ts'
import { subcommand } from '../program.ts'

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

async function init(cli: Cli, { kdf = 'argon2id', recoveryFile, recovery }: InitFlags) {
  const { out, globals } = cli
  // A key that nobody gets to see would open the vault for nobody.
  if (recovery && recoveryFile === undefined && !process.stdout.isTTY) {
    throw new UsageError(
      'there is no terminal to show the recovery key on',
      '--recovery-file FILE, or --no-recovery',
    )
  }
  const unlock = await newPassphrase(globals, { kdf }, out)
  const key = recovery ? recoveryKey() : undefined
  // Before the vault: a file that cannot be written must not leave a vault whose recovery key is lost.
  if (key && recoveryFile !== undefined) await writeNew(recoveryFile, `${key.text}\n`)
  const vault = await Vault.create({ ...openOptions(globals), unlock, label: 'passphrase' })
  try {
    if (key) await vault.keyslots.add(key.credential, { ...cli.call, label: 'recovery' })
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

function recoveryWords(text: string): string[] {
  return [
    'its recovery key, which opens it when the passphrase is lost; it is shown this once, so write it down:',
    `  ${text}`,
  ]
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause) => {
    throw new UsageError(`the recovery key cannot be written to ${path}: ${cause.code}`)
  })
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
