#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { version } from '../index.ts'
import { addAnchor } from './commands/anchor.ts'
import { addAnnotate } from './commands/annotate.ts'
import { addAudit } from './commands/audit.ts'
import { addBackup, addRestore } from './commands/backup.ts'
import { addCompletion } from './commands/completion.ts'
import { addGet } from './commands/get.ts'
import { addInit } from './commands/init.ts'
import { addDescribe, addExists, addHistory, addList } from './commands/inspect.ts'
import { addKdf } from './commands/kdf.ts'
import { addKeys } from './commands/keys.ts'
import { addKeyslot } from './commands/keyslot.ts'
import { addCheckpoint, addProve, addVerifyProof } from './commands/proofs.ts'
import { addReplay } from './commands/replay.ts'
import { addRotate } from './commands/rotate.ts'
import { addRun } from './commands/run.ts'
import { addSet } from './commands/set.ts'
import { addStatus } from './commands/status.ts'
import { addExport, addImport } from './commands/transfer.ts'
import { addVerify } from './commands/verify.ts'
import { addDelete, addDestroy, addPurge } from './commands/versions.ts'
import { ending } from './ending.ts'
import { exitCodes } from './exit-codes.ts'
import { tell, UsageError } from './failure.ts'
import { addGlobals } from './globals.ts'

const groups = [
  ['Secrets:', [addSet, addGet, addRotate, addAnnotate, addDelete, addDestroy, addPurge, addRun]],
  ['What is known:', [addList, addExists, addDescribe, addHistory, addAudit, addReplay]],
  ['In and out:', [addImport, addExport, addBackup, addRestore]],
  ['Proofs:', [addVerify, addCheckpoint, addProve, addVerifyProof, addAnchor]],
  ['The vault:', [addInit, addStatus, addKeyslot, addKeys, addKdf, addCompletion]],
] as const

function createProgram(json: boolean): Command {
  const program = new Command('muniment')
    .description('A secrets vault whose every operation is an event in an encrypted log.')
    .version(version, '-V, --version', 'the release of muniment')
    .enablePositionalOptions()
    .exitOverride()
    // What went wrong is told once, by `tell`; help in place of a command is no JSON.
    .configureOutput({
      outputError: () => undefined,
      ...(json && { writeErr: () => undefined }),
    })
    .showSuggestionAfterError()
    .helpCommand(false)
  addGlobals(program)
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading)
    for (const add of commands) add(program)
  }
  return program
}

const signalled = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Why the command was ended from outside; its exit code then. */
let ended: number | undefined

function end(exitCode: number): void {
  // Asked twice, it goes at once: what was acknowledged is on disk.
  if (ended !== undefined) process.exit(ended)
  ended = exitCode
  ending.abort()
}

function listen(): void {
  for (const [signal, exitCode] of Object.entries(signalled)) {
    process.on(signal, () => end(exitCode))
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has read enough: `muniment audit | head`.
    if (error.code === 'EPIPE') end(exitCodes.ok)
    else throw error
  })
  process.stderr.on('error', () => undefined)
}

async function main(args: readonly string[]): Promise<void> {
  listen()
  const json = beforeDashes(args).includes('--json')
  try {
    await createProgram(json).parseAsync(args, { from: 'user' })
    process.exitCode = ended ?? exitCodes.ok
  } catch (error) {
    process.exitCode = ended ?? exitCodeOf(error, json)
  }
}

function exitCodeOf(error: unknown, json: boolean): number {
  if (error instanceof CommanderError && error.code === 'commander.help') {
    // No command, or one without what belongs to it: commander has printed the help on stderr.
    if (!json) return exitCodes.usage
    return tell(new UsageError('expected a command', 'muniment --help'), { json })
  }
  return tell(error, { json })
}

/** What stands behind `--` belongs to another program. */
function beforeDashes(args: readonly string[]): readonly string[] {
  const at = args.indexOf('--')
  return at === -1 ? args : args.slice(0, at)
}

await main(process.argv.slice(2))
