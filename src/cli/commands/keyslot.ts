import { type Command, Option } from 'commander'
import type { Keyslot, Vault } from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { newPassphrase } from '../passphrase.ts'
import { subcommand } from '../program.ts'
import { table } from '../text.ts'

interface AddFlags {
  readonly newPassphraseFile?: string
  readonly kdf?: 'argon2id' | 'pbkdf2'
  readonly label?: string
  readonly recovery?: boolean
  readonly replace?: string
}

export function addKeyslot(program: Command): void {
  const keyslot = subcommand(program, 'keyslot', 'the ways to open the vault')
  addList(keyslot)
  addAdd(keyslot)
  addRemove(keyslot)
}

function addList(parent: Command): void {
  subcommand(parent, 'list', 'all of them; * is the one used now').action(
    handled(async (cli) => {
      await withVault(cli, async (vault) => {
        const slots = vault.keyslots.list()
        await cli.out.result(slots, () => listed(cli, slots))
      })
    }),
  )
}

function listed(cli: Cli, slots: readonly Keyslot[]): string {
  const rows = slots.map((slot) => [
    slot.current ? '*' : '',
    slot.id,
    slot.role,
    slot.kind,
    slot.label,
    cli.exact(slot.createdAt),
  ])
  return table(['', 'id', 'role', 'kind', 'label', `created (${cli.globals.tz})`], rows)
}

function addAdd(parent: Command): void {
  subcommand(parent, 'add', 'another passphrase, or a recovery key')
    .option('--new-passphrase-file <file>', 'the new passphrase, on one line')
    .addOption(
      new Option('--kdf <name>', 'how the passphrase becomes a key')
        .choices(['argon2id', 'pbkdf2'])
        .default('argon2id'),
    )
    .option('--label <text>', 'for people: whose it is')
    .option('--recovery', 'a recovery key instead: it is printed, this once')
    .option('--replace <id>', 'take the place of this keyslot: how a passphrase is changed')
    .action(handled<AddFlags>(async (cli, { options }) => add(cli, options)))
}

async function add(cli: Cli, flags: AddFlags): Promise<void> {
  const { newPassphraseFile: passphraseFile, kdf = 'argon2id', recovery, replace } = flags
  const label = flags.label === undefined ? {} : { label: flags.label }
  if (recovery === true && replace !== undefined) {
    throw new UsageError('--recovery replaces no keyslot', 'add it, then remove the other')
  }
  await withVault(cli, async (vault) => {
    if (recovery === true) {
      const { text, ...slot } = await vault.keyslots.addRecovery({ ...cli.call, ...label })
      await cli.out.result(
        { ...slot, recoveryKey: text },
        () => `recovery key, shown this once:\n  ${text}`,
      )
      return
    }
    const credential = await newPassphrase({ passphraseFile }, { kdf }, cli.out)
    const options = { ...cli.call, ...label }
    const slot =
      replace === undefined
        ? await vault.keyslots.add(credential, options)
        : await vault.keyslots.replace(idOf(vault, replace), credential, options)
    await cli.out.result(slot, () => `keyslot ${slot.id} (${slot.label}) opens the vault`)
    if (replace !== undefined) warnOfCopies(cli)
  })
}

function addRemove(parent: Command): void {
  subcommand(parent, 'remove', 'end a way to open the vault')
    .argument('<id>', 'or the beginning of one')
    .action(
      handled(async (cli, { args: [id = ''] }) => {
        await withVault(cli, async (vault) => {
          const removed = idOf(vault, id)
          await vault.keyslots.remove(removed, cli.call)
          await cli.out.result(
            { id: removed, removed: true },
            () => `keyslot ${removed} is removed`,
          )
        })
        warnOfCopies(cli)
      }),
    )
}

function warnOfCopies({ out }: Cli): void {
  out.note('whoever copied the keyring file and knows the old passphrase still has the keys inside')
}

/** As git has it: the beginning of an id will do where it fits one alone. */
function idOf(vault: Vault, given: string): string {
  const fits = vault.keyslots.list().filter(({ id }) => given !== '' && id.startsWith(given))
  if (fits.length > 1)
    throw new UsageError(`${fits.length} keyslots begin with ${given}`, 'muniment keyslot list')
  return fits[0]?.id ?? given
}
