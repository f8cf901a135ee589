import type { Asked, Holder } from '../access/asked.ts'
import { standsUntil } from '../access/judge.ts'
import { checkRoleNames } from '../access/policy.ts'
import { permit } from '../decide/permit.ts'
import { defined } from '../defined.ts'
import { VaultError } from '../errors.ts'
import type { EventContext } from '../events/catalogue.ts'
import { checkActor } from '../events/path.ts'
import type { TokenRow } from '../projections/tokens.ts'
import { type Call, type CallOptions, checkTimeout, permitted, readCall } from './call.ts'
import type { Engine } from './engine.ts'
import { type Inspector, inspectorOf } from './inspect.ts'
import type { Permit } from './permit.ts'
import type { Session } from './session.ts'
import { authOf, tokenPermit } from './tokens/token-permit.ts'

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

/** Where what a token is shown for comes from. */
type ShownBy = Pick<ScopeOptions, 'source' | 'correlationId'>

/** A caller that is held to policy: what it says of itself in each call, and what it may do. */
interface Scoped {
  readonly said: CallOptions & { readonly actor: string }
  readonly permit: Permit
  /** What it showed; absent where the host vouches for it. */
  readonly auth?: EventContext['auth']
}

/** Somebody who opened a keyslot of the vault himself, beside its host. */
export interface OperatorOptions {
  /** Recorded as *claimed*, as that of the host is. */
  readonly actor: string
  /** Id of the keyslot. */
  readonly slot: string
  /** Milliseconds after which a call gives up. */
  readonly timeout: number
}

/** How a vault's verbs run: for whom, on the engine that is open by then, and with their refusals counted. */
export class Calls {
  readonly #session: Session
  readonly #scoped: Scoped | undefined
  readonly #operator: OperatorOptions | undefined
  readonly #rejected: { invalid: number; conflict: number }

  constructor(
    session: Session,
    { like, scoped, operator }: { like?: Calls; scoped?: Scoped; operator?: OperatorOptions } = {},
  ) {
    this.#session = session
    this.#scoped = scoped
    this.#operator = operator
    this.#rejected = like === undefined ? { invalid: 0, conflict: 0 } : like.#rejected
  }

  /** The calls of an actor that is held to policy. Throws `INVALID`, `TOO_LARGE`. */
  as({ actor, roles = [], source, correlationId }: ScopeOptions): Calls {
    const session = this.#session
    const holder: Holder = { actor: checkActor(actor), asserted: checkRoleNames(roles) }
    const said = { actor, ...defined({ source, correlationId }) }
    readCall({ actor, timeout: 1, slot: '', ambient: undefined }, said)
    const judge: Permit['judge'] = (asked, now = session.current.time.judged()) =>
      permit(session.current.state.access.fold.state, holder, { asked, now })
    const until = () => {
      const { state, time } = session.current
      return standsUntil(state.access.fold.state, holder, time.judged())
    }
    return new Calls(session, { like: this, scoped: { said, permit: { holder, judge, until } } })
  }

  /** The calls of whoever shows this token. */
  shown(token: TokenRow, { source, correlationId }: ShownBy): Calls {
    const said = { actor: token.actor, ...defined({ source, correlationId }) }
    const permit = tokenPermit(this.#session, token)
    return new Calls(this.#session, { like: this, scoped: { said, permit, auth: authOf(token) } })
  }

  /** The calls of an operator: held to nothing, and every look of his is on record. Throws `INVALID`. */
  operator({ actor, slot, timeout }: OperatorOptions): Calls {
    const operator = { actor: checkActor(actor), slot, timeout: checkTimeout(timeout) }
    return new Calls(this.#session, { like: this, operator })
  }

  /** Whether they are held to policy: every one of them is then on record. */
  get isScoped(): boolean {
    return this.#scoped !== undefined
  }

  /** Whether looks are on record. */
  get isRecorded(): boolean {
    return this.isScoped || this.#operator !== undefined || this.#session.options.inspections
  }

  /** Refusals that the log does not tell of: bad arguments, and compare-and-sets that lost. */
  get rejected(): { readonly invalid: number; readonly conflict: number } {
    return { ...this.#rejected }
  }

  of(options: CallOptions): Call {
    const { options: own, current } = this.#session
    const { actor, timeout, ambient } = own
    // What the host knows of its own requests is not about an operator.
    const defaults =
      this.#operator === undefined
        ? { actor, timeout, ambient, slot: current.slot.id }
        : { ...this.#operator, ambient: undefined }
    const scoped = this.#scoped
    if (scoped === undefined) return readCall(defaults, options)
    const { said, permit, auth } = scoped
    const given = defined(options)
    if (given.actor !== undefined && given.actor !== said.actor) {
      throw new VaultError('INVALID', `actor: this scope acts as ${said.actor} and nobody else`)
    }
    // What the host says of a caller goes before what the caller says of itself.
    return { ...readCall({ ...defaults, ...(auth && { auth }) }, { ...given, ...said }), permit }
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
    const recorded = this.isRecorded
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
