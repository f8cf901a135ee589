import { type ControlledVault, openControl, type Unlock, VaultError } from '../../index.ts'

/** How a command opens a vault, as far as it makes a difference to the process that has it open already. */
interface Opening {
  readonly path: string
  readonly unlock: Unlock
  readonly actor: string
  readonly timeout: number
  readonly acceptClock: boolean
}

/**
 * The vault through the process that has it open and serves it; undefined where there is none, or none that answers: the
 * opening of the vault itself then says who holds it.
 */
export async function reach(
  { acceptClock, ...options }: Opening,
  signal: AbortSignal,
): Promise<ControlledVault | undefined> {
  const { path, unlock, actor, timeout } = options
  const vault = await openControl({ path, unlock, actor, timeout, signal }).catch(unlessUnreached)
  // As an opening does that is told so.
  if (acceptClock) await vault?.acceptClock()
  return vault
}

const unreached: ReadonlySet<string> = new Set(['NOT_FOUND', 'TIMEOUT'])

function unlessUnreached(error: unknown): undefined {
  if (error instanceof VaultError && unreached.has(error.code)) return undefined
  throw error
}
