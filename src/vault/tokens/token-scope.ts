import { revokeToken } from '../../decide/tokens.ts'
import { checkPath } from '../../events/path.ts'
import { type Capability, capabilities } from '../../events/words.ts'
import type { TokenRow } from '../../projections/tokens.ts'
import type { AccessChange } from '../access-call.ts'
import { type CallOptions, withItself } from '../call.ts'
import type { Calls } from '../calls.ts'
import { Scope } from '../scope.ts'
import type { Session } from '../session.ts'
import type { ScopeParts } from '../whole-log.ts'
import { ended, type RenewOptions, renewOn, revokeOn } from './change-token.ts'
import { type TokenInfo, tokenInfoOf } from './token-info.ts'
import { heldNow, tokenPermit } from './token-permit.ts'

/**
 * The verbs of a vault as whoever showed a token has them: held to the token's own policies or, where it has none, to the
 * roles that its actor is granted. Each of its events tells the token's accessor. It ends with the token: from a
 * revocation on, or from the moment in which the token or one that it was issued through runs out, every verb is `DENIED`
 * and what it watches or follows ends. The scope that the last use of a token gave holds for a minute at least.
 */
export class TokenScope extends Scope {
  readonly #session: Session
  readonly #calls: Calls
  readonly #shown: TokenRow
  #known: TokenRow

  constructor(parts: ScopeParts, shown: TokenRow) {
    super(parts)
    this.#session = parts.session
    this.#calls = parts.calls
    this.#shown = shown
    this.#known = shown
  }

  /** What is known of the token by now; once it has ended, what was known of it last. */
  get token(): TokenInfo {
    const row = heldNow(this.#session, this.#shown)
    if (row !== undefined) this.#known = row
    return tokenInfoOf(this.#known)
  }

  /** The time by which it is judged what has run out. */
  get now(): Date {
    return new Date(this.#session.current.time.judged())
  }

  /**
   * Puts the end of the token off, which takes no right: to `ttl` from now on, which may be earlier than it was, and never
   * beyond its `renewableUntil`, or than `renewFor` or 32 days where it has none. Throws `DENIED` once it has ended, and `INVALID` where it cannot be renewed.
   */
  async renewSelf(options: RenewOptions = {}, call: CallOptions = {}): Promise<TokenInfo> {
    return this.#calls.run(call, (own, engine) => {
      const find = (now: number) => heldNow(this.#session, this.#shown, now)
      const { accessor } = this.#shown
      return renewOn(engine, withItself(own), { accessor, find, options })
    })
  }

  /** Ends the token, and all that were issued through it, which takes no right. Throws `DENIED` once it has ended. */
  async revokeSelf(call: CallOptions = {}): Promise<AccessChange> {
    return this.#calls.run(call, (own, engine) => {
      const { accessor } = this.#shown
      return revokeOn(engine, withItself(own), {
        accessor,
        decide: ({ now }) =>
          heldNow(this.#session, this.#shown, now) === undefined
            ? ended
            : revokeToken(engine.state.tokens.fold.state, accessor),
      })
    })
  }

  /**
   * What the token lets its bearer do at a path by now; with an empty one, with the vault itself. It is a look at policy
   * alone, whatever is there, and is not recorded. Throws `INVALID`, `TOO_LARGE`, `CLOSED`, `FAILED`.
   *
   * @example
   * scope.capabilities('prod/db/password') // ['read', 'describe']
   */
  capabilities(path: string): readonly Capability[] {
    this.#session.engine()
    if (path !== '') checkPath(path)
    const { judge } = tokenPermit(this.#session, this.#shown)
    return capabilities.filter((operation) => judge({ operation, subject: path }).allowed)
  }
}
