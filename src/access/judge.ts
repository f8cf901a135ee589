import type { Capability } from '../events/words.ts'
import type { AccessState, GrantRow } from '../projections/access.ts'
import type { Below, Holder } from './asked.ts'
import { type Decision, type HeldRole, type HeldRule, type RuleSet, ruleSetOf } from './rule-set.ts'

export interface Verdict {
  readonly allowed: boolean
  /** As events record it. */
  readonly decision: Decision
  /** The rule that decided; none where no rule of any role speaks of it, which denies. */
  readonly rule?: HeldRule
}

/** A path and what is to be done there; or, with `below`, with the paths that begin with a prefix. */
export interface Question {
  readonly capability: Capability
  /** Empty for the vault itself. */
  readonly path: string
  readonly below?: Below | undefined
  /** Milliseconds since the epoch: grants that expire by then grant nothing. */
  readonly now: number
}

/** Where nothing allows it. */
export const unspoken: Verdict = Object.freeze({
  allowed: false,
  decision: Object.freeze({ rule: '', role: '', outcome: 'deny' as const }),
})

/**
 * Whether a holder may do something: an explicit deny wins over every allow, and what no rule speaks of is denied. Pure;
 * the rules of each set of roles are compiled once for each state of `access`.
 *
 * The right to `some` paths below a prefix is there where any allow rule can match one of them, unless a deny rule
 * matches all. The right to `all` of them takes one allow rule that matches all, and no deny rule that can match any:
 * neither depends on which secrets there are.
 */
export function judge(access: AccessState, holder: Holder, question: Question): Verdict {
  const { capability, path, below, now } = question
  const { rules } = standingFor(access, holder, now)
  if (below === undefined) {
    const { allow, deny } = rules.match(capability, path)
    return verdictOf(deny ?? allow)
  }
  const { all, any } = rules.matchBelow(capability, below.prefix)
  return verdictOf(below.reach === 'some' ? (all.deny ?? any.allow) : (any.deny ?? all.allow))
}

function verdictOf(rule: HeldRule | undefined): Verdict {
  if (rule === undefined) return unspoken
  return { allowed: rule.effect === 'allow', decision: rule.decision, rule }
}

/** Whether a grant gives its role at this time. */
export function isInForce({ expiresAt }: Pick<GrantRow, 'expiresAt'>, now: number): boolean {
  return expiresAt === undefined || now < expiresAt
}

/** The roles that a holder has: those granted first, then those that are only asserted; both in the order of their names. */
export function rolesOf(access: AccessState, holder: Holder, now: number): readonly HeldRole[] {
  const grants = [...(access.grants.get(holder.actor)?.values() ?? [])]
  const granted = grants.filter((grant) => isInForce(grant, now)).map(({ role }) => role)
  const asserted = holder.asserted.filter((name) => !granted.includes(name))
  return [
    ...granted.sort().map((name) => ({ name, asserted: false })),
    ...[...asserted].sort().map((name) => ({ name, asserted: true })),
  ]
}

/**
 * When the next grant of a holder runs out, in milliseconds since the epoch: until then, and a change of policy, what is
 * judged of the holder stays. `Infinity` where none does.
 */
export function standsUntil(access: AccessState, holder: Holder, now: number): number {
  return standingFor(access, holder, now).until
}

/** The rules of a holder, for as long as no grant of theirs runs out. */
interface Standing {
  readonly rules: RuleSet
  readonly from: number
  readonly until: number
}

/** What was compiled of one state. Holders that have the same roles share their rules. */
interface Compiled {
  readonly changed: number
  readonly rulesChanged: number
  readonly sets: Map<string, RuleSet>
  /** By the holder itself: a scope has one for as long as it lasts, and so has a token. */
  readonly lasting: WeakMap<Holder, Standing>
  /** By actor, then by the roles that are asserted of it: for scopes that are made for one call each. */
  readonly standings: Map<string, Map<string, Standing>>
}

const compiled = new WeakMap<AccessState, Compiled>()
/** Sets of roles, and actors, in use at once; beyond them all are looked up again. */
const setsMax = 1024
const actorsMax = 4096

function standingFor(access: AccessState, holder: Holder, now: number): Standing {
  const known = compiledOf(access)
  let standing = known.lasting.get(holder)
  if (standing === undefined || !holds(standing, now)) {
    standing = standingOf(known, access, { holder, now })
    known.lasting.set(holder, standing)
  }
  return standing
}

function holds({ from, until }: Standing, now: number): boolean {
  return from <= now && now < until
}

function standingOf(
  known: Compiled,
  access: AccessState,
  { holder, now }: { readonly holder: Holder; readonly now: number },
): Standing {
  const { actor, asserted, policies } = holder
  if (policies !== undefined) {
    const rules = sharedRules(known, access, [{ name: '', asserted: false, policies }])
    return { rules, from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY }
  }
  let own = known.standings.get(actor)
  if (own === undefined) {
    if (known.standings.size >= actorsMax) known.standings.clear()
    own = new Map()
    known.standings.set(actor, own)
  }
  const key = asserted.length === 0 ? '' : JSON.stringify(asserted)
  const before = own.get(key)
  if (before !== undefined && holds(before, now)) return before
  if (own.size >= setsMax) own.clear()
  const rules = sharedRules(known, access, rolesOf(access, holder, now))
  const standing = { rules, ...standingTimes(access, holder, now) }
  own.set(key, standing)
  return standing
}

/** A grant leaves the rules of roles as they are: only who has them is looked up again. */
function compiledOf(access: AccessState): Compiled {
  const { changed, rulesChanged } = access
  const before = compiled.get(access)
  if (before?.changed === changed) return before
  const sets = before?.rulesChanged === rulesChanged ? before.sets : new Map<string, RuleSet>()
  const next = { changed, rulesChanged, sets, lasting: new WeakMap(), standings: new Map() }
  compiled.set(access, next)
  return next
}

function sharedRules({ sets }: Compiled, access: AccessState, roles: readonly HeldRole[]): RuleSet {
  const key = JSON.stringify(
    roles.map(({ name, asserted, policies }) => [name, asserted, policies]),
  )
  const known = sets.get(key)
  if (known !== undefined) return known
  if (sets.size >= setsMax) sets.clear()
  const rules = ruleSetOf(access, roles)
  sets.set(key, rules)
  return rules
}

/** From when until when a holder has just the roles that it has now. */
function standingTimes(access: AccessState, { actor }: Holder, now: number) {
  let [from, until] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (const { expiresAt } of access.grants.get(actor)?.values() ?? []) {
    if (expiresAt === undefined) continue
    if (expiresAt <= now) from = Math.max(from, expiresAt)
    else until = Math.min(until, expiresAt)
  }
  return { from, until }
}
