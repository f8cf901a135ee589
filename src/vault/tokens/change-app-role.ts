import { issueSecretId, writeAppRole } from '../../decide/app-roles.ts'
import { defined } from '../../defined.ts'
import type { EventData } from '../../events/catalogue.ts'
import type { Decision } from '../../log/queue.ts'
import { secretIdRow } from '../../projections/secret-ids.ts'
import { HandedOutText } from '../../secret/handed-out-text.ts'
import type { AccessChange } from '../access-call.ts'
import type { Call } from '../call.ts'
import type { Engine } from '../engine.ts'
import { underPolicy } from '../permit.ts'
import { appRoleAggregate, secretIdAggregate } from './aggregates.ts'
import {
  type AppRoleOptions,
  type IssuedSecretId,
  type SecretIdOptions,
  secretIdInfoOf,
} from './app-role-info.ts'
import {
  checkBearer,
  checkCount,
  checkDuration,
  checkFlag,
  checkMeta,
  checkOwnText,
  checkPosition,
  checkRoleId,
} from './checked.ts'
import { askedToHandOn, expectUncounted } from './handing-on.ts'
import { askedForTokens } from './looks.ts'
import { markedBy, randomText } from './marked.ts'

type Written = EventData['approle.written']

/** What is to be said of an application. */
export interface SaidOfAppRole {
  readonly data: Omit<Written, 'roleId'>
  /** The one that the caller brings. */
  readonly ownId: string | undefined
  /** The one it gets where it has none. */
  readonly randomId: string
  readonly ifPosition: number | undefined
}

/** The options, checked, each of them read once. */
export function readAppRole(
  name: string,
  options: AppRoleOptions,
  randomId: () => string,
): SaidOfAppRole {
  const { actor = `approle/${name}`, policies, bindSecretId, roleId, ...others } = options
  const { ifPosition, secretIdTtl, secretIdUses, tokenTtl, tokenMaxTtl, tokenUses } = others
  return {
    data: {
      name,
      actor,
      ...checkBearer({ actor, policies }),
      bindSecretId: checkFlag('bindSecretId', bindSecretId) ?? true,
      ...defined({
        secretIdTtl: checkDuration('secretIdTtl', secretIdTtl),
        secretIdUses: checkCount('secretIdUses', secretIdUses),
        tokenTtl: checkDuration('tokenTtl', tokenTtl),
        tokenMaxTtl: checkDuration('tokenMaxTtl', tokenMaxTtl),
        tokenUses: checkCount('tokenUses', tokenUses),
      }),
    },
    ownId: checkRoleId(roleId),
    randomId: randomId(),
    ifPosition: checkPosition('ifPosition', ifPosition),
  }
}

export async function writeAppRoleOn(
  engine: Engine,
  call: Call,
  { data, ownId, randomId, ifPosition }: SaidOfAppRole,
): Promise<AccessChange> {
  const { actor, context, limits } = call
  const { appRoles, access } = engine.state
  const given = { ...data, outlives: true, hasOwnText: ownId !== undefined }
  const command = underPolicy(
    call,
    askedToHandOn(engine, call, () => given),
    {
      actor,
      context,
      aggregate: appRoleAggregate(data.name),
      // A role id is told apart from those of all others.
      alone: true,
      decide: () => {
        expectUncounted(call, 'writes no approle')
        const rows = appRoles.fold.state
        const roleId = ownId ?? rows.get(data.name)?.roleId ?? randomId
        const states = { appRoles: rows, access: access.fold.state }
        return writeAppRole(states, { ...data, roleId }, ifPosition)
      },
    },
  )
  const [event] = await engine.append(command, limits)
  return event?.type === 'approle.written' ? { position: event.position } : {}
}

export async function issueSecretIdOn(
  engine: Engine,
  call: Call,
  { name, options }: { readonly name: string; readonly options: SecretIdOptions },
): Promise<IssuedSecretId> {
  const { ttl, uses, meta, secretId } = options
  const said = defined({
    ttl: checkDuration('ttl', ttl),
    uses: checkCount('uses', uses),
    meta: checkMeta(meta),
  })
  const ownText = checkOwnText('secretId', secretId, call)
  const text = ownText ?? randomText('muns_')
  const marked = markedBy(engine.handedOut, text)
  const { actor, context, limits } = call
  const { appRoles, secretIds } = engine.state
  const given = () => {
    // Nobody's name is nobody's own: an application that is not there is not told from one that gives more.
    const { actor: bearer = '', policies } = appRoles.fold.state.get(name) ?? {}
    const who = { actor: bearer, ...defined({ policies }) }
    return { ...who, outlives: true, hasOwnText: ownText !== undefined }
  }
  const command = underPolicy(call, askedToHandOn(engine, call, given), {
    actor,
    context,
    aggregate: secretIdAggregate(marked.mark.accessor),
    decide: (at) => {
      expectUncounted(call, 'issues no secret id')
      const states = { appRoles: appRoles.fold.state, secretIds: secretIds.fold.state }
      return issueSecretId(states, { name, ...said, ...marked }, at)
    },
  })
  const [event] = await engine.append(command, limits)
  if (event?.type !== 'approle.secret_id_issued') throw new Error('expected a secret id')
  return { ...secretIdInfoOf(secretIdRow(event)), secretId: new HandedOutText(text) }
}

/** Takes an application or a secret id away, in a commit of its own. */
export async function takeAway(
  engine: Engine,
  call: Call,
  { aggregate, decide }: { readonly aggregate: string; readonly decide: () => Decision },
): Promise<AccessChange> {
  const { actor, context, limits } = call
  const command = { actor, context, alone: true, aggregate, decide }
  const [event] = await engine.append(underPolicy(call, askedForTokens, command), limits)
  // A look that came to nothing stands on record, and is no change.
  return event === undefined || event.type === 'secret.inspected'
    ? {}
    : { position: event.position }
}
