import { VaultError } from '../errors.ts'
import type {
  ControlledVault,
  Key,
  KeysRotated,
  KeysShredded,
  RootRotated,
  ShredOptions,
  SignerRotated,
} from '../index.ts'
import { at } from './at.ts'
import { bytesFrom } from './base64.ts'
import { callAnd } from './call.ts'
import { dated } from './dated.ts'
import { type SlotKdf, sentKey } from './keyslots.ts'
import type { Server } from './server.ts'

/** The keys below the keyslots, which are never shown. */
export function keys(server: Server): ControlledVault['keys'] {
  return {
    list: async (call = {}) =>
      server.json({ path: '/keys', call }, ({ keys }: { readonly keys: readonly object[] }) =>
        keys.map((said) => dated<Key>(said, ['createdAt'])),
      ),
    rotate: async (call = {}) =>
      server.json<KeysRotated>({ method: 'POST', path: '/keys/rotate', call }),
    rotateSigning: async (call = {}) =>
      server.json<SignerRotated>({ method: 'POST', path: '/keys/rotate-signing', call }),
    shred: async ({ onProgress, ...options } = {}) => {
      const { call } = callAnd(options)
      const lines = server.lines<Line<KeysShredded>>({ method: 'POST', path: '/keys/shred', call })
      return resultOf(lines, { onProgress, ask: refuseAsk })
    },
    rotateRoot: async ({ keep, onProgress, ...options }) => {
      if (!Array.isArray(keep)) {
        throw new VaultError('INVALID', 'keep must be a list of credentials')
      }
      const { call } = callAnd(options)
      const lines = server.lines(
        {
          method: 'POST',
          path: '/keys/rotate-root',
          body: { keep: keep.map(({ kinds }) => ({ kinds: [...kinds] })) },
          call,
        },
        (said: Line<RootRotated, SentKdf>): Line<RootRotated> =>
          'ask' in said ? { ask: { ...said.ask, kdf: kdfOf(said.ask.kdf) } } : said,
      )
      const give = async ({ conversation, ask, credential, kdf }: Ask) => {
        const unlock = keep[credential]
        if (unlock === undefined) return refuseAsk()
        const key = await sentKey(unlock, kdf)
        const path = at`/keys/rotate-root/${conversation}/${String(ask)}`
        await server.done({ method: 'POST', path, body: { key }, call: signalOf(call) })
      }
      return resultOf(lines, { onProgress, ask: give })
    },
  }
}

/** A key that a keyslot is asked for with. */
interface Ask<K = SlotKdf> {
  readonly conversation: string
  readonly ask: number
  /** Which of those that are to stay. */
  readonly credential: number
  readonly kdf: K
}

type SentKdf =
  | Exclude<SlotKdf, { salt: Uint8Array }>
  | { readonly kdf: string; readonly salt: string }

type Line<T, K = SlotKdf> =
  | { readonly progress: { readonly keys: number; readonly of: number } }
  | { readonly ask: Ask<K> }
  | { readonly result: T }

async function resultOf<T>(
  lines: AsyncIterable<Line<T>>,
  {
    onProgress,
    ask,
  }: {
    readonly onProgress: ShredOptions['onProgress'] | undefined
    readonly ask: (asked: Ask) => Promise<void>
  },
): Promise<T> {
  for await (const line of lines) {
    if ('result' in line) return line.result
    if ('ask' in line) await ask(line.ask)
    else onProgress?.(line.progress)
  }
  throw new VaultError(
    'UNCERTAIN',
    'the answer ended before it was done: it is not known whether the change took place',
  )
}

async function refuseAsk(): Promise<never> {
  throw new VaultError('UNSUPPORTED', 'the server asks for what this release does not know')
}

function kdfOf(sent: SentKdf): SlotKdf {
  return (
    'salt' in sent && typeof sent.salt === 'string' ? { ...sent, salt: bytesFrom(sent.salt) } : sent
  ) as SlotKdf
}

/** Only what ends the one call ends what belongs to it. */
function signalOf({ signal }: { readonly signal?: AbortSignal }): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
