import type { Command } from 'commander'
import type { SecretInfo, SecretValue } from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { integer, subcommand } from '../program.ts'
import { moment } from '../when.ts'

interface GetFlags {
  readonly version?: number
  readonly field?: string
  readonly asOf?: string
  readonly reveal?: boolean
  readonly allowExpired?: boolean
}

export function addGet(program: Command): void {
  subcommand(program, 'get', 'print a secret: an access on record')
    .argument('<path>')
    .option('--version <n>', 'an older version', integer)
    .option('--field <name>', 'one field of a secret that has several')
    .option('--as-of <time>', 'as it was then: a time, or a position of the log')
    .option('--reveal', 'print it although stdout is a terminal')
    .option('--allow-expired', 'print it although it has expired; needs --reason')
    .action(
      handled<GetFlags>(async (cli, { args: [path = ''], options }) => get(cli, path, options)),
    )
}

async function get(cli: Cli, path: string, flags: GetFlags): Promise<void> {
  // Before the read: a value that is not to be shown is no access.
  if (process.stdout.isTTY && flags.reveal !== true) {
    throw new UsageError('stdout is a terminal: the value would be shown on it', 'add --reveal')
  }
  await withVault(cli, async (vault) => {
    const source =
      flags.asOf === undefined
        ? vault
        : await vault.asOf(moment(flags.asOf, { ...cli.globals, now: cli.now }), cli.call)
    const secret = await source.read(path, {
      ...cli.call,
      ...(flags.version !== undefined && { version: flags.version }),
      ...(flags.allowExpired === true && { allowExpired: true }),
    })
    if (flags.field !== undefined) await printField(cli, secret, flags.field)
    else if (cli.out.json) await printJson(cli, secret, await source.describe(path, cli.call))
    else await print(cli, contentOf(secret))
  })
}

async function printJson(cli: Cli, secret: SecretValue, info: SecretInfo): Promise<void> {
  const { version, state, ...about } = info
  const whole = {
    ...about,
    path: secret.path,
    version: secret.version,
    newestVersion: version,
    ...shownValue(secret),
  }
  await cli.out.result(whole, () => '')
}

async function printField(cli: Cli, secret: SecretValue, field: string): Promise<void> {
  const { path, version } = secret
  const fields = secret.kind === 'fields' ? secret.fields() : {}
  if (!Object.hasOwn(fields, field)) {
    const names = Object.keys(fields)
    throw new UsageError(
      `${path} has no field ${JSON.stringify(field)}`,
      names.length > 0 ? `its fields: ${names.join(', ')}` : 'it has no fields: leave --field out',
    )
  }
  const value = fields[field]
  if (cli.out.json) await cli.out.result({ path, version, field, value }, () => '')
  else await print(cli, typeof value === 'string' ? value : JSON.stringify(value))
}

/** `value`: text, or an object of fields. What is neither is `valueBase64`. */
function shownValue(secret: SecretValue) {
  if (secret.kind === 'string') return { value: secret.text() }
  if (secret.kind === 'fields') return { value: secret.fields() }
  return { valueBase64: secret.bytes().toString('base64') }
}

function contentOf(secret: SecretValue): string | Buffer {
  if (secret.kind === 'fields') return JSON.stringify(secret.fields(), null, 2)
  return secret.bytes()
}

/** To the byte where a program reads it; on a terminal with an end of line, for the prompt that follows. */
async function print(cli: Cli, content: string | Buffer): Promise<void> {
  await cli.out.bytes(content)
  if (process.stdout.isTTY) await cli.out.bytes('\n')
}
