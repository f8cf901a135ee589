import { Type } from 'typebox'
import { capabilities, type HandedOutText, type IssuedToken } from '../../../index.ts'
import { names } from '../shapes/access.ts'
import { actor, date, milliseconds, oneOf, position, strict } from '../shapes/common.ts'

const optional = Type.Optional

export const accessor = Type.String({
  minLength: 1,
  description: 'Names a token or a secret id, and opens nothing.',
})
export const meta = Type.Record(Type.String(), Type.String(), { examples: [{ host: 'web-7' }] })
const uses = Type.Integer({ minimum: 1, description: 'How often it may be shown.' })
/** A token or a secret id itself. */
export const handedOut = (description: string) => Type.String({ minLength: 1, description })

/** What is known of a token, besides the token itself. */
export const tokenInfo = strict({
  accessor,
  actor,
  policies: optional(
    Type.Array(Type.String(), {
      description: 'What it is held to; without them, to the roles that its actor is granted.',
    }),
  ),
  issuedAt: date('When it was issued.'),
  expiresAt: optional(date('From when on it is worth nothing. Absent: it has no end of its own.')),
  renewableUntil: optional(date('No renewal goes beyond it.')),
  renewFor: optional(
    milliseconds('What a renewal adds where it says no other; absent where it cannot be renewed'),
  ),
  parent: optional(Type.String({ description: 'The token that it was issued through.' })),
  label: optional(Type.String()),
  usesLeft: optional(Type.Integer({ minimum: 0, description: 'Absent where nobody counts them.' })),
  meta,
  approle: optional(Type.String({ description: 'Of the login that it was issued for.' })),
  position: position('Of the event that issued it.'),
})

/** A token in the one answer that holds it. */
export const issuedToken = strict({
  ...tokenInfo.properties,
  token: handedOut('The token itself, this once: the vault cannot show it again.'),
})

export function issuedTokenOf({ token, ...info }: IssuedToken): object {
  return { ...info, token: textOf(token) }
}

/** Everywhere else it prints as `[secret]`. */
export function textOf(text: HandedOutText): string {
  return text.text()
}

const ttl = (description: string) => optional(milliseconds(description))

/** What a token is to be. */
export const issue = strict({
  actor: optional(actor),
  policies: optional(names),
  ttl: ttl('How long it holds; for good unless said'),
  maxTtl: ttl('How long it holds with all its renewals'),
  renewable: optional(Type.Boolean({ description: 'True unless said.' })),
  uses: optional(uses),
  label: optional(Type.String({ description: 'For people.' })),
  meta: optional(meta),
  orphan: optional(
    Type.Boolean({ description: 'Whether it outlives the token that it is issued through.' }),
  ),
  token: optional(handedOut('The token itself, where the caller has one already.')),
})

export const renewal = strict({ ttl: ttl('From now on; as its `renewFor` says unless said') })

/** What may be done somewhere. */
export const capabilitiesAt = strict({
  path: Type.String({ description: 'Empty for the vault itself.' }),
  capabilities: Type.Array(oneOf(capabilities)),
})
