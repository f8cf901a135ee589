import type { AppRole, AppRoleOptions, SecretIdInfo } from '../../index.ts'
import { refuse } from '../asked.ts'
import { booleanField, durationField, integerField, type Said } from '../fields.ts'
import { optionalText, textsField } from '../text-fields.ts'
import { formatTime } from '../times.ts'
import { defaultPolicy, systemTtlMs } from './auth-block.ts'
import { sorted } from './token-asked.ts'

/** What of a role Vault has in other terms. Times are milliseconds, 0 for none. */
interface WireRole {
  /** As they were named; undefined where its tokens have the roles of its actor. */
  readonly policies: readonly string[] | undefined
  readonly noDefault: boolean
  readonly ttl: number
  readonly maxTtl: number
  readonly period: number
}

/** What `auth/approle/role/:name` answers; `actor` is what the wire does not have. */
export function roleData(role: AppRole): object {
  const { policies = [], noDefault, ttl, maxTtl, period } = wireRole(role)
  return {
    actor: role.actor,
    bind_secret_id: role.bindSecretId,
    local_secret_ids: false,
    secret_id_bound_cidrs: null,
    secret_id_num_uses: role.secretIdUses ?? 0,
    secret_id_ttl: seconds(role.secretIdTtl),
    token_bound_cidrs: [],
    token_explicit_max_ttl: 0,
    token_max_ttl: seconds(maxTtl),
    token_no_default_policy: noDefault,
    token_num_uses: role.tokenUses ?? 0,
    token_period: seconds(period),
    token_policies: policies,
    token_ttl: seconds(ttl),
    token_type: 'default',
  }
}

/**
 * A role as a body wants it, which leaves what it does not name as it was before, and is in the place of that one alone.
 * Throws WireError 400 for what is not
 * supported: it is never passed over.
 */
export function roleAsked(body: Said, before?: AppRole): AppRoleOptions {
  refuseUnsupported(body)
  if ((booleanField(body, 'bind_secret_id') ?? before?.bindSecretId ?? true) === false) {
    // A role id is not secret: without a bound on addresses anybody who has read it could log in.
    refuse(400, 'at least one constraint should be enabled on the role')
  }
  const actor = optionalText(body, 'actor') ?? before?.actor
  const roleId = optionalText(body, 'role_id') ?? before?.roleId
  const secretIdTtl = durationField(body, 'secret_id_ttl') ?? before?.secretIdTtl ?? 0
  const secretIdUses = usesField(body, 'secret_id_num_uses') ?? before?.secretIdUses ?? 0
  const tokenUses = usesField(body, 'token_num_uses') ?? before?.tokenUses ?? 0
  const wire = mergedRole(body, before)
  const policies = policiesOf(wire)
  return {
    bindSecretId: true,
    ifPosition: before?.position ?? -1,
    ...lastingOf(wire),
    ...(policies !== undefined && { policies }),
    ...(actor !== undefined && { actor }),
    ...(roleId !== undefined && { roleId }),
    ...(secretIdTtl > 0 && { secretIdTtl }),
    ...(secretIdUses > 0 && { secretIdUses }),
    ...(tokenUses > 0 && { tokenUses }),
  }
}

/** All of a role that `write` takes, so that one field of it can be changed, in the place of this one alone. */
export function optionsOf(role: AppRole): AppRoleOptions {
  const { name: _, position: ifPosition, writtenAt, writtenBy, ...options } = role
  return { ...options, ifPosition }
}

/** What the lookups of secret ids answer. */
export function secretIdData(info: SecretIdInfo): object {
  const { accessor, issuedAt, expiresAt, usesLeft = 0, meta } = info
  return {
    cidr_list: [],
    creation_time: formatTime(issuedAt),
    // Go's time for none.
    expiration_time: expiresAt === undefined ? '0001-01-01T00:00:00Z' : formatTime(expiresAt),
    last_updated_time: formatTime(issuedAt),
    metadata: meta,
    secret_id_accessor: accessor,
    secret_id_num_uses: usesLeft,
    secret_id_ttl: secretIdTtl(info),
    token_bound_cidrs: [],
  }
}

