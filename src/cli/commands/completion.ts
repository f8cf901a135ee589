import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { addGlobals } from '../globals.ts'

/** `muniment completion bash|zsh|fish` prints a script; the script asks `muniment complete -- …` as a person types. */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: 'completion' })
  const completion = program.commands.find((command) => command.name() === 'completion')
  if (completion) addGlobals(completion.description('a script that completes commands in a shell'))
}
