import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, CommanderError } from 'commander'
import {
  type BackupReader,
  type CallOptions,
  type ControlledVault,
  type Unlock,
  Vault,
  VaultError,
} from '../index.ts'
import { ending } from './ending.ts'
import { advise, UsageError } from './failure.ts'
import { type Globals, readGlobals } from './globals.ts'
import { helpOf } from './misuse.ts'
import { createOutput, type Output } from './output.ts'
import { presentCredential } from './passphrase.ts'
import { reach } from './remote/reach.ts'
import { withServer } from './remote/with-server.ts'
import { age, wallClock } from './when.ts'

/** What a command works with. */
export interface Cli {
  readonly globals: Globals
  readonly out: Output
  /** Aborted by Ctrl-C, by a termination, and by a reader of stdout that went away. */
  readonly signal: AbortSignal
  /** What each call of the library is given. */
  readonly call: CallOptions
  /** Milliseconds since the epoch, when the command began: what relative times count from. */
  readonly now: number
  /** A time as people read it: exact, in the zone asked for, with its age. */
  shown(at: Date): string
  /** The same for a column under a heading that names the zone. */
  exact(at: Date | undefined): string
}

/** A command's own arguments, as commander parsed them. */
export interface Invocation<O> {
  readonly args: readonly string[]
  readonly options: O
}

export type Handler<O> = (cli: Cli, invocation: Invocation<O>) => Promise<void>

/** What commander calls: the last of its arguments is the command, whatever the number of operands. */
export function handled<O>(handler: Handler<O>): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command
    const invocation = { args: command.args, options: command.opts() as O }
    try {
      await handler(createCli(readGlobals(command)), invocation)
    } catch (error) {
      // What commander refuses in place of the command's own words, such as a time that is none.
      throw error instanceof CommanderError ? advise(error, helpOf(command)) : error
    }
  }
}

function createCli(globals: Globals): Cli {
  const now = Date.now()
  const { signal } = ending
  const { reason, tz } = globals
  return {
    globals,
    out: createOutput(globals),
    signal,
    call: { signal, ...(reason !== undefined && { reason }) },
    now,
    shown: (at) => `${wallClock(at, tz)} ${tz} (${age(at, now)})`,
    exact: (at) => (at === undefined ? '-' : wallClock(at, tz)),
  }
}

/** A call waits for the disk, and for the hundreds of calls before it in an import. */
const callTimeoutMs = 60_000
const triesMax = 3

/** What opens the vault, or would open it where it is. */
export type AskCredential = () => Promise<Unlock>

/**
 * Opens the vault, works on it, and closes it whatever came of the work. Where another process has it open and serves
 * it, the work goes through that one; where a server was named, through that.
 */
export async function withVault<T>(
  cli: Cli,
  work: (vault: ControlledVault, credential: AskCredential) => Promise<T>,
): Promise<T> {
  const { globals } = cli
  if (globals.server !== undefined) {
    const credential = async () => (await presentCredential(globals, cli.out)).credential
    return withServer(globals, (vault) => work(vault, credential))
  }
  if (await isFile(globals.vault)) {
    const hint = 'muniment restore FILE --vault DIR'
    throw new UsageError(`${globals.vault} is a backup, which is read and never changed`, hint)
  }
  await expectPlace(globals)
  return unlocked(cli, async (unlock) => openOrReach(cli, unlock), work)
}

/** Nobody is asked for the passphrase of what is not there. */
async function expectPlace({ vault }: Globals): Promise<void> {
  const path = resolve(vault)
  await stat(path).catch((cause) => {
    if (cause.code !== 'ENOENT') return
    throw new VaultError('NOT_FOUND', `there is no vault at ${path}`, { path, cause })
  })
}

/** What a vault and a backup of one have in common: all of the history, and no value. */
export interface Reader
  extends Pick<
      ControlledVault,
      | 'list'
      | 'describe'
      | 'history'
      | 'exists'
      | 'replay'
      | 'identity'
      | 'verify'
      | 'reports'
      | 'diff'
      | 'explain'
    >,
    Pick<BackupReader, 'asOf' | 'audit'> {
  readonly policies: Pick<ControlledVault['policies'], 'get' | 'list'>
  readonly roles: Pick<ControlledVault['roles'], 'list' | 'granted'>
  readonly rotationPolicies: Pick<ControlledVault['rotationPolicies'], 'list'>
}

/** The same for a command that only looks: `--vault` may be a backup file then, opened by an auditor's keyslot too. */
export async function withReader<T>(cli: Cli, work: (reader: Reader) => Promise<T>): Promise<T> {
  const { vault: from, server } = cli.globals
  if (server !== undefined || !(await isFile(from))) return withVault(cli, work)
  const bar = cli.out.progress('reading the backup')
  const onProgress = ({ position, size }: { position: number; size: number }) =>
    bar.at(position, size)
  const open = async (unlock: Unlock) =>
    Vault.openBackup({ from, unlock, signal: cli.signal, onProgress }).finally(() => bar.end())
  return unlocked(cli, open, work)
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

async function unlocked<V extends { close(): Promise<void> }, T>(
  cli: Cli,
  open: (unlock: Unlock) => Promise<V>,
  work: (opened: V, credential: AskCredential) => Promise<T>,
): Promise<T> {
  const { opened: vault, credential } = await present(cli, open)
  let result: T
  try {
    result = await work(vault, async () => credential)
  } catch (error) {
    // What went wrong with the work is what the person must hear of.
    await vault.close().catch(() => undefined)
    throw error
  }
  await vault.close()
  return result
}

/** Whoever types a passphrase may mistype it. */
async function present<V>(
  cli: Cli,
  open: (unlock: Unlock) => Promise<V>,
): Promise<{ opened: V; credential: Unlock }> {
  for (let tries = 1; ; tries++) {
    const { credential, typed } = await presentCredential(cli.globals, cli.out)
    try {
      return { opened: await open(credential), credential }
    } catch (error) {
      const mistyped = typed && error instanceof VaultError && error.code === 'WRONG_KEY'
      if (!mistyped || tries === triesMax) throw error
      cli.out.warn('that passphrase opens no keyslot of this vault')
    }
  }
}

async function openOrReach({ globals, signal }: Cli, unlock: Unlock): Promise<ControlledVault> {
  const options = { ...openOptions(globals), unlock }
  return (await reach(options, signal)) ?? Vault.open(options)
}

/** Whatever is looked at through a shell is on record too. */
export function openOptions({ vault, actor, wait, acceptClock }: Globals) {
  return {
    path: vault,
    actor,
    waitForLock: wait,
    acceptClock,
    timeout: callTimeoutMs,
    inspections: true,
  }
}
