import { VaultError } from '../../errors.ts'
import { checkPath } from '../../events/path.ts'
import type { Operation } from '../../events/words.ts'
import type { KeyslotRole, SlotKdf } from '../../keys/keyslot.ts'
import { AskedKeys } from '../asked-keys.ts'
import type { Calls } from '../calls.ts'
import { callVerb } from './call-verb.ts'
import type { Called, OperatedVault } from './called.ts'
import { faultLine, unpackedFault } from './faults.ts'
import { type Verb, type VerbName, verbs } from './verbs.ts'
import { type Lent, packed, unpacked, type Word, wordText } from './words.ts'

/** What an operator asks for. */
export interface Request {
  readonly verb: string
  readonly args: Word
}

/** A key that a call asked for, or why there is none. */
export interface AnsweredKey {
  readonly ask: number
  readonly answer: Word
}

/** Where the answer goes: line by line, as fast as it is read. */
export interface Reply {
  /** Resolves once more can be taken, or nobody reads any more. */
  line(text: string): Promise<void>
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
}

export interface OperatorParts {
  readonly role: KeyslotRole
  /** Id of the keyslot that was opened. */
  readonly slot: string
  readonly calls: Calls
  readonly vault: OperatedVault
}

/** Somebody who opened a keyslot of a vault that another process serves: from there on until he goes. */
export class Operator {
  readonly #parts: OperatorParts
  readonly #ending = new AbortController()
  readonly #longEnding = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  readonly #keys = new AskedKeys()
  readonly #moment: Called['moment'] = {}
  /** Why nothing more is done for him. */
  #closed: VaultError | undefined

  constructor(parts: OperatorParts) {
    this.#parts = parts
  }

  /** Aborts once he has gone, or the vault is closed. */
  get ended(): AbortSignal {
    return this.#ending.signal
  }

  /** Ends what is under way at once: there is nobody to hear the answer. */
  end(): void {
    this.#ending.abort()
  }

  /** Of the keyslot that he came by. */
  get slot(): string {
    return this.#parts.slot
  }

  /** Takes no more, and waits for what is under way, but for what may take long, which ends here. */
  async close(why: string): Promise<void> {
    this.#closed ??= new VaultError('CLOSED', why)
    this.#longEnding.abort()
    await Promise.all(this.#underWay)
    this.#ending.abort()
  }

  /** Does what is asked for. All that comes of it goes to the reply, a failure too. */
  async call(request: Request, reply: Reply): Promise<void> {
    const work = this.#answer(request, reply)
    this.#underWay.add(work)
    await work.finally(() => this.#underWay.delete(work))
  }

  /** Takes a key that was asked for. Throws `NOT_FOUND` where none was. */
  take(ask: number, answer: Word): void {
    const asked = this.#keys.asked(ask)
    const { key, error }: { key?: unknown; error?: unknown } = Object(unpacked(answer))
    if (Buffer.isBuffer(key)) asked.resolve(key)
    else asked.reject(unpackedFault(error))
  }

  async #answer({ verb: name, args }: Request, reply: Reply): Promise<void> {
    try {
      if (this.#closed !== undefined) throw this.#closed
      const verb = verbs.get(name)
      if (verb === undefined) {
        throw new VaultError(
          'UNSUPPORTED',
          'the process that serves the vault is of another release',
        )
      }
      const closing = verb.ends === undefined ? [] : [this.#longEnding.signal]
      const signal = AbortSignal.any([reply.signal, this.ended, ...closing])
      const words = unpacked(args, this.#lent(reply, signal))
      if (!Array.isArray(words)) throw new VaultError('INVALID', 'args must be a list')
      if (verb.kind !== 'look' && this.#parts.role === 'auditor') await this.#refuse(verb, words)
      const ended = endedBy(signal, words, verb)
      await this.#give(name as VerbName, verb, { args: ended, signal, reply })
    } catch (error) {
      await reply.line(faultLine(this.#reasonOf(error)))
    }
  }

  async #give(
    name: VerbName,
    { gives }: Verb,
    { args, signal, reply }: { args: readonly unknown[]; signal: AbortSignal; reply: Reply },
  ): Promise<void> {
    const { vault, calls, slot } = this.#parts
    const file: Called['file'] = async (step) =>
      reply.line(`{"file":${JSON.stringify(packed(step))}}`)
    const given = callVerb(name, { vault, calls, slot, args, moment: this.#moment, signal, file })
    const result = gives === 'items' ? await this.#items(given, { signal, reply }) : await given
    await reply.line(`{"result":${await wordText(result)}}`)
  }

  async #items(
    given: unknown,
    { signal, reply }: { signal: AbortSignal; reply: Reply },
  ): Promise<unknown> {
    const items = (given as AsyncIterable<unknown, unknown>)[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await items.next()
        if (next.done === true) return next.value
        await reply.line(`{"item":${await wordText(next.value)}}`)
        if (signal.aborted) throw aborted()
      }
    } finally {
      await items.return?.()
    }
  }

  #lent(reply: Reply, signal: AbortSignal): Lent {
    let isTelling = false
    return {
      signal,
      // Who reads slowly hears of a later one instead.
      progress: (at) => {
        if (isTelling) return
        isTelling = true
        void reply.line(`{"progress":${JSON.stringify(packed(at))}}`).finally(() => {
          isTelling = false
        })
      },
      key: (unlock, kdf) => this.#askKey({ unlock, kdf }, { reply, signal }),
    }
  }

  #askKey(
    asked: { readonly unlock: number; readonly kdf: SlotKdf },
    { reply, signal }: { reply: Reply; signal: AbortSignal },
  ): Promise<Buffer> {
    const send = (ask: number) => reply.line(`{"ask":${JSON.stringify(packed({ ask, ...asked }))}}`)
    return this.#keys.ask(send, AbortSignal.any([signal, this.#longEnding.signal]))
  }

  /** Records what an auditor is not let do, and throws `AUDITOR_ONLY`. */
  async #refuse({ operation, path }: Verb, args: readonly unknown[]): Promise<never> {
    const subject = path === undefined ? '' : checkPath(args[path] as string)
    return refuseAuditor(this.#parts.calls, { operation, subject })
  }

  /** Who is told that he aborted, and did not, hears why it ended. */
  #reasonOf(error: unknown): unknown {
    const isAborted = error instanceof VaultError && error.code === 'ABORTED'
    return isAborted ? (this.#closed ?? error) : error
  }
}

/** The arguments, with the signal in the place where the verb looks for it. */
function endedBy(
  signal: AbortSignal,
  args: readonly unknown[],
  { ends }: Verb,
): readonly unknown[] {
  if (ends === undefined) return args
  const whole = Array.from({ length: Math.max(args.length, ends + 1) }, (_, i) => args[i])
  whole[ends] = { ...Object(args[ends]), signal }
  return whole
}

function aborted(): VaultError {
  return new VaultError('ABORTED', 'the caller aborted')
}

async function refuseAuditor(
  calls: Calls,
  { operation, subject }: { readonly operation: Operation; readonly subject: string },
): Promise<never> {
  const refused = new VaultError(
    'AUDITOR_ONLY',
    'an auditor reads the history, and no value, and changes nothing',
    subject === '' ? {} : { path: subject },
  )
  return calls.run({}, async ({ actor, context, limits }, engine) => {
    await engine.append(
      {
        actor,
        context,
        decide: () => ({
          facts: [{ type: 'secret.denied', subject, data: { operation, cause: 'policy' } }],
          refused,
        }),
      },
      limits,
    )
    throw refused
  })
}
