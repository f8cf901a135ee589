import { randomUUID } from 'node:crypto'
import { type TokenScope, type Unlock, VaultError } from '../../../index.ts'
import type { Served } from '../../served.ts'
import type { Give } from '../handed.ts'
import { keyOf, type SlotKdf, sentKdfOf } from './credential.ts'

/** Deriving a key takes a second or two, and others may wait for the keyring meanwhile. */
const keyMsMax = 60_000

interface AskedKey {
  resolve(key: Buffer): void
}

/** A change of keys for which the caller is asked for keys of keyslots: it holds what they are made of. */
export class Conversation {
  readonly id = randomUUID()
  /** Of the token by which it is led. */
  readonly #accessor: string
  readonly #signal: AbortSignal
  readonly #give: Give<object>
  readonly #asked = new Map<number, AskedKey>()
  #asks = 0

  constructor(about: {
    readonly accessor: string
    readonly signal: AbortSignal
    readonly give: Give<object>
  }) {
    this.#accessor = about.accessor
    this.#signal = about.signal
    this.#give = about.give
  }

  /**
   * A credential of the caller's.
   *
   * @param index which of those that he named
   */
  unlock(index: number, kinds: Unlock['kinds']): Unlock {
    return { kinds, key: ({ kdf }) => this.#ask(index, kdf) }
  }

  /** Takes a key that was asked for. Throws `NOT_FOUND` where none was, or somebody else was asked. */
  take(accessor: string, ask: number, key: string): void {
    const asked = accessor === this.#accessor ? this.#asked.get(ask) : undefined
    if (asked === undefined) throw notAsked()
    const given = keyOf(key)
    this.#asked.delete(ask)
    asked.resolve(given)
  }

  #ask(credential: number, kdf: SlotKdf): Promise<Buffer> {
    const ask = this.#asks++
    const limit = AbortSignal.timeout(keyMsMax)
    const ends = AbortSignal.any([limit, this.#signal])
    return new Promise<Buffer>((resolve, reject) => {
      const onAbort = () => reject(limit.aborted ? keyIsLate() : aborted())
      if (ends.aborted) return onAbort()
      ends.addEventListener('abort', onAbort, { once: true })
      this.#asked.set(ask, { resolve })
      const line = { ask: { conversation: this.id, ask, credential, kdf: sentKdfOf(kdf) } }
      this.#give(line).catch(reject)
    }).finally(() => this.#asked.delete(ask))
  }
}

const underWay = new WeakMap<Served, Map<string, Conversation>>()

/** Leads a conversation for as long as work goes on. */
export async function conversing<T>(
  served: Served,
  conversation: Conversation,
  work: () => Promise<T>,
): Promise<T> {
  const all = underWay.get(served) ?? new Map<string, Conversation>()
  underWay.set(served, all)
  all.set(conversation.id, conversation)
  try {
    return await work()
  } finally {
    all.delete(conversation.id)
  }
}

/** Gives a key to the conversation that asked for it. Throws `NOT_FOUND`, `INVALID`. */
export function giveKey(
  { served, scope }: { readonly served: Served; readonly scope: TokenScope },
  { conversation, ask, key }: { conversation: string; ask: number; key: string },
): void {
  const found = underWay.get(served)?.get(conversation)
  if (found === undefined) throw notAsked()
  found.take(scope.token.accessor, ask, key)
}

function notAsked(): VaultError {
  return new VaultError('NOT_FOUND', 'no such key was asked for')
}

function aborted(): VaultError {
  return new VaultError('ABORTED', 'the caller aborted')
}

function keyIsLate(): VaultError {
  return new VaultError('TIMEOUT', `a key of a keyslot did not come within ${keyMsMax / 1000} s`)
}
