import { defined } from '../defined.ts'
import { VaultError } from '../errors.ts'
import type { EventData } from '../events/catalogue.ts'
import type { AuthFailure } from '../events/words.ts'
import { appRolesMax } from '../limits.ts'
import type { AccessState } from '../projections/access.ts'
import type { AppRoleRow } from '../projections/app-roles.ts'
import { hasExpired, hasRoom } from '../projections/handed-out.ts'
import { hasEnded, type SecretIdRow } from '../projections/secret-ids.ts'
import type { At, Outcome } from './outcome.ts'
import {
  type Admitted,
  expectCompilable,
  type IssueIntent,
  issueToken,
  type Marked,
  type TokenStates,
  tooMany,
} from './tokens.ts'

type AppRoles = ReadonlyMap<string, AppRoleRow>
type SecretIds = ReadonlyMap<string, SecretIdRow>

/**
 * An application that logs in by itself, all that is said of it; nothing where that is said already. Throws `CONFLICT`
 * where it is not the one of `ifPosition`, `EXISTS` for a role id that is another one's, `TOO_LARGE` where there are too
 * many or its policies hold too much together.
 */
export function writeAppRole(
  { appRoles, access }: { readonly appRoles: AppRoles; readonly access: AccessState },
  data: EventData['approle.written'],
  ifPosition?: number,
): Outcome {
  const before = appRoles.get(data.name)
  expectPosition(data.name, before?.position ?? -1, ifPosition)
  if (before !== undefined && isSame(before, data)) return { facts: [] }
  if (before === undefined && appRoles.size >= appRolesMax) {
    const message = `expected at most ${appRolesMax} approles, found as many`
    throw new VaultError('TOO_LARGE', message, { expected: appRolesMax, found: appRolesMax })
  }
  for (const { name, roleId } of appRoles.values()) {
    if (roleId === data.roleId && name !== data.name) {
      throw new VaultError('EXISTS', `roleId: expected one that is not that of ${name}`)
    }
  }
  expectCompilable(access, data.policies)
  return { facts: [{ type: 'approle.written', subject: '', data }] }
}

function expectPosition(name: string, found: number, expected = found): void {
  if (found === expected) return
  const is = found === -1 ? 'there is none' : `it is of position ${found}`
  const message = `approle ${name}: expected the one of position ${expected}, ${is}`
  throw new VaultError('CONFLICT', message, { expected, found })
}

const fields = [
  'roleId',
  'actor',
  'policies',
  'bindSecretId',
  'secretIdTtl',
  'secretIdUses',
  'tokenTtl',
  'tokenMaxTtl',
  'tokenUses',
] as const satisfies readonly (keyof EventData['approle.written'])[]

function isSame(row: AppRoleRow, data: EventData['approle.written']): boolean {
  return fields.every((name) => JSON.stringify(row[name]) === JSON.stringify(data[name]))
}

/** Its secret ids end with it, and the tokens of its logins. */
export function removeAppRole(appRoles: AppRoles, name: string): Outcome {
  if (!appRoles.has(name)) return { facts: [] }
  return { facts: [{ type: 'approle.removed', subject: '', data: { name } }] }
}

/** Throws `NOT_FOUND`. */
function existingAppRole(appRoles: AppRoles, name: string): AppRoleRow {
  const row = appRoles.get(name)
  if (row !== undefined) return row
  throw new VaultError('NOT_FOUND', `there is no approle ${name}`)
}

export interface SecretIdIntent extends Marked {
  readonly name: string
  /** Milliseconds; as the application says unless said. */
  readonly ttl?: number
  readonly uses?: number
  readonly meta?: Readonly<Record<string, string>>
}

/**
 * A secret id for an application. Throws `NOT_FOUND`, `EXISTS` where its text is another one's that still holds,
 * `TOO_LARGE` where there are too many.
 */
export function issueSecretId(
  { appRoles, secretIds }: { readonly appRoles: AppRoles; readonly secretIds: SecretIds },
  intent: SecretIdIntent,
  { now }: At,
): Outcome {
  const { name, mark, accessors, meta } = intent
  const role = existingAppRole(appRoles, name)
  for (const accessor of accessors) {
    const row = secretIds.get(accessor)
    if (row === undefined || hasEnded(row, now)) continue
    throw new VaultError('EXISTS', 'secretId: expected a text that is no other secret id')
  }
  if (!hasRoom(secretIds, now, (row) => hasEnded(row, now))) throw tooMany('secret ids')
  const ttl = intent.ttl ?? role.secretIdTtl
  const uses = intent.uses ?? role.secretIdUses
  const expiresAt = ttl === undefined ? undefined : now + ttl
  const data = { name, ...mark, ...defined({ expiresAt, uses, meta }) }
  return { facts: [{ type: 'approle.secret_id_issued', subject: '', data }] }
}

/** Of an application that it is for; nothing where it is not there. */
export function revokeSecretId(
  secretIds: SecretIds,
  { name, accessor }: { readonly name: string; readonly accessor: string },
): Outcome {
  if (secretIds.get(accessor)?.approle !== name) return { facts: [] }
  const data = { name, accessor }
  return { facts: [{ type: 'approle.secret_id_revoked', subject: '', data }] }
}

/** What somebody logs in with, as it was found: it may have changed since. */
export interface LoginIntent {
  readonly role: AppRoleRow
  readonly secretId?: SecretIdRow | undefined
  /** Of the token. */
  readonly token: Marked
}

/** A login, and its token in the same commit. Throws as `issueToken` does. */
export function logIn(
  states: TokenStates & { readonly appRoles: AppRoles; readonly secretIds: SecretIds },
  { role, secretId, token }: LoginIntent,
  at: At,
): Admitted {
  const { appRoles, secretIds } = states
  if (appRoles.get(role.name)?.position !== role.position) return { failed: 'unknown' }
  const { name } = role
  if (secretId !== undefined) {
    const row = secretIds.get(secretId.accessor)
    if (row?.position !== secretId.position) return { failed: 'unknown' }
    const failed = secretIdEnd(row, at.now)
    if (failed !== undefined) return { failed }
  }
  const id = secretId === undefined ? {} : { secretId: secretId.accessor }
  const { facts } = issueToken(states, tokenOf({ role, secretId, token }), at)
  const succeeded = { method: 'approle' as const, name, ...id }
  return { facts: [{ type: 'auth.succeeded', subject: '', data: succeeded }, ...facts] }
}

/** Why a secret id lets nobody in, if it does not. */
function secretIdEnd(row: SecretIdRow, now: number): AuthFailure | undefined {
  if (hasExpired(row, now)) return 'expired'
  return row.usesLeft === 0 ? 'spent' : undefined
}

function tokenOf({ role, secretId, token }: LoginIntent): IssueIntent {
  const { name, actor, policies, tokenTtl, tokenMaxTtl, tokenUses } = role
  const meta = secretId !== undefined && Object.keys(secretId.meta).length > 0
  return {
    ...token,
    actor,
    renewable: true,
    approle: name,
    ...defined({ policies, ttl: tokenTtl, maxTtl: tokenMaxTtl, uses: tokenUses }),
    ...(meta && { meta: secretId.meta }),
  }
}
