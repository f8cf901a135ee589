import { isInForce } from '../access/judge.ts'
import { checkName, checkPolicyNames } from '../access/policy.ts'
import { grantRole, removeRole, withdrawRole, writeRole } from '../decide/access.ts'
import { checkActor } from '../events/path.ts'
import type { GrantRow, RoleRow } from '../projections/access.ts'
import {
  type AccessChange,
  byName,
  changeAccess,
  type LookAt,
  lookAtAccess,
} from './access-call.ts'
import type { CallOptions } from './call.ts'
import type { Calls } from './calls.ts'
import { date } from './meta-options.ts'

/** A name for policies, which actors are granted. */
export interface Role {
  readonly name: string
  /** One that was removed since is named here still, and gives nothing. */
  readonly policies: readonly string[]
  /** Of the event that wrote it as it is. */
  readonly position: number
  readonly writtenAt: Date
  readonly writtenBy: string
}

/** That an actor has a role. */
export interface Grant {
  readonly actor: string
  readonly role: string
  /** Of the event that granted it as it is. */
  readonly position: number
  readonly grantedAt: Date
  readonly grantedBy: string
  readonly expiresAt?: Date
  /** Whether it has run out by now, and gives nothing. */
  readonly expired: boolean
}

export interface GrantOptions extends CallOptions {
  /** From then on the grant gives nothing: a `Date`, or an ISO 8601 text. For good unless said. */
  readonly expiresAt?: Date | string
}

/** The roles of a vault, or of a backup, and who has them, to be looked at. */
export class RoleReader {
  readonly #look: LookAt
  readonly #now: () => number

  /** @param now milliseconds since the epoch: what tells whether a grant has run out */
  constructor(look: LookAt, now: () => number) {
    this.#look = look
    this.#now = now
  }

  /** All roles, by name. */
  async list(options: CallOptions = {}): Promise<readonly Role[]> {
    return lookAtAccess(this.#look, options, ({ roles }) => byName(roles).map(roleOf))
  }

  /** The grants of an actor, or of all; by actor and role. Those that have run out stand here until they are withdrawn. */
  async granted(actor?: string, options: CallOptions = {}): Promise<readonly Grant[]> {
    return lookAtAccess(this.#look, options, ({ grants }) => {
      const own = actor === undefined ? undefined : grants.get(checkActor(actor))
      const held = actor === undefined ? byName(grants).map(([, rows]) => rows) : own ? [own] : []
      const now = this.#now()
      return held.flatMap((rows) => byName(rows).map(([, row]) => grantOf(row, now)))
    })
  }
}

/** The roles of a vault, and who has them. All verbs can throw `INVALID` and `TOO_LARGE`, naming the argument. */
export class Roles extends RoleReader {
  readonly #calls: Calls

  constructor(calls: Calls, now: () => number) {
    super((options, work) => calls.inspect(options, work), now)
    this.#calls = calls
  }

  /**
   * A role, in the place of one of that name, whose grants stay. Throws `NOT_FOUND` for a policy that is not there.
   *
   * @example
   * await vault.roles.write('payments', { policies: ['payments-read'] })
   */
  async write(
    name: string,
    { policies }: { readonly policies: readonly string[] },
    options: CallOptions = {},
  ): Promise<AccessChange> {
    return changeAccess(this.#calls, options, () => {
      const data = { name: checkName(name, 'name'), policies: checkPolicyNames(policies) }
      return (access) => writeRole(access, data)
    })
  }

  /** Takes one away, if it is there, and its grants with it: they do not come back with a role of that name. */
  async remove(name: string, options: CallOptions = {}): Promise<AccessChange> {
    return changeAccess(this.#calls, options, () => {
      checkName(name, 'name')
      return (access) => removeRole(access, name)
    })
  }

  /**
   * Gives an actor a role, from its event on; a grant of that role that the actor has is replaced, its end too. Throws
   * `NOT_FOUND` for a role that is not there, `INVALID` for an end that has passed.
   *
   * @example
   * await vault.roles.grant('user/ana', 'payments', { expiresAt: '2026-12-31', reason: 'project 7' })
   */
  async grant(actor: string, name: string, options: GrantOptions = {}): Promise<AccessChange> {
    return changeAccess(this.#calls, options, () => {
      const { expiresAt } = options
      const data = {
        name: checkName(name, 'name'),
        actor: checkActor(actor),
        ...(expiresAt !== undefined && { expiresAt: date('expiresAt', expiresAt) }),
      }
      return (access, at) => grantRole(access, data, at)
    })
  }

  /** Takes a role from an actor, who may not have it. */
  async withdraw(actor: string, name: string, options: CallOptions = {}): Promise<AccessChange> {
    return changeAccess(this.#calls, options, () => {
      const data = { name: checkName(name, 'name'), actor: checkActor(actor) }
      return (access) => withdrawRole(access, data)
    })
  }
}

function roleOf([name, { writtenAt, ...row }]: readonly [string, RoleRow]): Role {
  return { name, ...row, policies: [...row.policies], writtenAt: new Date(writtenAt) }
}

function grantOf({ grantedAt, expiresAt, ...row }: GrantRow, now: number): Grant {
  return {
    ...row,
    grantedAt: new Date(grantedAt),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
    expired: expiresAt !== undefined && !isInForce({ expiresAt }, now),
  }
}
