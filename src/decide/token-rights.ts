import type { Holder } from '../access/asked.ts'
import { rolesOf, standsUntil } from '../access/judge.ts'
import { rootPolicy } from '../access/policy.ts'
import type { HeldRole } from '../access/rule-set.ts'
import type { AccessState } from '../projections/access.ts'

/** Who hands something on. */
export interface Issuer {
  readonly holder: Holder
  /** Whether it acts by a token, with which it ends. */
  readonly hasToken: boolean
}

/** As whom something lets its bearer act. */
export interface HandedOn {
  readonly actor: string
  readonly policies?: readonly string[]
  /** Whether it goes on when the token of its issuer has ended, or what its issuer was granted. */
  readonly outlives: boolean
  /** Whether its text is of the issuer's choice. */
  readonly hasOwnText: boolean
}

/**
 * Whether something gives its bearer what its issuer has not: another name, policies that are not the issuer's own (those
 * of its token; without one, those that the roles it was granted name), a way around what those deny, a longer life, or a
 * text that somebody may know or guess. Roles that a host asserts are those of one request, and are not handed on: what
 * they deny still counts.
 */
export function isBeyond(
  access: AccessState,
  issuer: Issuer,
  { given, now }: { readonly given: HandedOn; readonly now: number },
): boolean {
  const { holder, hasToken } = issuer
  if (given.hasOwnText || given.actor !== holder.actor) return true
  if (given.outlives && (hasToken || standsUntil(access, holder, now) < Infinity)) return true
  // Its bearer would have the roles of the actor, of which the policies of a token are a choice.
  if (given.policies === undefined && holder.policies !== undefined) return true
  const roles = rolesOf(access, holder, now)
  const granted = roles.filter(({ asserted }) => !asserted)
  const own = new Set(holder.policies ?? policiesOf(access, granted))
  const handedOn = new Set(given.policies ?? own)
  for (const policy of handedOn) if (!own.has(policy)) return true
  const held = holder.policies ?? policiesOf(access, roles)
  return held.some((policy) => !handedOn.has(policy) && denies(access, policy))
}

/** No role can name what is built in: a policy of that name in a log of another maker is not the one that tokens name. */
function policiesOf({ roles }: AccessState, held: readonly HeldRole[]): readonly string[] {
  const named = held.flatMap(({ name }) => roles.get(name)?.policies ?? [])
  return named.filter((policy) => policy !== rootPolicy)
}

function denies({ policies }: AccessState, policy: string): boolean {
  return policies.get(policy)?.rules.some(({ effect }) => effect !== 'allow') ?? false
}
