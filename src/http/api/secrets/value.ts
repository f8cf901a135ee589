import { Type } from 'typebox'
import type { SecretInput, SecretValue } from '../../../index.ts'
import { bytesAt } from '../base64.ts'
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
  return bytesAt('body.value.bytes', said.bytes)
}

export function shownValue(content: SecretInput): Value {
  if (typeof content === 'string') return { text: content }
  if (!(content instanceof Uint8Array)) return { fields: content }
  return { bytes: Buffer.from(content).toString('base64') }
}

function contentOf(secret: SecretValue): SecretInput {
  if (secret.kind === 'string') return secret.text()
  return secret.kind === 'fields' ? secret.fields() : secret.bytes()
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
  return { path, version, position, type, value: shownValue(contentOf(secret)) }
}
