import { segmentsOf } from '../access/policy.ts'
import { VaultError } from '../errors.ts'
import type { EventData, Fact, PolicyRule } from '../events/catalogue.ts'
import { segmentsPerRoleMax } from '../limits.ts'
import type { AccessState } from '../projections/access.ts'
import type { At, Outcome } from './outcome.ts'

const unchanged: Outcome = Object.freeze({ facts: Object.freeze([]) })

/**
 * A policy, all of it; nothing where it has these rules and this text already. Throws `TOO_LARGE` where a role that
 * names it would hold too much.
 */
export function writePolicy(access: AccessState, data: EventData['policy.written']): Outcome {
  const { name, rules, text } = data
  const before = access.policies.get(name)
  if (before !== undefined && before.text === text && sameList(before.rules, rules, sameRule)) {
    return unchanged
  }
  const own = segmentsOf(rules)
  for (const [role, { policies }] of access.roles) {
    if (policies.includes(name)) {
      const others = policies.filter((policy) => policy !== name)
      expectCompilable(role, own + segmentsIn(access, others))
    }
  }
  return one({ type: 'policy.written', subject: '', data })
}

/** Roles that name it go on to, and lack it from here on. */
export function removePolicy(access: AccessState, name: string): Outcome {
  if (!access.policies.has(name)) return unchanged
  return one({ type: 'policy.removed', subject: '', data: { name } })
}

/**
 * A role, all of it; nothing where it has these policies already. Throws `NOT_FOUND` for a policy that is not there,
 * `TOO_LARGE` where they hold too much together.
 */
export function writeRole(access: AccessState, data: EventData['role.written']): Outcome {
  const missing = data.policies.find((policy) => !access.policies.has(policy))
  if (missing !== undefined) throw new VaultError('NOT_FOUND', `there is no policy ${missing}`)
  const before = access.roles.get(data.name)
  if (before !== undefined && sameList(before.policies, data.policies, Object.is)) return unchanged
  expectCompilable(data.name, segmentsIn(access, data.policies))
  return one({ type: 'role.written', subject: '', data })
}

/** Its grants end with it. */
export function removeRole(access: AccessState, name: string): Outcome {
  if (!access.roles.has(name)) return unchanged
  return one({ type: 'role.removed', subject: '', data: { name } })
}

/**
 * A grant, in the place of one that the actor has of this role; nothing where that ends at the same time. Throws
 * `NOT_FOUND` for a role that is not there, `INVALID` for an end that has passed.
 */
export function grantRole(
  access: AccessState,
  data: EventData['role.granted'],
  { now }: At,
): Outcome {
  const { name, actor, expiresAt } = data
  if (!access.roles.has(name)) throw new VaultError('NOT_FOUND', `there is no role ${name}`)
  if (expiresAt !== undefined && expiresAt <= now) {
    const [expected, found] = [`after ${iso(now)}`, iso(expiresAt)]
    const message = `expiresAt must be to come: expected ${expected}, found ${found}`
    throw new VaultError('INVALID', message, { expected, found })
  }
  const before = access.grants.get(actor)?.get(name)
  if (before !== undefined && before.expiresAt === expiresAt) return unchanged
  return one({ type: 'role.granted', subject: '', data })
}

export function withdrawRole(access: AccessState, data: EventData['role.withdrawn']): Outcome {
  const { name, actor } = data
  if (access.grants.get(actor)?.has(name) !== true) return unchanged
  return one({ type: 'role.withdrawn', subject: '', data })
}

function segmentsIn({ policies }: AccessState, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + segmentsOf(policies.get(name)?.rules ?? []), 0)
}

/** The rules of a role are compiled together, while everybody waits. */
function expectCompilable(role: string, segments: number): void {
  if (segments <= segmentsPerRoleMax) return
  const most = `at most ${segmentsPerRoleMax} segments of paths in its policies`
  const message = `role ${role}: expected ${most}, found ${segments}`
  throw new VaultError('TOO_LARGE', message, { expected: segmentsPerRoleMax, found: segments })
}

function one(fact: Fact): Outcome {
  return { facts: [fact] }
}

function sameRule(a: PolicyRule, b: PolicyRule): boolean {
  return (
    a.effect === b.effect &&
    sameList(a.capabilities, b.capabilities, Object.is) &&
    sameList(a.paths, b.paths, Object.is)
  )
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((item, i) => same(item, b[i] as T))
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
