import type { PolicyRule } from '../events/catalogue.ts'
import type { AccessState, GrantRow } from '../projections/access.ts'
import type { AppRoleRow } from '../projections/app-roles.ts'
import { isUsable, type TokenRow, tokenHoldsUntil } from '../projections/tokens.ts'
import { isInForce } from './judge.ts'
import { rootPolicy } from './policy.ts'
import { type RuleRef, ruleName } from './rule-name.ts'
import { inForce, rootRules } from './rule-set.ts'

/** A rule that a grant or a token brings to an actor. */
export interface MatrixRule extends RuleRef, PolicyRule {
  /** As `context.decision.rule` of events names it. */
  readonly name: string
  /** Position of the event that wrote the policy, as `context.decision.policy` names it; absent for `root`, which is built in. */
  readonly position?: number
}

/** A token that holds its bearer to policies of its own. */
export interface MatrixToken {
  /** As `context.auth.id` of its events names it. */
  readonly accessor: string
  readonly label?: string
  /** The application whose login it was issued for. */
  readonly approle?: string
}

/** One line of who may do what. Times are milliseconds since the epoch. */
export interface MatrixRow {
  readonly actor: string
  /** Empty where a token or an application brings the rule. */
  readonly role: string
  readonly token?: MatrixToken
  /** An application that can log in as the actor, at any time, and is held to the rule then. */
  readonly approle?: string
  /** Absent where there are no rules: what names the policies names none, or only ones that are removed or empty. */
  readonly rule?: MatrixRule
  /** Who granted the role, issued the token or wrote the application. */
  readonly grantedBy: string
  readonly grantedAt: number
  /** Position of the event that did. */
  readonly granted: number
  /** Of a token, when the first ends of it and those that it was issued through. */
  readonly expiresAt?: number
  /** Whether the grant had run out by the time that was asked for: it is still in the log's state, and gives nothing. */
  readonly expired: boolean
}

export interface MatrixOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** By accessor. Of those that do not hold by `now` there is nothing to say. */
  readonly tokens?: ReadonlyMap<string, TokenRow>
  /** By name. */
  readonly appRoles?: ReadonlyMap<string, AppRoleRow>
}

/**
 * Every rule that something brings to an actor: each grant, sorted by actor and role; then each application that logs in
 * by itself, sorted by name; then each token that holds, in the order in which they were issued. Rules are in the order of
 * the policies that are named, and of the rules in those.
 *
 * A token or an application without policies of its own gives the roles of its actor, and nothing besides: the grants say
 * all of that. Roles that a host asserts stand in no state, so they are not in it: the decisions that events record
 * (`context.decision.asserted`) show their use.
 *
 * A rule of a policy that was written again is another one under the same name. Its use is told apart by the position
 * of its policy: fold `context.decision` of events by `decision.rule` and `decision.policy`, which are `rule.name` and
 * `rule.position` here. What a token decided is told by `context.auth.id`, its accessor, where `decision.role` is empty.
 *
 * @example
 * const { view } = await vault.replay(access, { at })
 * const held = await vault.replay(tokens, { at })
 * for (const row of accessMatrix(view, { now, tokens: held.view })) show(row.actor, row.role, row.rule?.name)
 */
export function* accessMatrix(
  access: AccessState,
  { now, tokens, appRoles }: MatrixOptions,
): Generator<MatrixRow, void, void> {
  for (const actor of [...access.grants.keys()].sort()) {
    const held = access.grants.get(actor) ?? new Map<string, GrantRow>()
    for (const role of [...held.keys()].sort()) {
      const grant = held.get(role)
      if (grant !== undefined) yield* rowsOfGrant(access, grant, now)
    }
  }
  for (const name of [...(appRoles?.keys() ?? [])].sort()) {
    const row = appRoles?.get(name)
    if (row !== undefined) yield* rowsOfAppRole(access, row)
  }
  if (tokens === undefined) return
  for (const token of [...tokens.values()].sort((a, b) => a.position - b.position)) {
    if (isUsable(tokens, token, now)) yield* rowsOfToken(access, tokens, token)
  }
}

function rowsOfGrant(access: AccessState, grant: GrantRow, now: number): Iterable<MatrixRow> {
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
  return withRules(row, rulesOf(access, access.roles.get(role)?.policies ?? []))
}

function rowsOfAppRole(access: AccessState, row: AppRoleRow): Iterable<MatrixRow> {
  const { name, actor, policies, writtenBy, writtenAt, position } = row
  if (policies === undefined) return []
  const found: MatrixRow = {
    actor,
    role: '',
    approle: name,
    grantedBy: writtenBy,
    grantedAt: writtenAt,
    granted: position,
    expired: false,
  }
  return withRules(found, ownRulesOf(access, policies))
}

function rowsOfToken(
  access: AccessState,
  tokens: ReadonlyMap<string, TokenRow>,
  token: TokenRow,
): Iterable<MatrixRow> {
  const { actor, policies, accessor, label, approle, issuedBy, issuedAt, position } = token
  if (policies === undefined) return []
  const until = tokenHoldsUntil(tokens, token)
  const row: MatrixRow = {
    actor,
    role: '',
    token: {
      accessor,
      ...(label !== undefined && { label }),
      ...(approle !== undefined && { approle }),
    },
    grantedBy: issuedBy,
    grantedAt: issuedAt,
    granted: position,
    ...(until < Number.POSITIVE_INFINITY && { expiresAt: until }),
    expired: false,
  }
  return withRules(row, ownRulesOf(access, policies))
}

function* withRules(row: MatrixRow, rules: Iterable<MatrixRule>): Iterable<MatrixRow> {
  let some = false
  for (const rule of rules) {
    some = true
    yield { ...row, rule }
  }
  if (!some) yield row
}

function* rulesOf(
  { policies }: AccessState,
  names: readonly string[],
): Generator<MatrixRule, void, void> {
  for (const policy of names) {
    const row = policies.get(policy)
    yield* namedRules(policy, row?.rules ?? [], row?.position)
  }
}

/** What a token is held to, as it is judged: `root` is built in, and too much together is nothing. */
function* ownRulesOf(
  access: AccessState,
  names: readonly string[],
): Generator<MatrixRule, void, void> {
  for (const policy of inForce(access, names)) {
    if (policy === rootPolicy) {
      yield* namedRules(policy, rootRules, access.policies.get(policy)?.position)
    } else {
      yield* rulesOf(access, [policy])
    }
  }
}

function* namedRules(
  policy: string,
  rules: readonly PolicyRule[],
  position: number | undefined,
): Generator<MatrixRule, void, void> {
  for (const [index, rule] of rules.entries()) {
    const name = ruleName({ policy, index })
    yield { ...rule, policy, index, name, ...(position !== undefined && { position }) }
  }
}
