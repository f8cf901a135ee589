import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { VaultError } from '../../../errors.ts'
import type { SlotKdf } from '../../../keys/keyslot.ts'
import type { Unlock } from '../../../keys/unlock.ts'
import type { FileStep } from '../called.ts'
import { packedFault, unpackedFault } from '../faults.ts'
import { type VerbName, verbs } from '../verbs.ts'
import { type Lender, packed, unpacked, type Word } from '../words.ts'
import { jsonLines } from './json-lines.ts'

const otherRelease = 'the other end of the socket is of another release'

/** Where to, and what is shown there. */
export interface Way {
  /** Of the socket. */
  readonly path: string
  readonly agent: Agent
  readonly token?: string
}

const root = '/v1/sys/control'
/** What the other end reads of one body. */
const bodyBytesMax = 8 * 1024 * 1024

/** Sends a body and gives the answer once it begins. Throws what the system says, unchanged. */
export async function post(
  { path: socketPath, agent, token }: Way,
  route: string,
  { body, signal }: { readonly body: object; readonly signal?: AbortSignal | undefined },
): Promise<IncomingMessage> {
  const text = Buffer.from(JSON.stringify(body))
  if (text.length > bodyBytesMax) {
    const message = `a control socket takes at most ${bodyBytesMax} bytes at a time`
    throw new VaultError('TOO_LARGE', message, { expected: bodyBytesMax, found: text.length })
  }
  const headers = {
    'content-type': 'application/json',
    'content-length': text.length,
    ...(token !== undefined && { 'muniment-operator': token }),
  }
  return new Promise((resolve, reject) => {
    const options = { socketPath, agent, method: 'POST', path: `${root}/${route}`, headers }
    const sent = httpRequest({ ...options, ...(signal && { signal }) })
    sent.once('response', resolve)
    // Also after the answer has begun, where it ends the reading of that.
    sent.on('error', reject)
    sent.end(text)
  })
}

/** Calls under way at one time: more of them wait. */
const callsMax = 64
/** Beyond the time after which a call gives up by itself: then nobody will answer any more. */
const graceMs = 60_000

/** What is done with the lines of an answer that are neither items nor its end. */
export interface Hooks {
  /** Makes a file, step by step, of what the other end writes. */
  readonly file?: (step: FileStep) => Promise<void>
}

/** What an operator has once he is let in: the way to call a verb. */
export class Connection {
  readonly #way: Way
  readonly #timeout: number
  readonly #held: IncomingMessage

  /**
   * @param held the answer that he is in for as long as it is read
   * @param timeout milliseconds after which a call gives up
   */
  constructor(
    held: IncomingMessage,
    {
      path,
      token,
      timeout,
    }: { readonly path: string; readonly token: string; readonly timeout: number },
  ) {
    this.#way = { path, token, agent: new Agent({ keepAlive: true, maxSockets: callsMax }) }
    this.#timeout = timeout
    this.#held = held
    // What becomes of it, the next call tells.
    held.on('error', () => undefined)
    held.resume()
  }

  /** Calls a verb that gives one answer. */
  async answer(verb: VerbName, args: readonly unknown[], hooks: Hooks = {}): Promise<unknown> {
    const exchange = this.#exchange(verb, args, hooks)
    for (;;) {
      const next = await exchange.next()
      if (next.done === true) return next.value
    }
  }

  /** Calls one that gives items. Nothing is sent before the first of them is asked for. */
  items(verb: VerbName, args: readonly unknown[]): AsyncGenerator<unknown, unknown, void> {
    return this.#exchange(verb, args, {})
  }

  /** Goes, with everything that is under way. */
  close(): void {
    this.#held.destroy()
    this.#way.agent.destroy()
  }

