import { type Command, Option } from 'commander'
import {
  type ControlledVault,
  type Keyslot,
  type KeyslotOptions,
  type ShareCount,
  shares,
} from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { newPassphrase } from '../passphrase.ts'
import { integer, subcommand } from '../program.ts'
import { table } from '../text.ts'

interface AddFlags {
  readonly newPassphraseFile?: string
  readonly kdf?: 'argon2id' | 'pbkdf2'
  readonly label?: string
  readonly recovery?: boolean
  readonly auditor?: boolean
  readonly shares?: ShareCount
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
        const slots = await vault.keyslots.list()
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
    .option(
      '--auditor',
      'it opens the history and no value: of a backup, never of the vault itself',
    )
    .option('--shares <t/n>', 'n printed shares instead, any t of which open the vault', shareCount)
    .option('--replace <id>', 'take the place of this keyslot: how a passphrase is changed')
    .action(handled<AddFlags>(async (cli, { options }) => add(cli, options)))
}

async function add(cli: Cli, flags: AddFlags): Promise<void> {
  const ways = [flags.recovery, flags.shares, flags.replace].filter((way) => way !== undefined)
  if (ways.length > 1) {
    throw new UsageError(
      'give one of --recovery, --shares and --replace',
      'add it, then remove the other',
    )
  }
  const { label, auditor } = flags
  const options = {
    ...cli.call,
    ...(label !== undefined && { label }),
    ...(auditor === true && { role: 'auditor' as const }),
  }
  await withVault(cli, (vault) => {
    if (flags.recovery === true) return addRecovery(cli, vault, options)
    if (flags.shares !== undefined) return addShares(cli, vault, { count: flags.shares, options })
    return addPassphrase(cli, vault, { flags, options })
  })
}

async function addRecovery(
  cli: Cli,
  vault: ControlledVault,
  options: KeyslotOptions,
): Promise<void> {
  const { text, ...slot } = await vault.keyslots.addRecovery(options)
  const shown = { ...slot, recoveryKey: text }
  await cli.out.result(shown, () => `recovery key, shown this once:\n  ${text}`)
}

async function addShares(
  cli: Cli,
  vault: ControlledVault,
  { count, options }: { count: ShareCount; options: KeyslotOptions },
): Promise<void> {
  const { texts, credential } = await shares(count)
  const slot = await vault.keyslots.add(credential, options)
  const { threshold, of } = count
  await cli.out.result({ ...slot, threshold, of, shares: texts }, () =>
    [`${of} shares, shown this once; any ${threshold} of them open the vault:`, ...texts].join(
      '\n',
    ),
  )
  cli.out.note('to open it with them: one a line, where the passphrase would be')
}

async function addPassphrase(
  cli: Cli,
  vault: ControlledVault,
  { flags, options }: { flags: AddFlags; options: KeyslotOptions },
): Promise<void> {
  const { newPassphraseFile: passphraseFile, kdf = 'argon2id', replace } = flags
  const credential = await newPassphrase({ passphraseFile }, { kdf }, cli.out)
  const slot =
    replace === undefined
      ? await vault.keyslots.add(credential, options)
      : await vault.keyslots.replace(await idOf(vault, replace), credential, options)
  const opens = slot.role === 'auditor' ? 'the history of a backup' : 'the vault'
  await cli.out.result(slot, () => `keyslot ${slot.id} (${slot.label}) opens ${opens}`)
  if (replace !== undefined) warnOfCopies(cli)
  if (slot.role === 'auditor')
    cli.out.note('next: muniment backup FILE, and give it to the auditor')
}

/** `2/3` */
function shareCount(text: string): ShareCount {
  const [threshold = '', of = '', ...more] = text.split('/')
  if (more.length > 0) throw new UsageError('expected t/n, such as 2/3')
  return { threshold: integer(threshold), of: integer(of) }
}

function addRemove(parent: Command): void {
  subcommand(parent, 'remove', 'end a way to open the vault')
    .argument('<id>', 'or the beginning of one')
    .action(
      handled(async (cli, { args: [id = ''] }) => {
        await withVault(cli, async (vault) => {
          const removed = await idOf(vault, id)
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
async function idOf(vault: ControlledVault, given: string): Promise<string> {
  const slots = await vault.keyslots.list()
  const fits = slots.filter(({ id }) => given !== '' && id.startsWith(given))
  if (fits.length > 1)
    throw new UsageError(`${fits.length} keyslots begin with ${given}`, 'muniment keyslot list')
  return fits[0]?.id ?? given
}
