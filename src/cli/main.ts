#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { VaultError, version } from '../index.ts'
import { addAnchor } from './commands/anchor.ts'
import { addAnnotate } from './commands/annotate.ts'
import { addAudit } from './commands/audit.ts'
import { addBackup, addRestore } from './commands/backup.ts'
import { addCompletion } from './commands/completion.ts'
import { addDiff } from './commands/diff.ts'
import { addEvidence } from './commands/evidence.ts'
import { addExplain } from './commands/explain.ts'
import { addGet } from './commands/get.ts'
import { addInit } from './commands/init.ts'
import { addDescribe, addExists, addHistory, addList } from './commands/inspect.ts'
import { addKdf } from './commands/kdf.ts'
import { addKeys } from './commands/keys.ts'
import { addKeyslot } from './commands/keyslot.ts'
import { addPolicy } from './commands/policy.ts'
import { addCheckpoint, addProve, addVerifyProof } from './commands/proofs.ts'
import { addReplay } from './commands/replay.ts'
import { addReport } from './commands/report.ts'
import { addRole } from './commands/role.ts'
import { addRotate } from './commands/rotate.ts'
import { addRotationPolicy } from './commands/rotation-policy.ts'
import { addRun } from './commands/run.ts'
import { addServe } from './commands/serve.ts'
import { addSet } from './commands/set.ts'
import { addStatus } from './commands/status.ts'
import { addToken } from './commands/token.ts'
import { addExport, addImport } from './commands/transfer.ts'
import { addVerify } from './commands/verify.ts'
import { addDelete, addDestroy, addPurge } from './commands/versions.ts'
import { ending } from './ending.ts'
import { exitCodes } from './exit-codes.ts'
import { Exit, tell, told, UsageError } from './failure.ts'
import { addGlobals } from './globals.ts'
import { flushed } from './output.ts'

const groups = [
  ['Secrets:', [addSet, addGet, addRotate, addAnnotate, addDelete, addDestroy, addPurge, addRun]],
  ['What is known:', [addList, addExists, addDescribe, addHistory, addAudit, addReplay, addDiff]],
  ['For auditors:', [addReport, addEvidence]],
  ['Who may do what:', [addPolicy, addRole, addToken, addExplain, addRotationPolicy]],
  ['In and out:', [addImport, addExport, addBackup, addRestore]],
  ['Proofs:', [addVerify, addCheckpoint, addProve, addVerifyProof, addAnchor]],
  ['The vault:', [addInit, addServe, addStatus, addKeyslot, addKeys, addKdf, addCompletion]],
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
    .configureHelp({ subcommandTerm: termOf })
    .showSuggestionAfterError()
    .helpCommand(false)
  addGlobals(program)
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading)
    for (const add of commands) add(program)
  }
  return program
}

/** As a list of commands has it: without `[options]`, which every one of them takes. */
function termOf(command: Command): string {
  const names = [command.name(), ...command.aliases()].join('|')
  const operands = command.registeredArguments.map((operand) => {
    const name = `${operand.name()}${operand.variadic ? '...' : ''}`
    return operand.required ? `<${name}>` : `[${name}]`
  })
  return [names, ...operands].join(' ')
}

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
    return tell(new UsageError('expected a command', 'muniment --help'), { json })
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