  async *#exchange(
    verb: VerbName,
    args: readonly unknown[],
    hooks: Hooks,
  ): AsyncGenerator<unknown, unknown, void> {
    const lent = lending()
    const body = { verb, args: args.map((arg) => packed(arg, lent)) }
    lent.expectOngoing()
    const limit = this.#limitOf(verb, args)
    const signals = [...lent.signals, ...(limit === undefined ? [] : [limit])]
    const signal = AbortSignal.any(signals)
    try {
      const answer = await post(this.#way, 'call', { body, signal })
      if (answer.statusCode !== 200) throw new VaultError('UNSUPPORTED', otherRelease)
      return yield* this.#read(answer, { lent, hooks, signal })
    } catch (error) {
      throw lent.failure ?? this.#failure(error, verb, { lent, limit })
    }
  }

  async *#read(
    answer: IncomingMessage,
    { lent, hooks, signal }: { lent: Lending; hooks: Hooks; signal: AbortSignal },
  ): AsyncGenerator<unknown, unknown, void> {
    let end: { readonly kind: string; readonly word: Word } | undefined
    try {
      for await (const [kind, word] of jsonLines(answer)) {
        if (kind === 'item') yield unpacked(word)
        else if (kind === 'progress') lent.tell(unpacked(word))
        else if (kind === 'file') await lent.make(unpacked(word) as FileStep, hooks)
        else if (kind === 'ask') void this.#giveKey(lent, unpacked(word) as AskedKey, signal)
        // It is read to its end, so that the connection serves the next call.
        else end = { kind, word }
      }
    } finally {
      if (end === undefined) answer.destroy()
    }
    if (end?.kind === 'result') return unpacked(end.word)
    if (end?.kind === 'error') throw unpackedFault(end.word)
    if (end === undefined) throw new Lost()
    throw new VaultError('UNSUPPORTED', otherRelease)
  }

  /** A key is made where the credential is; why there is none, the call itself ends with. */
  async #giveKey(
    lent: Lending,
    { ask, unlock, kdf }: AskedKey,
    signal: AbortSignal,
  ): Promise<void> {
    const answer = await keyOf(lent, unlock, kdf)
    const body = { ask, answer }
    await post(this.#way, 'key', { body, signal }).then(
      (taken) => taken.resume(),
      () => undefined,
    )
  }

  #limitOf(name: VerbName, args: readonly unknown[]): AbortSignal | undefined {
    if (verbs.get(name)?.ends !== undefined || verbs.get(name)?.gives === 'items') return undefined
    const own = args.map((arg) => Number(Object(arg).timeout) || 0)
    return AbortSignal.timeout(Math.min(Math.max(this.#timeout, ...own) + graceMs, 2 ** 31 - 1))
  }

  /** What a call came to that has no answer: of a change nobody knows. */
  #failure(
    error: unknown,
    name: VerbName,
    { lent, limit }: { lent: Lending; limit: AbortSignal | undefined },
  ): unknown {
    if (error instanceof VaultError) return error
    const isOwn = error instanceof Lost || (error instanceof Error && 'code' in error)
    if (!isOwn) return error
    const isAborted = lent.signals.some(({ aborted }) => aborted)
    const [code, why] = isAborted
      ? (['ABORTED', 'the caller aborted'] as const)
      : limit?.aborted === true
        ? (['TIMEOUT', 'the process that serves the vault does not answer'] as const)
        : (['CLOSED', 'the process that serves the vault went away'] as const)
    const isSent = !(error instanceof Error && 'syscall' in error && error.syscall === 'connect')
    if (!isSent || verbs.get(name)?.kind !== 'change') {
      return new VaultError(code, why, { cause: error })
    }
    const message = `${why} before it was known whether the change took place`
    return new VaultError('UNCERTAIN', message, { cause: error })
  }
}

/** The answer ended before its end. */
class Lost extends Error {}

interface AskedKey {
  readonly ask: number
  readonly unlock: number
  readonly kdf: SlotKdf
}

async function keyOf(lent: Lending, unlock: number, kdf: SlotKdf): Promise<Word> {
  try {
    const credential = lent.unlocks[unlock]
    if (credential === undefined) throw new VaultError('NOT_FOUND', 'no such credential was sent')
    const key = await credential.key({ kdf })
    const answer = packed({ key })
    key.fill(0)
    return answer
  } catch (error) {
    return { error: packedFault(error) }
  }
}

/** What a call has sent that stays here. */
interface Lending extends Lender {
  readonly signals: readonly AbortSignal[]
  readonly unlocks: readonly Unlock[]
  /** What the caller's own code threw, whatever that looks like. */
  readonly failure: unknown
  tell(at: unknown): void
  make(step: FileStep, hooks: Hooks): Promise<void>
  /** Throws `ABORTED` where a caller gave up before anything was sent. */
  expectOngoing(): void
}

function lending(): Lending {
  const signals: AbortSignal[] = []
  const unlocks: Unlock[] = []
  let told: ((at: unknown) => void) | undefined
  let failure: unknown
  return {
    signals,
    unlocks,
    get failure() {
      return failure
    },
    signal: (signal) => signals.push(signal),
    unlock: (unlock) => unlocks.push(unlock) - 1,
    progress: (tell) => {
      if (told !== undefined && told !== tell) {
        throw new VaultError('INVALID', 'one function can be sent through a control socket')
      }
      told = tell
    },
    tell: (at) => {
      try {
        told?.(at)
      } catch (error) {
        failure = error
        throw error
      }
    },
    make: async (step, { file }) => {
      await file?.(step).catch((error: unknown) => {
        failure = error
        throw error
      })
    },
    expectOngoing: () => {
      const aborted = signals.find((signal) => signal.aborted)
      if (aborted === undefined) return
      throw new VaultError('ABORTED', 'the caller aborted', { cause: aborted.reason })
    },
  }
}
