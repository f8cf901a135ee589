import type { Command, CommanderError } from 'commander'
import { advise, noValues } from './failure.ts'

/** Has each command below say of its own misuse what to try: only it knows its name and its operands. */
export function adviseOfMisuse(command: Command): void {
  command.exitOverride((error) => {
    throw advise(error, adviceOf(command, error))
  })
  for (const below of command.commands) adviseOfMisuse(below)
}

/** Where the options of a command are told: `muniment keyslot add --help`. */
export function helpOf(command: Command): string {
  return `${nameOf(command)} --help`
}

function adviceOf(command: Command, { code }: CommanderError): string {
  if (code === 'commander.missingArgument') {
    return severalGiven(command) ?? `${nameOf(command)} ${command.usage()}`
  }
  if (code === 'commander.excessArguments' && takesValue(command)) return noValues
  return helpOf(command)
}

/** An option that takes several values takes the operand behind them, too. */
function severalGiven(command: Command): string | undefined {
  const given = command.options.find(
    (option) => option.variadic && command.getOptionValue(option.attributeName()) !== undefined,
  )
  return given && `put it before ${given.long}, which takes several values`
}

function takesValue({ options }: Command): boolean {
  return options.some(({ long }) => long === '--from-file')
}

function nameOf(command: Command): string {
  const { parent } = command
  return parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`
}
