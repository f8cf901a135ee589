import { randomUUID } from 'node:crypto'
import { AskedKeys, type TokenScope, type Unlock, VaultError } from '../../../index.ts'
import type { Served } from '../../served.ts'
import type { Give } from '../handed.ts'
import { keyOf, type SlotKdf, sentKdfOf } from './credential.ts'

/** A change of keys for which the caller is asked for keys of keyslots: it holds what they are made of. */
export class Conversation {
  readonly id = randomUUID()
  /** Of the token by which it is led. */
  readonly #accessor: string
  readonly #signal: AbortSignal
  readonly #give: Give<object>
  readonly #keys = new AskedKeys()

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
    if (accessor !== this.#accessor) throw notAsked()
    this.#keys.asked(ask).resolve(keyOf(key))
  }

  #ask(credential: number, kdf: SlotKdf): Promise<Buffer> {
    const about = { conversation: this.id, credential, kdf: sentKdfOf(kdf) }
    return this.#keys.ask((ask) => this.#give({ ask: { ...about, ask } }), this.#signal)
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
