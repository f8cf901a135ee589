import { matches } from '../events/pattern.ts'
import type { Capability } from '../events/words.ts'
import type { AccessState } from '../projections/access.ts'
import type { Holder } from './asked.ts'
import { judge, rolesOf } from './judge.ts'
import { patternOf, rootPolicy } from './policy.ts'
import { ruleName } from './rule-name.ts'
import { type HeldRule, inForce } from './rule-set.ts'

/** Whether an actor may do something, and what says so. */
export interface Explanation {
  readonly allowed: boolean
  /** Of the rule that decides; `deny` where none does. */
  readonly effect: 'allow' | 'deny'
  /** As events name it (`ruleName`); absent where no rule speaks of it. */
  readonly rule?: string
  /** The role that brings the rule; empty where a token's own policies do. */
  readonly role?: string
  /** The host says that the actor has the role; no grant in the log does. */
  readonly asserted?: true
  /** Position of the event that wrote the policy. */
  readonly policy?: number
  /** In a sentence. */
  readonly why: string
}

/**
 * Why a holder may do something or not: what `judge` answers, in words. Pure.
 *
 * @param about `path` is empty for the vault itself; `now` is in milliseconds since the epoch
 * @example
 * explainAccess(view, { actor: 'user/ana', asserted: [] }, { capability: 'read', path: 'prod/db', now }).why
 * // 'payments-read#0 allows read on prod/**, by the role payments, which user/root granted to user/ana at 2026-…'
 */
export function explainAccess(
  access: AccessState,
  holder: Holder,
  about: { readonly capability: Capability; readonly path: string; readonly now: number },
): Explanation {
  const { rule, allowed } = judge(access, holder, about)
  const effect = allowed ? 'allow' : 'deny'
  if (rule === undefined) return { allowed, effect, why: whyNone(access, holder, about) }
  const { policy, asserted } = rule.decision
  return {
    allowed,
    effect,
    rule: ruleName(rule),
    role: rule.role,
    ...(asserted && { asserted }),
    ...(policy !== undefined && { policy }),
    why: whyRule(access, holder, { ...about, rule }),
  }
}

interface About {
  readonly capability: Capability
  readonly path: string
  readonly now: number
}

function whyNone(access: AccessState, holder: Holder, { capability, path, now }: About): string {
  const { actor, policies } = holder
  const what = `${capability} on ${path === '' ? 'the vault itself' : path}`
  const speaks = `speaks of ${what}, and what no rule allows is denied`
  if (policies !== undefined) {
    if (inForce(access, policies).length < policies.length) {
      return 'the policies of the token hold too much together to be in force, and what no rule allows is denied'
    }
    if (policies.length === 0) return 'the token has no policy, and what no rule allows is denied'
    return `no rule of ${named('policy', 'policies', policies)} ${speaks}`
  }
  const roles = rolesOf(access, holder, now).map(({ name }) => name)
  if (roles.length === 0) return `${actor} has no role, and what no rule allows is denied`
  return `no rule of ${named('role', 'roles', roles)} ${speaks}`
}

function named(one: string, many: string, names: readonly string[]): string {
  return `the ${names.length === 1 ? one : many} ${names.join(', ')}`
}

function whyRule(
  access: AccessState,
  holder: Holder,
  { capability, path, rule }: About & { readonly rule: HeldRule },
): string {
  const isBuiltIn = holder.policies !== undefined && rule.policy === rootPolicy
  const own = access.policies.get(rule.policy)?.rules[rule.index]?.paths
  const paths = isBuiltIn ? ['**'] : (own ?? [])
  const pattern = paths.find((text) => {
    const { pattern, isKnown } = patternOf(text)
    return path === '' ? text === '**' || !isKnown : matches(pattern, path)
  })
  const verb = rule.effect === 'allow' ? 'allows' : 'denies'
  const wins = rule.effect === 'deny' ? '; a denial wins over what other rules allow' : ''
  const by =
    holder.policies === undefined
      ? `by the role ${rule.role}, ${whyRole(access, holder, rule)}`
      : 'which the token is held to'
  return `${ruleName(rule)} ${verb} ${capability} on ${pattern}, ${by}${wins}`
}

function whyRole(access: AccessState, { actor }: Holder, { role, decision }: HeldRule): string {
  const grant = access.grants.get(actor)?.get(role)
  if (decision.asserted === true || grant === undefined) {
    return `which the host says that ${actor} has`
  }
  const { grantedBy, grantedAt, expiresAt } = grant
  const end = expiresAt === undefined ? '' : `, until ${iso(expiresAt)}`
  return `which ${grantedBy} granted to ${actor} at ${iso(grantedAt)}${end}`
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
