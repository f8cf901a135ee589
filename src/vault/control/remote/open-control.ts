import { realpath, stat } from 'node:fs/promises'
import type { ControlledVault } from '../controlled-vault.ts'
import { socketPathOf, unserved } from '../socket-path.ts'
import type { OpenControlOptions } from './go-in.ts'

/**
 * Goes to the process that serves a vault (`vault.serveControl`), with a credential of one's own: an owner's for all its
 * verbs, an auditor's for those that look. Credentials stay here: each end shows the other that it can open the keyslot,
 * and a key that a new keyslot takes is made here. Every look is on record.
 *
 * Throws `NOT_FOUND` where no process serves the vault, `WRONG_KEY` (recorded), `INTEGRITY` where what answers does not
 * hold the vault's keys, `TIMEOUT` where it does not answer, `FAILED`, `UNSUPPORTED`, `INVALID`, `ABORTED`.
 *
 * @example
 * const vault = await openControl({ path: './vault', unlock: passphrase.fromFile('./passphrase'), actor: 'user/ana' })
 * console.log(await vault.health())
 * await vault.close()
 */
export async function openControl(options: OpenControlOptions): Promise<ControlledVault> {
  const folder = await realpath(options.path).catch(() => options.path)
  const found = await stat(socketPathOf(folder)).catch(() => undefined)
  if (found?.isSocket() !== true) throw unserved(folder)
  // What speaks HTTP is loaded where there is somebody to speak with: mostly there is nobody.
  const { goIn } = await import('./go-in.ts')
  return goIn(folder, options)
}
