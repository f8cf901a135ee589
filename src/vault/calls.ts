import { VaultError } from '../errors.ts'
import { type Call, type CallOptions, readCall } from './call.ts'
import type { Engine } from './engine.ts'
import { type Inspector, inspectorOf } from './inspect.ts'
import type { Session } from './session.ts'

/** How a vault's verbs run: for whom, on the engine that is open by then, and with their refusals counted. */
export class Calls {
  readonly #session: Session
  #invalid = 0
  #conflict = 0

  constructor(session: Session) {
    this.#session = session
  }

  /** Refusals that the log does not tell of: bad arguments, and compare-and-sets that lost. */
  get rejected(): { readonly invalid: number; readonly conflict: number } {
    return { invalid: this.#invalid, conflict: this.#conflict }
  }

  of(options: CallOptions): Call {
    const { options: own, current } = this.#session
    const { actor, timeout, ambient } = own
    return readCall({ actor, timeout, ambient, slot: current.slot.id }, options)
  }

  async run<T>(options: CallOptions, work: (call: Call, engine: Engine) => Promise<T>): Promise<T> {
    try {
      const engine = this.#session.engine()
      return await work(this.of(options), engine)
    } catch (error) {
      if (error instanceof VaultError) this.#count(error)
      throw error
    }
  }

  inspect<T>(options: CallOptions, work: (inspector: Inspector) => Promise<T>): Promise<T> {
    const { inspections: recorded } = this.#session.options
    return this.run(options, (call, engine) => work(inspectorOf(engine, call, { recorded })))
  }

  #count({ code }: VaultError): void {
    if (code === 'CONFLICT') this.#conflict++
    else if (code === 'INVALID' || code === 'TOO_LARGE') this.#invalid++
  }
}
