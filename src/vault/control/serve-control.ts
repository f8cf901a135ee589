import { VaultError } from '../../errors.ts'
import { LevelStore } from '../../store/level.ts'
import { ControlDesk, type DeskParts } from './desk.ts'
import { socketPlace } from './place.ts'

export interface ControlOptions {
  /** Under which name the secrets are mounted on the KV v2 wire; `secret` unless said. */
  readonly mount?: string
  /** Told of each failure that is no answer of ours, and whose caller hears of it without its words. */
  readonly onUnforeseen?: (error: unknown) => void
}

/** A vault that can be reached through the socket in its folder. */
export interface ServedControl {
  /** Of the socket. */
  readonly path: string
  /** Waits for what is under way, but for what may take long, which ends here; then the socket is gone. */
  close(): Promise<void>
}

/** What serves; `server.ts` has it. */
interface ServerModule {
  serveControl(options: {
    readonly vault: unknown
    readonly desk: ControlDesk
    readonly path: string
    readonly mount: string | undefined
    readonly onUnforeseen: ((error: unknown) => void) | undefined
  }): Promise<{ close(): Promise<void> }>
}

/**
 * Serves a vault at the socket in its folder. Throws `UNSUPPORTED` where its store is no folder, `INVALID` for a path
 * that no socket can have, `EXISTS` where something answers there already, `CLOSED`, `FAILED`.
 */
export async function serveControl(
  parts: DeskParts,
  { vault, mount, onUnforeseen }: ControlOptions & { readonly vault: unknown },
): Promise<ServedControl> {
  const { store } = parts.session.engine()
  if (!(store instanceof LevelStore) || process.platform === 'win32') {
    throw new VaultError('UNSUPPORTED', `there is no place for a socket at ${store.location}`)
  }
  const { serveControl: serve } = await loadServer()
  const place = await socketPlace(store.location)
  const desk = new ControlDesk(parts)
  let served: Awaited<ReturnType<ServerModule['serveControl']>> | undefined
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= desk
      .close()
      .then(() => served?.close())
      .finally(() => place.remove())
    return closed
  }
  try {
    served = await serve({ vault, desk, path: place.path, mount, onUnforeseen })
    return { path: await place.publish(), close }
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
}

/**
 * By a name that is computed: whoever embeds a vault and serves nothing never loads an HTTP server, and what is below in
 * the layers does not depend on what is above. `tsc` rewrites the extension at run time.
 */
async function loadServer(): Promise<ServerModule> {
  const server: string = '../../server.ts'
  return import(server)
}
