import { Type } from 'typebox'
import { type SecretInput, type SecretValue, VaultError } from '../../../index.ts'
import { strict } from '../shapes/common.ts'

/** What a secret holds: exactly one of the three. */
export const value = Type.Union(
  [
    strict({ text: Type.String({ description: 'The value, where it is text.' }) }),
    strict({
      bytes: Type.String({
        contentEncoding: 'base64',
        description: 'The value, where it is bytes.',
      }),
    }),
    strict({
      fields: Type.Record(Type.String(), Type.Unknown(), {
        description: 'The value, where it is a JSON object of several fields.',
      }),
    }),
  ],
  { description: 'A value: text, bytes in base64, or fields.' },
)

type Value =
  | { readonly text: string }
  | { readonly bytes: string }
  | { readonly fields: Readonly<Record<string, unknown>> }

/** Throws `INVALID` for what is no base64. */
export function inputOf(said: Value): SecretInput {
  if ('text' in said) return said.text
  if ('fields' in said) return said.fields as SecretInput
  const bytes = Buffer.from(said.bytes, 'base64')
  // Node passes over whatever is none.
  if (bytes.toString('base64') === said.bytes) return bytes
  throw new VaultError('INVALID', 'body.value.bytes must be base64 (RFC 4648 §4), padded')
}

function shownValueOf(secret: SecretValue): Value {
  if (secret.kind === 'string') return { text: secret.text() }
  if (secret.kind === 'fields') return { fields: secret.fields() }
  return { bytes: secret.bytes().toString('base64') }
}

/** A value with what it is of. */
export const shownSecret = strict({
  path: Type.String(),
  version: Type.Integer(),
  position: Type.Integer({ description: 'Of the event that wrote it.' }),
  type: Type.String(),
  value,
})

export function shownSecretOf(secret: SecretValue): object {
  const { path, version, position, type } = secret
  return { path, version, position, type, value: shownValueOf(secret) }
}
