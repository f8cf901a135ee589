import { VaultError } from '../errors.ts'
import type { Fact, RotationScope } from '../events/catalogue.ts'
import { checkPrefix } from '../events/path.ts'
import { secretTypes } from '../events/words.ts'
import { rotateEveryMsMax } from '../limits.ts'
import {
  byPrecedence,
  type RotationPoliciesState,
  type RotationPolicyRow,
  scopeKey,
} from '../projections/rotation-policies.ts'
import { type AccessChange, changePolicy, type LookAt, lookAtPolicy } from './access-call.ts'
import type { CallOptions } from './call.ts'
import type { Calls } from './calls.ts'

/** How old values may get, and who said so. */
export interface RotationPolicy extends RotationScope {
  /** Milliseconds; absent where values of that scope are exempt. */
  readonly rotateEvery?: number
  readonly writtenAt: Date
  readonly writtenBy: string
  /** Of its event. */
  readonly position: number
}

/** The rotation policies of a vault, or of a backup, to be looked at. */
export class RotationPolicyReader {
  readonly #look: LookAt

  constructor(look: LookAt) {
    this.#look = look
  }

  /** Those in force, the ones that go before others first. */
  async list(options: CallOptions = {}): Promise<readonly RotationPolicy[]> {
    return lookAtPolicy(this.#look, options, ({ rotationPolicies }) =>
      byPrecedence(rotationPolicies.fold.state).map(shown),
    )
  }
}

/**
 * How old values may get, for secrets that do not say so themselves. A secret's own `rotateEvery` goes before a policy,
 * a longer prefix before a shorter one, and of one prefix a policy for the secret's type before one for all.
 *
 * @example
 * await vault.rotationPolicies.set({ prefix: 'prod/' }, { rotateEvery: 90 * 24 * 3600 * 1000 })
 * await vault.rotationPolicies.set({ prefix: 'prod/', type: 'certificate' }, {}) // exempt: they expire by themselves
 */
export class RotationPolicies extends RotationPolicyReader {
  readonly #calls: Calls

  constructor(calls: Calls) {
    super((options, work) => calls.inspect(options, work))
    this.#calls = calls
  }

  /**
   * Says how old values of that scope may get, or without `rotateEvery` that they are exempt; what was said of the scope
   * before is replaced. Throws `INVALID`.
   */
  async set(
    scope: RotationScope,
    { rotateEvery }: { readonly rotateEvery?: number },
    options: CallOptions = {},
  ): Promise<AccessChange> {
    return this.#change(options, () => {
      const period = rotateEvery === undefined ? {} : { rotateEvery: checkPeriod(rotateEvery) }
      const data = { ...checkScope(scope), ...period }
      return (policies) => {
        const before = policies.get(scopeKey(data))
        const isSame = before !== undefined && before.rotateEvery === data.rotateEvery
        return isSame ? [] : [{ type: 'rotation_policy.written', subject: '', data }]
      }
    })
  }

  /** Takes back what was said of that scope. Throws `NOT_FOUND`, `INVALID`. */
  async remove(scope: RotationScope, options: CallOptions = {}): Promise<AccessChange> {
    return this.#change(options, () => {
      const data = checkScope(scope)
      return (policies) => {
        if (policies.has(scopeKey(data)))
          return [{ type: 'rotation_policy.removed', subject: '', data }]
        throw new VaultError('NOT_FOUND', 'there is no rotation policy for that prefix and type')
      }
    })
  }

  #change(
    options: CallOptions,
    intent: () => (policies: RotationPoliciesState) => readonly Fact[],
  ): Promise<AccessChange> {
    return changePolicy(this.#calls, options, () => {
      const decide = intent()
      return ({ rotationPolicies }) => ({ facts: decide(rotationPolicies.fold.state) })
    })
  }
}

function checkScope({ prefix = '', type }: RotationScope): RotationScope {
  if (type !== undefined && !secretTypes.includes(type)) {
    throw new VaultError('INVALID', `type must be one of ${secretTypes.join(', ')}`)
  }
  return { ...(checkPrefix(prefix) !== '' && { prefix }), ...(type !== undefined && { type }) }
}

function checkPeriod(ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 1 && ms <= rotateEveryMsMax) return ms
  throw new VaultError(
    'INVALID',
    `rotateEvery must be an integer from 1 to ${rotateEveryMsMax} milliseconds`,
  )
}

function shown({ writtenAt, ...row }: RotationPolicyRow): RotationPolicy {
  return { ...row, writtenAt: new Date(writtenAt) }
}
