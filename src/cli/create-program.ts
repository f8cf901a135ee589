import { Command } from 'commander'
import { version } from '../index.ts'
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
import { addGlobals } from './globals.ts'
import { adviseOfMisuse } from './misuse.ts'

const groups = [
  ['Secrets:', [addSet, addGet, addRotate, addAnnotate, addDelete, addDestroy, addPurge, addRun]],
  ['What is known:', [addList, addExists, addDescribe, addHistory, addAudit, addReplay, addDiff]],
  ['For auditors:', [addReport, addEvidence]],
  ['Who may do what:', [addPolicy, addRole, addToken, addExplain, addRotationPolicy]],
  ['In and out:', [addImport, addExport, addBackup, addRestore]],
  ['Proofs:', [addVerify, addCheckpoint, addProve, addVerifyProof, addAnchor]],
  ['The vault:', [addInit, addServe, addStatus, addKeyslot, addKeys, addKdf, addCompletion]],
] as const

/**
 * The program with all of its commands.
 *
 * @param json whether errors are told as JSON: help in place of a command is none
 */
export function createProgram(json: boolean): Command {
  const program = new Command('muniment')
    .description('A secrets vault whose every operation is an event in an encrypted log.')
    .version(version, '-V, --version', 'the release of muniment')
    .enablePositionalOptions()
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
  adviseOfMisuse(program)
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
