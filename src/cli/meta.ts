import { type Command, Option } from 'commander'
import type { MetaOptions, SecretType } from '../index.ts'
import { secretTypes } from '../index.ts'
import type { Cli } from './cli.ts'
import { UsageError } from './failure.ts'
import { collect, integer } from './program.ts'
import { duration, time } from './when.ts'

export interface MetaFlags {
  readonly type?: SecretType
  readonly description?: string
  readonly owner?: string
  readonly tag?: readonly string[]
  readonly expires?: string
  readonly notBefore?: string
  readonly rotateEvery?: number
  readonly maxVersions?: number
  readonly casRequired?: boolean
  readonly expireAfter?: number
  readonly clear?: readonly (keyof typeof clearable)[]
}

/** What `--clear` takes away, by the name of the option that sets it. */
const clearable = {
  description: 'description',
  owner: 'owner',
  tag: 'tags',
  expires: 'expiresAt',
  'not-before': 'notBefore',
  'rotate-every': 'rotateEvery',
  'max-versions': 'maxVersions',
  'cas-required': 'casRequired',
  'expire-after': 'expireAfter',
} as const satisfies Record<string, keyof MetaOptions>

/** The options for what can be said of a secret besides its value. */
export function addMetaOptions(command: Command): Command {
  return command
    .addOption(new Option('--type <type>', 'what kind of secret it is').choices(secretTypes))
    .option('--description <text>', 'for people; never part of the secret')
    .option('--owner <name>', 'who answers for it')
    .option('--tag <k=v...>', 'all of its tags: those not named are taken away', collect)
    .option('--expires <time>', 'refuse to read it from then on: 2027-01-31, 90d')
    .option('--not-before <time>', 'refuse to read it until then')
    .option(
      '--expire-after <duration>',
      'when each new value expires, counted from its writing, unless --expires says',
      duration,
    )
    .option(
      '--rotate-every <duration>',
      'when a rotation is due, counted from its last change',
      duration,
    )
    .option('--max-versions <n>', 'destroy older versions when a new one comes', integer)
    .option('--cas-required', 'refuse a write that does not say --if-version')
    .addOption(
      new Option('--clear <field...>', 'take what was said of it away').choices(
        Object.keys(clearable),
      ),
    )
}

export function readMetaFlags(flags: MetaFlags, cli: Cli): MetaOptions {
  const { tz } = cli.globals
  const at = (text: string, edge: 'start' | 'end') =>
    time(text, { edge, side: 'future', tz, now: cli.now })
  const { type, description, owner, tag, expires, notBefore, rotateEvery, maxVersions } = flags
  const { expireAfter } = flags
  const cleared = (flags.clear ?? []).map((name) => [clearable[name], null])
  return {
    ...Object.fromEntries(cleared),
    ...(type !== undefined && { type }),
    ...(description !== undefined && { description }),
    ...(owner !== undefined && { owner }),
    ...(tag !== undefined && { tags: tagsOf(tag) }),
    ...(expires !== undefined && { expiresAt: at(expires, 'end') }),
    ...(notBefore !== undefined && { notBefore: at(notBefore, 'start') }),
    ...(rotateEvery !== undefined && { rotateEvery }),
    ...(maxVersions !== undefined && { maxVersions }),
    ...(expireAfter !== undefined && { expireAfter }),
    ...(flags.casRequired === true && { casRequired: true }),
  }
}

function tagsOf(pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair): [string, string] => {
    const at = pair.indexOf('=')
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)]
    throw new UsageError(
      `--tag: expected key=value, found ${JSON.stringify(pair)}`,
      'put PATH before --tag',
    )
  })
  return Object.fromEntries(entries)
}
