import { type InTurn, oneAtATime } from '../store/serial.ts'
import type { Call, CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import { expectWanted } from './rewrap.ts'

/** Changes of the keyring, one at a time: each is built on the keyring that the one before left. */
export class KeyChanges {
  readonly #engine: () => Engine
  readonly #call: (options: CallOptions) => Call
  readonly #turn: InTurn = oneAtATime()

  constructor(engine: () => Engine, call: (options: CallOptions) => Call) {
    this.#engine = engine
    this.#call = call
  }

  /** Throws `CLOSED`, `FAILED`. */
  get engine(): Engine {
    return this.#engine()
  }

  async run<T>(options: CallOptions, work: (engine: Engine, call: Call) => Promise<T>): Promise<T> {
    const call = this.#call(options)
    return this.#turn(() => {
      expectWanted(call.limits.signal)
      return work(this.#engine(), call)
    })
  }
}
