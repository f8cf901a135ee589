#!/usr/bin/env node
import { CommanderError } from 'commander'
import { VaultError } from '../index.ts'
import { createProgram } from './create-program.ts'
import { ending } from './ending.ts'
import { exitCodes } from './exit-codes.ts'
import { adviceOn, Exit, tell, told, UsageError } from './failure.ts'
import { flushed } from './output.ts'

const signalled = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The exit code of the signal that ended the command. */
let ended: number | undefined
/** Whoever read stdout has read enough: `muniment audit | head`. */
let readerGone = false

function listen(): void {
  for (const [signal, exitCode] of Object.entries(signalled)) {
    process.on(signal, () => {
      // Asked twice, it goes at once: what was acknowledged is on disk.
      if (ended !== undefined) process.exit(ended)
      ended = exitCode
      ending.abort()
    })
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Any other failure is told by the write that met it.
    if (error.code !== 'EPIPE') return
    readerGone = true
    ending.abort()
  })
  process.stderr.on('error', () => undefined)
}

/** Runs a command, and gives its exit code. */
async function main(args: readonly string[]): Promise<number> {
  listen()
  const json = beforeDashes(args).includes('--json')
  try {
    await createProgram(json).parseAsync(args, { from: 'user' })
    await flushed()
    return ended ?? exitCodes.ok
  } catch (error) {
    if (wasCutShort(error)) return ended ?? exitCodes.ok
    const exitCode = exitCodeOf(error, json)
    return ended ?? exitCode
  }
}

/** Whether it is the ending from outside, and no failure of its own, that stopped the command. */
function wasCutShort(error: unknown): boolean {
  if (ended === undefined && !readerGone) return false
  if (error instanceof Exit) return error.exitCode === exitCodes.interrupted
  return error instanceof VaultError && error.code === 'ABORTED'
}

function exitCodeOf(error: unknown, json: boolean): number {
  if (error instanceof CommanderError && error.code === 'commander.help') {
    // No command, or one without what belongs to it: commander has printed the help on stderr.
    if (!json) return exitCodes.usage
    return tell(new UsageError('expected a command', adviceOn(error)), { json })
  }
  return tell(error, { json })
}

/** What stands behind `--` belongs to another program. */
function beforeDashes(args: readonly string[]): readonly string[] {
  const at = args.indexOf('--')
  return at === -1 ? args : args.slice(0, at)
}

const exitCode = await main(process.argv.slice(2))
await Promise.allSettled([flushed(), told()])
// The vault is let go of: a handle that lingers, as on a network disk that is gone, must not keep the process.
process.exit(exitCode)
