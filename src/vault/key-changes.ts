import type { Asked } from '../access/asked.ts'
import { expectOngoing } from '../ongoing.ts'
import type { InTurn } from '../store/serial.ts'
import { type Call, type CallOptions, permitted, recordFact } from './call.ts'
import type { Engine } from './engine.ts'

const asked: Asked = { operation: 'keys', subject: '' }

/** Changes of the keyring, one at a time: each is built on the keyring that the one before left. */
export class KeyChanges {
  readonly #engine: () => Engine
  readonly #call: (options: CallOptions) => Call
  readonly #turn: InTurn

  /** @param turn the vault's one: a second would let two handles build on the same keyring */
  constructor(engine: () => Engine, call: (options: CallOptions) => Call, turn: InTurn) {
    this.#engine = engine
    this.#call = call
    this.#turn = turn
  }

  /** Throws `CLOSED`, `FAILED`. */
  get engine(): Engine {
    return this.#engine()
  }

  async run<T>(options: CallOptions, work: (engine: Engine, call: Call) => Promise<T>): Promise<T> {
    const call = this.#call(options)
    return this.#turn(async () => {
      expectOngoing(call.limits.signal)
      const engine = this.#engine()
      // A change begins in the keyring's file: it is decided on before that, and not with its event.
      return work(engine, await permitted(engine, call, asked))
    })
  }

  /** A look of a scope's, which takes the same right and is on record. */
  async look<T>(
    options: CallOptions,
    work: (engine: Engine) => readonly T[],
  ): Promise<readonly T[]> {
    const call = this.#call(options)
    const engine = this.#engine()
    await permitted(engine, call, asked)
    const found = work(engine)
    const data = { operation: 'keys' as const, count: found.length }
    await recordFact(engine, call, { type: 'secret.inspected', subject: '', data })
    return found
  }
}
