import { Type } from 'typebox'
import type { IssuedSecretId } from '../../../index.ts'
import { names, writing } from '../shapes/access.ts'
import { actor, date, milliseconds, position, strict } from '../shapes/common.ts'
import { accessor, handedOut, meta, textOf } from '../tokens/shapes.ts'

const optional = Type.Optional
const count = (description: string) => optional(Type.Integer({ minimum: 1, description }))

const lasting = {
  secretIdTtl: optional(milliseconds('How long a secret id holds')),
  secretIdUses: count('Logins that a secret id is good for.'),
  tokenTtl: optional(milliseconds('How long a token of its logins holds')),
  tokenMaxTtl: optional(milliseconds('How long such a token holds with all its renewals')),
  tokenUses: count('How often such a token may be shown.'),
}

/** What an application is to be. */
export const asked = strict({
  actor: optional(actor),
  policies: optional(names),
  bindSecretId: optional(
    Type.Boolean({ description: 'Whether a login takes a secret id; true unless said.' }),
  ),
  ...lasting,
  roleId: optional(
    Type.String({ description: 'The one it has unless said, or one that the vault makes.' }),
  ),
  ifPosition: optional(
    Type.Integer({
      minimum: -1,
      description: 'It is written only where its event is this one; -1 where there is to be none.',
    }),
  ),
})

export const appRole = strict({
  name: Type.String(),
  roleId: Type.String({ description: 'Not secret by itself.' }),
  actor,
  policies: optional(Type.Array(Type.String())),
  bindSecretId: Type.Boolean(),
  ...lasting,
  ...writing,
})

/** What a secret id is to be. */
export const askedSecretId = strict({
  ttl: optional(milliseconds('How long it holds; as the application says unless said')),
  uses: count('Logins that it is good for; as the application says unless said.'),
  meta: optional(meta),
  secretId: optional(handedOut('The secret id itself, where the caller has one already.')),
})

/** What is known of a secret id, besides the secret id itself. */
export const secretIdInfo = strict({
  accessor,
  approle: Type.String({ description: 'The application that it is for.' }),
  issuedAt: date('When it was issued.'),
  issuedBy: actor,
  expiresAt: optional(date('From when on it is worth nothing.')),
  usesLeft: optional(Type.Integer({ minimum: 0 })),
  meta,
  position: position('Of the event that issued it.'),
})

/** A secret id in the one answer that holds it. */
export const issuedSecretId = strict({
  ...secretIdInfo.properties,
  secretId: handedOut('The secret id itself, this once: the vault cannot show it again.'),
})

export function issuedSecretIdOf({ secretId, ...info }: IssuedSecretId): object {
  return { ...info, secretId: textOf(secretId) }
}
