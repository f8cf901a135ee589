import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { passphrase, rootPolicy, Vault } from '../../index.ts'

/** A vault to try things on, which is gone when the command ends. */
export interface DevVault {
  readonly vault: Vault
  readonly path: string
  readonly rootToken: string
  close(): Promise<void>
}

/** Its passphrase is random and in memory only: as little work as a keyslot may ask is enough. */
const lightKdf = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 } as const
const passphraseBytes = 32

/** @param token what its root token is to be; a random one unless said */
export async function openDevVault(token: string | undefined): Promise<DevVault> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-dev-'))
  // Whatever ends the process: nothing of it is to stay.
  const removeAtExit = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeAtExit)
  const path = join(folder, 'vault')
  const unlock = passphrase(randomBytes(passphraseBytes).toString('base64url'), lightKdf)
  const vault = await Vault.create({ path, unlock, actor: 'svc/muniment-dev' })
  const issued = await vault.tokens.issue({
    actor: 'root',
    policies: [rootPolicy],
    ...(token !== undefined && { token }),
  })
  return {
    vault,
    path,
    rootToken: issued.token.text(),
    close: async () => {
      await vault.close()
      await rm(folder, { recursive: true, force: true })
      process.off('exit', removeAtExit)
    },
  }
}
