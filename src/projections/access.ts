import type { EventOf, PolicyRule } from '../events/catalogue.ts'
import { deepFrozen } from './deep-frozen.ts'
import { defineProjection } from './projection.ts'

interface Written {
  /** Of the event that wrote it as it is. */
  readonly position: number
  /** Milliseconds since the epoch. */
  readonly writtenAt: number
  readonly writtenBy: string
}

export interface PolicyRow extends Written {
  readonly rules: readonly PolicyRule[]
  /** As it was given, where that was in another language than these rules. */
  readonly text?: string
}

export interface RoleRow extends Written {
  /** Names of policies, each of which may have been removed since. */
  readonly policies: readonly string[]
}

/** That an actor has a role. It stands here past its `expiresAt`, until it is withdrawn or the role is removed. */
export interface GrantRow {
  readonly actor: string
  readonly role: string
  /** Of the event that granted it as it is. */
  readonly position: number
  /** Milliseconds since the epoch. */
  readonly grantedAt: number
  readonly grantedBy: string
  /** Milliseconds since the epoch; from then on it grants nothing. */
  readonly expiresAt?: number
}

export interface AccessState {
  readonly policies: Map<string, PolicyRow>
  readonly roles: Map<string, RoleRow>
  /** By actor, then by role. */
  readonly grants: Map<string, Map<string, GrantRow>>
  /** Position of the newest event that changed any of it, -1 before the first: what is derived of it holds until then. */
  changed: number
  /** The same for policies and roles alone. */
  rulesChanged: number
}

interface Encoded {
  readonly policies: readonly (readonly [string, PolicyRow])[]
  readonly roles: readonly (readonly [string, RoleRow])[]
  readonly grants: readonly GrantRow[]
  readonly changed: number
  readonly rulesChanged: number
}

/**
 * Who may do what: policies, the roles that name them, and the actors that have those. A role that is removed takes its
 * grants with it, so that one written later under its name begins with none.
 */
export const access = defineProjection<AccessState>({
  name: 'access',
  version: 2,
  initial: () => ({
    policies: new Map(),
    roles: new Map(),
    grants: new Map(),
    changed: -1,
    rulesChanged: -1,
  }),
  on: {
    'policy.written': (state, event) => {
      const { name, ...written } = event.data
      state.policies.set(name, deepFrozen({ ...written, ...writtenBy(event) }))
      rulesChange(state, event)
    },
    'policy.removed': (state, event) => {
      state.policies.delete(event.data.name)
      rulesChange(state, event)
    },
    'role.written': (state, event) => {
      const { name, policies } = event.data
      state.roles.set(name, deepFrozen({ policies, ...writtenBy(event) }))
      rulesChange(state, event)
    },
    'role.removed': (state, event) => {
      const { name } = event.data
      state.roles.delete(name)
      for (const actor of state.grants.keys()) withdraw(state, actor, name)
      rulesChange(state, event)
    },
    'role.granted': (state, event) => {
      grant(state, grantOf(event))
      state.changed = event.position
    },
    'role.withdrawn': (state, { data, position }) => {
      withdraw(state, data.actor, data.name)
      state.changed = position
    },
  },
  encode: ({ policies, roles, grants, ...positions }): Encoded => ({
    policies: [...policies],
    roles: [...roles],
    grants: [...grants.values()].flatMap((held) => [...held.values()]),
    ...positions,
  }),
  decode: (encoded) => {
    const { policies, roles, grants, ...positions } = encoded as Encoded
    const state: AccessState = {
      policies: new Map(deepFrozen(policies)),
      roles: new Map(deepFrozen(roles)),
      grants: new Map(),
      ...positions,
    }
    for (const row of grants) grant(state, row)
    return state
  },
})

function rulesChange(state: AccessState, { position }: { readonly position: number }): void {
  state.changed = position
  state.rulesChanged = position
}

function writtenBy(event: EventOf<'policy.written' | 'role.written'>): Written {
  return { position: event.position, writtenAt: event.time, writtenBy: event.actor }
}

function grantOf({ data, position, time, actor }: EventOf<'role.granted'>): GrantRow {
  const { name: role, actor: grantee, expiresAt } = data
  return {
    actor: grantee,
    role,
    position,
    grantedAt: time,
    grantedBy: actor,
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

function grant({ grants }: AccessState, row: GrantRow): void {
  const held = grants.get(row.actor)
  const kept = deepFrozen(row)
  if (held === undefined) grants.set(row.actor, new Map([[row.role, kept]]))
  else held.set(row.role, kept)
}

function withdraw({ grants }: AccessState, actor: string, role: string): void {
  const held = grants.get(actor)
  if (held?.delete(role) === true && held.size === 0) grants.delete(actor)
}
