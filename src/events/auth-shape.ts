import {
  accessorBytesMax,
  actorBytesMax,
  handedOutMsMax,
  nameBytesMax,
  policiesPerRoleMax,
  tagKeyBytesMax,
  tagsMax,
  tagValueBytesMax,
} from '../limits.ts'
import type { AuthEventData, HandedOut } from './auth-events.ts'
import {
  boolean,
  bytes,
  dictionary,
  type Fields,
  integer,
  list,
  oneOf,
  optional,
  text,
} from './check.ts'
import { count, natural, role, time } from './field-shapes.ts'
import { authFailures, authMethods } from './words.ts'

const policies = list(role, 0, policiesPerRoleMax)
const accessor = text(accessorBytesMax, 1)
const lasting = integer(1, handedOutMsMax)

const handedOut: Fields<HandedOut> = {
  accessor,
  hash: bytes(32),
  epoch: natural,
  expiresAt: optional(time),
  uses: optional(count),
  meta: optional(dictionary(text(tagKeyBytesMax), text(tagValueBytesMax), tagsMax)),
}

/** The shapes of the events that are about who is let in. */
export const authFields: { readonly [T in keyof AuthEventData]: Fields<AuthEventData[T]> } = {
  'auth.failed': {
    method: oneOf(...authMethods),
    triedAt: time,
    count,
    cause: optional(oneOf(...authFailures)),
  },
  'auth.succeeded': {
    method: oneOf('approle', 'keyslot'),
    name: optional(role),
    secretId: optional(accessor),
    slot: optional(text(512)),
  },
  'token.issued': {
    ...handedOut,
    actor: text(actorBytesMax, 1),
    policies: optional(policies),
    parent: optional(accessor),
    label: optional(text(512)),
    renewFor: optional(lasting),
    renewableUntil: optional(time),
    approle: optional(role),
  },
  'token.renewed': { accessor, expiresAt: time },
  'token.used': { accessor, left: natural },
  'token.revoked': { accessor, actor: text(actorBytesMax, 1) },
  'approle.written': {
    name: role,
    roleId: text(nameBytesMax, 1),
    actor: text(actorBytesMax, 1),
    policies: optional(policies),
    bindSecretId: boolean,
    secretIdTtl: optional(lasting),
    secretIdUses: optional(count),
    tokenTtl: optional(lasting),
    tokenMaxTtl: optional(lasting),
    tokenUses: optional(count),
  },
  'approle.removed': { name: role },
  'approle.secret_id_issued': { ...handedOut, name: role },
  'approle.secret_id_revoked': { name: role, accessor },
}
