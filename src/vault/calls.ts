import type { Asked, Holder } from '../access/asked.ts'
import { standsUntil } from '../access/judge.ts'
import { checkRoleNames } from '../access/policy.ts'
import { permit } from '../decide/permit.ts'
import { VaultError } from '../errors.ts'
import { checkActor } from '../events/path.ts'
import { type Call, type CallOptions, permitted, readCall, withoutUndefined } from './call.ts'
import type { Engine } from './engine.ts'
import { type Inspector, inspectorOf } from './inspect.ts'
import type { Permit } from './permit.ts'
import type { Session } from './session.ts'

/** As whom a scope acts. */
export interface ScopeOptions {
  /** It is recorded as *claimed*: the host vouches for it. */
  readonly actor: string
  /** Roles that the host says the actor has, beside those that the log grants; recorded as `asserted`. */
  readonly roles?: readonly string[]
  /** Address the requests come from. */
  readonly source?: string
  readonly correlationId?: string
}

/** A caller that is held to policy: what it says of itself in each call, and what it may do. */
interface Scoped {
  readonly said: CallOptions & { readonly actor: string }
  readonly permit: Permit
}

/** How a vault's verbs run: for whom, on the engine that is open by then, and with their refusals counted. */
export class Calls {
  readonly #session: Session
  readonly #scoped: Scoped | undefined
  readonly #rejected: { invalid: number; conflict: number }

  constructor(session: Session, { like, scoped }: { like?: Calls; scoped?: Scoped } = {}) {
    this.#session = session
    this.#scoped = scoped
    this.#rejected = like === undefined ? { invalid: 0, conflict: 0 } : like.#rejected
  }

  /** The calls of an actor that is held to policy. Throws `INVALID`, `TOO_LARGE`. */
  as({ actor, roles = [], source, correlationId }: ScopeOptions): Calls {
    const session = this.#session
    const holder: Holder = { actor: checkActor(actor), asserted: checkRoleNames(roles) }
    const said = { actor, ...withoutUndefined({ source, correlationId }) }
    readCall({ actor, timeout: 1, slot: '', ambient: undefined }, said)
    const judge: Permit['judge'] = (asked, now = session.current.time.judged()) =>
      permit(session.current.state.access.fold.state, holder, { asked, now })
    const until = () => {
      const { state, time } = session.current
      return standsUntil(state.access.fold.state, holder, time.judged())
    }
    return new Calls(session, { like: this, scoped: { said, permit: { judge, until } } })
  }

  /** Whether they are held to policy: every one of them is then on record. */
  get isScoped(): boolean {
    return this.#scoped !== undefined
  }

  /** Refusals that the log does not tell of: bad arguments, and compare-and-sets that lost. */
  get rejected(): { readonly invalid: number; readonly conflict: number } {
    return { ...this.#rejected }
  }

  of(options: CallOptions): Call {
    const { options: own, current } = this.#session
    const { actor, timeout, ambient } = own
    const defaults = { actor, timeout, ambient, slot: current.slot.id }
    const scoped = this.#scoped
    if (scoped === undefined) return readCall(defaults, options)
    const { said, permit } = scoped
    const given = withoutUndefined(options)
    if (given.actor !== undefined && given.actor !== said.actor) {
      throw new VaultError('INVALID', `actor: this scope acts as ${said.actor} and nobody else`)
    }
    // What the host says of a caller goes before what the caller says of itself.
    return { ...readCall(defaults, { ...given, ...said }), permit }
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
    const recorded = this.isScoped || this.#session.options.inspections
    return this.run(options, (call, engine) => work(inspectorOf(engine, call, { recorded })))
  }

  /**
   * The call, if policy lets it do this at all: what a refusal leaves, and how the decision gets on record, `permitted`
   * says. Every call of the host is let through. Throws `DENIED`.
   *
   * @example
   * const call = await calls.permit(options, { operation: 'report', subject: '' })
   */
  permit(options: CallOptions, asked: Asked): Promise<Call> {
    return this.run(options, (call, engine) => permitted(engine, call, asked))
  }

  #count({ code }: VaultError): void {
    if (code === 'CONFLICT') this.#rejected.conflict++
    else if (code === 'INVALID' || code === 'TOO_LARGE') this.#rejected.invalid++
  }
}