/** Seconds; 0 for a secret id that does not end. */
export function secretIdTtl({ issuedAt, expiresAt }: SecretIdInfo): number {
  return expiresAt === undefined ? 0 : seconds(expiresAt.getTime() - issuedAt.getTime())
}

const addresses = [
  'secret_id_bound_cidrs',
  'bound_cidr_list',
  'token_bound_cidrs',
  'cidr_list',
] as const

/** Throws WireError 400 for a bound on addresses. */
export function refuseAddresses(body: Said): void {
  for (const name of addresses) {
    if ((textsField(body, name) ?? []).length > 0) refuse(400, `${name} is not supported`)
  }
}

const tokenTypes = ['default', 'service', 'default-service']

function refuseUnsupported(body: Said): void {
  refuseAddresses(body)
  if (!tokenTypes.includes(optionalText(body, 'token_type') ?? 'default')) {
    refuse(400, `token_type: expected any of ${tokenTypes.join(', ')}`)
  }
  if (booleanField(body, 'local_secret_ids')) refuse(400, 'local_secret_ids is not supported')
  if (durationField(body, 'token_explicit_max_ttl')) {
    refuse(400, 'token_explicit_max_ttl is not supported: no renewal goes beyond token_max_ttl')
  }
}

/** A count, 0 for none. Throws WireError 400 for a negative one. */
export function usesField(body: Said, name: string): number | undefined {
  const uses = integerField(body, name)
  if (uses !== undefined && uses < 0) refuse(400, `${name} cannot be negative`)
  return uses
}

/**
 * A `default` that was added stands last; where it was named it stands first, before the others in their order. Vault adds
 * it at each login, and shows a role's policies without it.
 */
function wireRole({ policies, tokenTtl = 0, tokenMaxTtl = 0 }: AppRole): WireRole {
  const isPeriodic = tokenTtl > 0 && tokenMaxTtl === 0
  const added = policies?.at(-1) === defaultPolicy
  const named = added ? policies.slice(0, -1) : policies
  return {
    policies: named && sorted(named),
    noDefault: !added && policies?.includes(defaultPolicy) !== true,
    ttl: isPeriodic || tokenTtl === systemTtlMs ? 0 : tokenTtl,
    maxTtl: tokenMaxTtl === systemTtlMs ? 0 : tokenMaxTtl,
    period: isPeriodic ? tokenTtl : 0,
  }
}

const fresh: WireRole = { policies: [], noDefault: false, ttl: 0, maxTtl: 0, period: 0 }

function mergedRole(body: Said, role: AppRole | undefined): WireRole {
  const before = role === undefined ? fresh : wireRole(role)
  const noDefault = booleanField(body, 'token_no_default_policy')
  const policies = textsField(body, 'token_policies') ?? textsField(body, 'policies')
  return {
    policies: policies ?? (noDefault === undefined ? before.policies : (before.policies ?? [])),
    noDefault: noDefault ?? before.noDefault,
    ttl: durationField(body, 'token_ttl') ?? before.ttl,
    maxTtl: durationField(body, 'token_max_ttl') ?? before.maxTtl,
    period: durationField(body, 'token_period') ?? durationField(body, 'period') ?? before.period,
  }
}

function policiesOf({ policies, noDefault }: WireRole): readonly string[] | undefined {
  if (policies === undefined) return undefined
  const others = sorted(policies.filter((name) => name !== defaultPolicy))
  if (others.length < policies.length && others.length > 0) return [defaultPolicy, ...others]
  return noDefault && others.length === policies.length ? others : [...others, defaultPolicy]
}

function lastingOf({ ttl, maxTtl, period }: WireRole): AppRoleOptions {
  if (period > 0) {
    if (ttl === 0 && maxTtl === 0) return { tokenTtl: period }
    refuse(400, 'token_period is not supported together with token_ttl or token_max_ttl')
  }
  const tokenMaxTtl = maxTtl > 0 ? maxTtl : systemTtlMs
  if (ttl > tokenMaxTtl) refuse(400, '"token_ttl" cannot be greater than "token_max_ttl"')
  return { tokenTtl: ttl > 0 ? ttl : Math.min(systemTtlMs, tokenMaxTtl), tokenMaxTtl }
}

function seconds(ms = 0): number {
  return Math.round(ms / 1000)
}
