import type { PolicyRule } from '../events/catalogue.ts'
import type { AccessState, GrantRow } from '../projections/access.ts'
import { isInForce } from './judge.ts'
import { type RuleRef, ruleName } from './rule-name.ts'

/** A rule that a grant brings to an actor. */
export interface MatrixRule extends RuleRef, PolicyRule {
  /** As `context.decision.rule` of events names it. */
  readonly name: string
  /** Position of the event that wrote the policy, as `context.decision.policy` names it. */
  readonly position: number
}

/** One line of who may do what. Times are milliseconds since the epoch. */
export interface MatrixRow {
  readonly actor: string
  readonly role: string
  /** Absent where the role has no rules: it names no policy, or only ones that are removed or empty. */
  readonly rule?: MatrixRule
  readonly grantedBy: string
  readonly grantedAt: number
  /** Position of the event that granted the role. */
  readonly granted: number
  readonly expiresAt?: number
  /** Whether the grant had run out by the time that was asked for: it is still in the log's state, and gives nothing. */
  readonly expired: boolean
}

/**
 * Every rule that every grant brings to an actor, sorted by actor and role, then in the order of the role's policies
 * and of their rules. Roles that a host asserts stand in no state, so they are not in it: the decisions that events
 * record (`context.decision.asserted`) show their use.
 *
 * A rule of a policy that was written again is another one under the same name. Its use is told apart by the position
 * of its policy: fold `context.decision` of events by `decision.rule` and `decision.policy`, which are `rule.name` and
 * `rule.position` here.
 *
 * @param now milliseconds since the epoch
 * @example
 * for (const { actor, role, rule } of accessMatrix(view, { now })) show(actor, role, rule?.name)
 */
export function* accessMatrix(
  access: AccessState,
  { now }: { readonly now: number },
): Generator<MatrixRow, void, void> {
  for (const actor of [...access.grants.keys()].sort()) {
    const held = access.grants.get(actor) ?? new Map<string, GrantRow>()
    for (const role of [...held.keys()].sort()) {
      const grant = held.get(role)
      if (grant !== undefined) yield* rowsOf(access, grant, now)
    }
  }
}

function* rowsOf(access: AccessState, grant: GrantRow, now: number): Iterable<MatrixRow> {
  const { actor, role, grantedBy, grantedAt, position: granted, expiresAt } = grant
  const row: MatrixRow = {
    actor,
    role,
    grantedBy,
    grantedAt,
    granted,
    ...(expiresAt !== undefined && { expiresAt }),
    expired: !isInForce(grant, now),
  }
  let some = false
  for (const rule of rulesOf(access, role)) {
    some = true
    yield { ...row, rule }
  }
  if (!some) yield row
}

function* rulesOf({ roles, policies }: AccessState, role: string): Iterable<MatrixRule> {
  for (const policy of roles.get(role)?.policies ?? []) {
    const row = policies.get(policy)
    for (const [index, rule] of (row?.rules ?? []).entries()) {
      const name = ruleName({ policy, index })
      yield { ...rule, policy, index, name, position: row?.position ?? -1 }
    }
  }
}
