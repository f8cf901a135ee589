import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import type { Command } from 'commander'
import type { ControlledVault, SecretValue } from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit, UsageError } from '../failure.ts'
import { collect, subcommand } from '../program.ts'

interface RunFlags {
  readonly env?: readonly string[]
  readonly envFile?: string
}

/** A variable of the child's environment, and the secret, or the field of one, that it holds. */
interface Binding {
  readonly name: string
  readonly path: string
  readonly field: string | undefined
}

const notFound = 127
const notExecutable = 126
const signalled = 128

export function addRun(program: Command): void {
  subcommand(program, 'run', 'run a command with secrets in its environment')
    .usage('[options] -- command [arguments]')
    .argument('<command...>')
    .option(
      '--env <NAME=PATH...>',
      'a secret, or a field of one: DB_PASSWORD=prod/db#password',
      collect,
    )
    .option('--env-file <file>', 'the same, one a line; # begins a comment line')
    .action(
      handled<RunFlags>(async (cli, { args, options }) => {
        const bindings = await readBindings(options)
        // Closed before the child starts: the child may want the vault itself.
        const env = await withVault(cli, (vault) => valuesOf(cli, vault, bindings))
        if (cli.signal.aborted) throw new Exit(exitCodes.interrupted)
        throw new Exit(await runChild(args, env))
      }),
    )
}

async function readBindings({ env = [], envFile }: RunFlags): Promise<readonly Binding[]> {
  const lines = envFile === undefined ? [] : (await readText(envFile)).split(/\r?\n/)
  const given = lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const bindings = [...given, ...env].map(bindingOf)
  if (bindings.length > 0) return bindings
  throw new UsageError('no secret was asked for', '--env NAME=PATH, or --env-file FILE')
}

/** The last `#` divides: a path may hold one, a field asked for this way may not. */
function bindingOf(text: string): Binding {
  const [, name, path, field] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+?)(?:#([^#/]+))?$/.exec(text) ?? []
  if (name !== undefined && path !== undefined) return { name, path, field }
  throw new UsageError(
    `--env: expected NAME=PATH or NAME=PATH#field, found ${JSON.stringify(text)}`,
  )
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause) => {
    throw new UsageError(`--env-file ${path} cannot be read: ${cause.code}`)
  })
}

async function valuesOf(
  cli: Cli,
  vault: ControlledVault,
  bindings: readonly Binding[],
): Promise<Record<string, string>> {
  const paths = [...new Set(bindings.map(({ path }) => path))]
  const read = await Promise.all(paths.map((path) => vault.read(path, cli.call)))
  const secrets = new Map(read.map((secret) => [secret.path, secret]))
  const entries = bindings.map((binding): [string, string] => [
    binding.name,
    textOf(binding, secrets.get(binding.path)),
  ])
  return Object.fromEntries(entries)
}

function textOf({ name, path, field }: Binding, secret: SecretValue | undefined): string {
  if (secret === undefined) throw new UsageError(`${path} was not read`)
  const text = field === undefined ? wholeText(secret) : fieldText(secret, field)
  if (!text.includes('\0')) return text
  throw new UsageError(`${name}: the value of ${path} holds a zero byte, which no variable can`)
}

function wholeText(secret: SecretValue): string {
  if (secret.kind !== 'fields') return secret.text()
  const names = Object.keys(secret.fields())
  throw new UsageError(
    `${secret.path} has fields`,
    `name one of them: ${names.map((name) => `${secret.path}#${name}`).join(', ')}`,
  )
}

function fieldText(secret: SecretValue, field: string): string {
  const fields = secret.kind === 'fields' ? secret.fields() : {}
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined
  if (value === undefined)
    throw new UsageError(`${secret.path} has no field ${JSON.stringify(field)}`)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const forwarded = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
/** A terminal sends these to all of its foreground processes, so to the child as well. */
const ofTerminal = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const

/** The child's exit code, or 128 and the number of the signal that ended it, as a shell has it. */
async function runChild(command: readonly string[], env: Record<string, string>): Promise<number> {
  const [file = '', ...args] = command
  // Before there is a child: it may speak, and be answered with a signal, before spawn has returned.
  const signals = passSignals()
  try {
    const child = spawn(file, args, { stdio: 'inherit', env: { ...inherited(), ...env } })
    signals.to(child)
    return await endOf(child)
  } catch (cause) {
    // Node tells some of these by throwing, others by an event.
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    const code = String(cause.code)
    const why = spawnFailures.get(code) ?? code
    process.stderr.write(`muniment: ${file} cannot be run: ${why}\n`)
    return code === 'ENOENT' ? notFound : notExecutable
  } finally {
    signals.stop()
  }
}

const spawnFailures: ReadonlyMap<string, string> = new Map([
  ['E2BIG', 'E2BIG, the values are too large for an environment'],
])

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (code !== null) resolve(code)
      else if (signal !== null) resolve(signalled + (constants.signals[signal] ?? 0))
      else reject(new Error('the child ended without a code'))
    })
  })
}

interface PassedSignals {
  to(child: ChildProcess): void
  stop(): void
}

/** Hands signals on to a child but for those that it gets from the terminal itself. */
function passSignals(): PassedSignals {
  // By number: process.stdin would put the stdin that the child shares into a mode in which its reads fail.
  const atTerminal = [0, 1, 2].some((stream) => isatty(stream))
  let child: ChildProcess | undefined
  const forward = (signal: NodeJS.Signals) => void child?.kill(signal)
  const swallow = () => undefined
  const listeners = [
    ...forwarded.map((signal) => [signal, forward] as const),
    ...ofTerminal.map((signal) => [signal, atTerminal ? swallow : forward] as const),
  ]
  for (const [signal, listener] of listeners) {
    const before = process.listeners(signal)
    // Listened to without a gap: a signal without a listener ends the process, or is lost.
    process.on(signal, listener)
    for (const other of before) process.off(signal, other)
  }
  return {
    to(started) {
      child = started
    },
    stop() {
      for (const [signal, listener] of listeners) process.off(signal, listener)
    },
  }
}

/** What opens the vault is not the child's to know. */
function inherited(): NodeJS.ProcessEnv {
  const {
    MUNIMENT_PASSPHRASE,
    MUNIMENT_PASSPHRASE_FILE,
    MUNIMENT_NEW_PASSPHRASE_FILE,
    CREDENTIALS_DIRECTORY,
    MUNIMENT_TOKEN,
    ...env
  } = process.env
  return env
}
