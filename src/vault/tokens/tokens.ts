import { existingToken, revokeToken } from '../../decide/tokens.ts'
import { VaultError } from '../../errors.ts'
import { isUsable, type TokenRow } from '../../projections/tokens.ts'
import type { AccessChange } from '../access-call.ts'
import type { BuiltIns } from '../built-ins.ts'
import type { CallOptions } from '../call.ts'
import type { Calls } from '../calls.ts'
import type { Session } from '../session.ts'
import { type RenewOptions, renewOn, revokeOn } from './change-token.ts'
import { checkAccessor } from './checked.ts'
import { type IssueOptions, issueOn } from './issue.ts'
import { lookAtTokens, shownRows } from './looks.ts'
import { rowOfText } from './marked.ts'
import { type IssuedToken, type TokenInfo, tokenInfoOf } from './token-info.ts'

/**
 * The tokens of a vault: whoever shows one to `authenticate` acts as its actor. The log holds a keyed hash of each, so that
 * the token itself is there in the one moment in which it is issued. Of a scope every verb takes the right to `token` on
 * the vault itself. All verbs can throw `INVALID` and `TOO_LARGE`, naming the argument.
 */
export class Tokens {
  readonly #calls: Calls
  readonly #session: Session

  constructor(calls: Calls, session: Session) {
    this.#calls = calls
    this.#session = session
  }

  /**
   * A token. One that is issued through another ends with it, unless it is an orphan. A scope hands on no more than it
   * has: its own name, policies of its token or of roles it was granted, with all of them that deny something, a random
   * text, and by a token of its own no orphan; for anything more it takes the right to `policy` besides. Throws `EXISTS` for a `token` that is another
   * one's, `TOO_LARGE` where there are too many, and `INVALID` through a token whose uses are counted.
   *
   * @example
   * const { token, accessor } = await vault.tokens.issue({ actor: 'svc/billing', policies: ['billing'], ttl: 3_600_000 })
   * await handOver(token.text())
   */
  async issue(options: IssueOptions = {}, call: CallOptions = {}): Promise<IssuedToken> {
    return this.#calls.run(call, (own, engine) => issueOn(engine, own, options))
  }

  /** Those that hold, in the order in which they were issued. */
  async list(call: CallOptions = {}): Promise<readonly TokenInfo[]> {
    return lookAtTokens(this.#calls, call, ({ tokens }) => {
      const rows = tokens.fold.state
      const now = this.#now()
      return shownRows(rows, (row) => isUsable(rows, row, now), tokenInfoOf)
    })
  }

  /** Throws `NOT_FOUND`, for one that has ended too. */
  async get(accessor: string, call: CallOptions = {}): Promise<TokenInfo> {
    const found = await this.#find(call, ({ tokens }) =>
      tokens.fold.state.get(checkAccessor(accessor)),
    )
    if (found === undefined) throw new VaultError('NOT_FOUND', `there is no token ${accessor}`)
    return found
  }

  /** What is known of the token itself, which is not used by it. Throws `NOT_FOUND`, for one that has ended too. */
  async lookup(text: string, call: CallOptions = {}): Promise<TokenInfo> {
    const found = await this.#find(call, ({ tokens }) =>
      rowOfText(tokens.fold.state, this.#session.current.handedOut, text),
    )
    if (found === undefined) throw new VaultError('NOT_FOUND', 'there is no such token')
    return found
  }

  /**
   * Puts the end of a token off: to `ttl` from now on, which may be earlier than it was, and never beyond its
   * `renewableUntil`, or than `renewFor` or 32 days where it has none. Throws `NOT_FOUND`, and `INVALID` for one that cannot be renewed.
   */
  async renew(
    accessor: string,
    options: RenewOptions = {},
    call: CallOptions = {},
  ): Promise<TokenInfo> {
    return this.#calls.run(call, (own, engine) => {
      const { state } = engine.state.tokens.fold
      const find = (now: number) => existingToken(state, accessor, now)
      return renewOn(engine, own, { accessor: checkAccessor(accessor), find, options })
    })
  }

  /** Ends a token, and all that were issued through it; nothing where it is not there. */
  async revoke(accessor: string, call: CallOptions = {}): Promise<AccessChange> {
    return this.#calls.run(call, (own, engine) => {
      const { state } = engine.state.tokens.fold
      checkAccessor(accessor)
      return revokeOn(engine, own, { accessor, decide: () => revokeToken(state, accessor) })
    })
  }

  async #find(
    call: CallOptions,
    find: (state: BuiltIns) => TokenRow | undefined,
  ): Promise<TokenInfo | undefined> {
    const [found] = await lookAtTokens(this.#calls, call, (state) => {
      const row = find(state)
      const isThere = row !== undefined && isUsable(state.tokens.fold.state, row, this.#now())
      return isThere ? [tokenInfoOf(row)] : []
    })
    return found
  }

  #now(): number {
    return this.#session.current.time.judged()
  }
}
