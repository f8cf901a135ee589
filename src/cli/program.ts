import { type Command, InvalidArgumentError } from 'commander'
import { addGlobals, type Flag } from './globals.ts'

/** A command below another, with the options that every command has. */
export function subcommand(parent: Command, name: string, description: string): Command {
  return addGlobals(parent.command(name).description(description).helpCommand(false))
}

/** One whose own option has the name of a global one, which then stands before the command. */
export function subcommandWithout(
  global: Flag,
  parent: Command,
  { name, description }: { name: string; description: string },
): Command {
  return addGlobals(parent.command(name).description(description), global)
}

/** `--tag team=pay --tag tier=1`, or `--tag team=pay tier=1`. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

export function integer(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('expected a whole number')
}

/** `1 3`, `1,3`. */
export function integers(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, ...text.split(',').map(integer)]
}
