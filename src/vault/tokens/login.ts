import { equalBytes, sha256 } from '../../crypto/hash.ts'
import { logIn } from '../../decide/app-roles.ts'
import type { Admitted, Marked } from '../../decide/tokens.ts'
import type { VaultEvent } from '../../events/catalogue.ts'
import type { AuthFailure } from '../../events/words.ts'
import type { AppRoleRow, AppRolesState } from '../../projections/app-roles.ts'
import type { SecretIdRow } from '../../projections/secret-ids.ts'
import { tokenRow } from '../../projections/tokens.ts'
import { HandedOutText } from '../../secret/handed-out-text.ts'
import type { Call } from '../call.ts'
import type { Calls } from '../calls.ts'
import type { Engine } from '../engine.ts'
import type { Session } from '../session.ts'
import { secretIdAggregate, tokenAggregate } from './aggregates.ts'
import { failureOf } from './authenticate.ts'
import { markedBy, randomText, rowOfText } from './marked.ts'
import { checkShown, type LoginRequest, letIn, type ShownOptions } from './shown.ts'
import { type IssuedToken, tokenInfoOf } from './token-info.ts'

const refusals = {
  missing: 'no secret id was shown',
  unknown: 'the role id or the secret id is not known, or was revoked',
  expired: 'the secret id has expired',
  spent: 'the secret id is used up',
} as const satisfies Record<AuthFailure, string>

/** Who logs in, by what was shown. */
interface Found {
  readonly role: AppRoleRow
  readonly secretId?: SecretIdRow
}

/**
 * A token for whoever logs in, the login and the token on record in one commit. Throws `DENIED` once the failure is on
 * record or counted and its answer is due, `ABORTED`, `TOO_LARGE` where there are too many tokens, and `INVALID` about the
 * options.
 */
export async function logInWith(
  { session, calls }: { readonly session: Session; readonly calls: Calls },
  request: LoginRequest,
  options: ShownOptions,
): Promise<IssuedToken> {
  const engine = session.engine()
  const shown = checkShown(calls, options)
  const found = find(engine, request)
  const made =
    typeof found === 'string' ? found : await issued(engine, found, callOf(calls, found, shown))
  return letIn(session, made, { method: 'approle', shown, refusals })
}

/** The call of whoever logs in, as whom its token is to act. */
function callOf(calls: Calls, { role, secretId }: Found, shown: ShownOptions): Call {
  const call = calls.of({ ...shown, actor: role.actor })
  const auth = { method: 'approle' as const, id: secretId?.accessor ?? role.name }
  return { ...call, context: { ...call.context, auth } }
}

function find(
  { state, handedOut }: Engine,
  { roleId, secretId }: LoginRequest,
): Found | AuthFailure {
  const role = roleOf(state.appRoles.fold.state, roleId)
  // It is looked for whatever the role, so that the time of an answer does not tell whether there is one.
  const row = rowOfText(state.secretIds.fold.state, handedOut, secretId)
  if (role?.bindSecretId === false) return { role }
  if (secretId === undefined || secretId === '') return 'missing'
  if (role === undefined || row?.approle !== role.name) return 'unknown'
  return { role, secretId: row }
}

/** Of role ids: whoever may try to log in must not make the vault hash all of them each time. */
const hashes = new WeakMap<AppRoleRow, Buffer>()

function hashOf(row: AppRoleRow): Buffer {
  const known = hashes.get(row)
  if (known !== undefined) return known
  const hash = sha256(Buffer.from(row.roleId))
  hashes.set(row, hash)
  return hash
}

/** By a comparison with every role, which takes as long whichever it is. */
function roleOf(rows: AppRolesState, roleId: unknown): AppRoleRow | undefined {
  if (typeof roleId !== 'string') return undefined
  const shown = sha256(Buffer.from(roleId))
  let found: AppRoleRow | undefined
  for (const row of rows.values()) {
    if (equalBytes(shown, hashOf(row))) found = row
  }
  return found
}

async function issued(
  engine: Engine,
  { role, secretId }: Found,
  { actor, context, limits }: Call,
): Promise<IssuedToken | AuthFailure> {
  const text = randomText('mun_')
  const token: Marked = markedBy(engine.handedOut, text)
  const { tokens, access, appRoles, secretIds } = engine.state
  let found: Admitted | undefined
  const aggregate =
    secretId === undefined
      ? tokenAggregate(token.mark.accessor)
      : secretIdAggregate(secretId.accessor)
  const events = await engine.append(
    {
      actor,
      context,
      aggregate,
      decide: (at) => {
        const states = {
          tokens: tokens.fold.state,
          access: access.fold.state,
          appRoles: appRoles.fold.state,
          secretIds: secretIds.fold.state,
        }
        found = logIn(states, { role, secretId, token }, at)
        return 'failed' in found ? { facts: [] } : found
      },
    },
    limits,
  )
  const failed = found && failureOf(found)
  if (failed !== undefined) return failed
  const row = tokenRow(tokens.fold.state, issuedIn(events))
  return { ...tokenInfoOf(row), token: new HandedOutText(text) }
}

function issuedIn(events: readonly VaultEvent[]) {
  const event = events.find(({ type }) => type === 'token.issued')
  if (event?.type === 'token.issued') return event
  throw new Error('a login that was let in has a token in the log')
}
