import { UsageError } from '../failure.ts'
import type { Globals } from '../globals.ts'

/**
 * Refuses a server for a command that is about a place on this machine.
 *
 * @param instead what to do
 */
export function refuseServer(
  { server }: Pick<Globals, 'server'>,
  { what, instead }: { readonly what: string; readonly instead: string },
): void {
  if (server !== undefined) throw new UsageError(`${what}, and not on a server`, instead)
}
