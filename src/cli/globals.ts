import { userInfo } from 'node:os'
import { type Command, Option } from 'commander'
import { duration, timeZone } from './when.ts'

/** What every command takes, before or after its name. */
export interface Globals {
  readonly vault: string
  readonly passphraseFile: string | undefined
  readonly actor: string
  readonly reason: string | undefined
  readonly json: boolean
  readonly quiet: boolean
  /** IANA name of the zone in which times are read and printed. */
  readonly tz: string
  /** Milliseconds to wait for another process to let go of the vault. */
  readonly wait: number
  readonly acceptClock: boolean
  /** Address of a server to ask in place of a vault on disk. */
  readonly server: string | undefined
  readonly tokenFile: string | undefined
  /** Which of them stand on the command line, and are no default or variable. */
  readonly given: ReadonlySet<Flag>
}

/** The name of a global option. */
export type Flag = Exclude<keyof Globals, 'given'>

type Given = Partial<Record<Flag, string | number | boolean>>

const flags: Readonly<Record<Flag, readonly [string, string, ((text: string) => unknown)?]>> = {
  vault: ['--vault <dir>', "the vault's folder (MUNIMENT_VAULT; default: ./vault)"],
  passphraseFile: ['--passphrase-file <file>', 'the passphrase, or a recovery key, on one line'],
  actor: ['--actor <name>', 'who you are, as a claim on record (MUNIMENT_ACTOR)'],
  reason: ['--reason <text>', 'why, on record'],
  json: ['--json', 'the result as JSON on stdout, errors as JSON on stderr'],
  quiet: ['--quiet', 'no hints and no progress'],
  tz: ['--tz <zone>', 'time zone of dates read and printed (default: UTC)', timeZone],
  wait: ['--wait <duration>', 'how long to wait for a vault in use, such as 30s', duration],
  acceptClock: ['--accept-clock', 'take the clock to be right although the log is ahead of it'],
  server: ['--server <url>', 'a server in place of a vault on disk (MUNIMENT_ADDR)'],
  tokenFile: ['--token-file <file>', 'what the server is shown (or MUNIMENT_TOKEN)'],
}
const names = Object.keys(flags) as Flag[]

/** Options of a command that have a global one's name, and mean something else. */
const owned = new WeakMap<Command, Flag>()

/** Declares the options on a command; each level of the tree has them, so that they may stand anywhere. */
export function addGlobals(command: Command, except?: Flag): Command {
  if (except !== undefined) owned.set(command, except)
  command.optionsGroup('Global options:')
  for (const name of names) {
    const [text, description, parse] = flags[name]
    const option = new Option(text, description)
    if (parse !== undefined) option.argParser(parse)
    if (name !== except) command.addOption(option)
  }
  return command.helpOption('-h, --help', 'this text').optionsGroup('Options:')
}

/** The options as given: the nearest to the command wins over those before it. */
export function readGlobals(command: Command): Globals {
  const given: Given = {}
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const options = at.opts<Given>()
    for (const name of names) {
      const value = owned.get(at) === name ? undefined : options[name]
      if (value !== undefined) given[name] ??= value
    }
  }
  const { env } = process
  return {
    vault: text(given.vault) ?? text(env.MUNIMENT_VAULT) ?? './vault',
    passphraseFile: text(given.passphraseFile),
    actor: text(given.actor) ?? text(env.MUNIMENT_ACTOR) ?? `user/${login()}`,
    reason: text(given.reason),
    json: given.json === true,
    quiet: given.quiet === true,
    tz: text(given.tz) ?? 'UTC',
    wait: typeof given.wait === 'number' ? given.wait : 0,
    acceptClock: given.acceptClock === true,
    // Whoever names a vault means that one, whatever the environment says.
    server: text(given.server) ?? (given.vault === undefined ? text(env.MUNIMENT_ADDR) : undefined),
    tokenFile: text(given.tokenFile),
    given: new Set(Object.keys(given) as Flag[]),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A container may run under a user id that has no name. */
function login(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}
