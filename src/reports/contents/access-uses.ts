import type { EventContext, VaultEvent } from '../../events/catalogue.ts'
import { defineProjection } from '../../projections/projection.ts'
import { authenticationOf } from './audit-trail.ts'
import { SortedMap } from './sorted-map.ts'
import { ruleKey, type Use, used } from './uses.ts'

type Decision = NonNullable<EventContext['decision']>

/** Use of a role that the host says an actor has, through one rule. */
export interface AssertedUse extends Use {
  readonly actor: string
  readonly decision: Decision
}

/** What was done under the vault's own handle, which no rule restricts. */
export interface HostUse extends Use {
  readonly actor: string
  /** Of the last time. */
  readonly authentication: string | null
}

export interface AccessUses {
  /** By grant, then by rule. */
  readonly granted: Map<string, Map<string, Use>>
  /** By actor, role and rule. */
  readonly asserted: SortedMap<AssertedUse>
  /** By actor. */
  readonly host: SortedMap<HostUse>
}

export function grantKey(actor: string, role: string): string {
  return `${actor}\0${role}`
}

/**
 * Which rule decided for whom, how often and when last. What was done under a grant that was withdrawn says nothing of
 * one that was made later.
 */
export const accessUses = defineProjection<AccessUses>({
  name: 'report-access-uses',
  version: 1,
  initial: () => ({ granted: new Map(), asserted: new SortedMap(), host: new SortedMap() }),
  on: {
    'role.withdrawn': ({ granted }, { data }) => {
      granted.delete(grantKey(data.actor, data.name))
    },
    'role.removed': ({ granted }, { data }) => {
      for (const key of granted.keys()) {
        if (key.endsWith(grantKey('', data.name))) granted.delete(key)
      }
    },
  },
  each: (state, event) => {
    const { decision } = event.context
    if (decision === undefined) hostUsed(state, event)
    else if (decision.asserted === true) assertedUsed(state, event, decision)
    else if (decision.role !== '') grantUsed(state, event, decision)
  },
})

function hostUsed({ host }: AccessUses, event: VaultEvent): void {
  // Whoever was not let in had no access; a login, and what a token may always do with itself, take no right of the host's.
  const { actor, context } = event
  const authentication = authenticationOf(context)
  const isByToken = authentication === 'token' || authentication === 'approle'
  if (event.type === 'auth.failed' || isByToken) return
  host.set(actor, { actor, authentication, ...used(host.get(actor), event) })
}

function assertedUsed({ asserted }: AccessUses, event: VaultEvent, decision: Decision): void {
  const { actor } = event
  const key = `${grantKey(actor, decision.role)}\0${ruleKey(decision.rule, decision.policy)}`
  asserted.set(key, { actor, decision, ...used(asserted.get(key), event) })
}

function grantUsed({ granted }: AccessUses, event: VaultEvent, decision: Decision): void {
  const key = grantKey(event.actor, decision.role)
  const rules = granted.get(key) ?? new Map<string, Use>()
  const rule = ruleKey(decision.rule, decision.policy)
  granted.set(key, rules.set(rule, used(rules.get(rule), event)))
}
