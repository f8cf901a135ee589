import type { ControlDesk, Vault } from '../../index.ts'
import { createApp } from '../app.ts'
import { listen } from '../listen.ts'
import { embedded } from '../served.ts'
import { controlRoutes } from './routes.ts'

/** Work that goes on for longer than a vault waits for its closing is not worth waiting for either. */
const graceMs = 10_000

/**
 * Serves an open vault at a Unix socket: the whole app, and operators besides. `vault.serveControl` calls it, which has
 * seen to it that nobody but the vault's own user can reach that path.
 */
export async function serveControl(options: {
  readonly vault: Vault
  readonly desk: ControlDesk
  readonly path: string
  readonly mount: string | undefined
  readonly onUnforeseen: ((error: unknown) => void) | undefined
}): Promise<{ close(): Promise<void> }> {
  const { vault, desk, path, mount, onUnforeseen } = options
  const app = createApp(embedded(vault), {
    ...(mount !== undefined && { mount }),
    ...(onUnforeseen && { onUnforeseen }),
  })
  controlRoutes(app, desk)
  const listening = await listen(app, { path })
  return {
    close: async () => {
      await listening.close({ graceMs })
      await app.close()
    },
  }
}
