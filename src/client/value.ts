import { VaultError } from '../errors.ts'
import type { SecretFields, SecretInput } from '../secret/value.ts'
import { base64Of, bytesFrom } from './base64.ts'
import { expectObject, expectText } from './expected.ts'
import { sentFields } from './json-fields.ts'

/** A value as it is sent and shown: one of the three. */
export interface SaidValue {
  readonly text?: string
  /** Base64. */
  readonly bytes?: string
  readonly fields?: SecretInput
}

/** Throws `INVALID` for fields that JSON would change. */
export function sentValue(value: SecretInput): SaidValue {
  if (typeof value === 'string') return { text: value }
  return value instanceof Uint8Array ? { bytes: base64Of(value) } : { fields: sentFields(value) }
}

export function contentOf({ text, bytes, fields }: SaidValue): SecretInput {
  if (text !== undefined) return expectText(text)
  if (bytes !== undefined) return bytesFrom(bytes)
  if (fields !== undefined) return expectObject(fields as SecretFields)
  throw new VaultError('UNSUPPORTED', 'the server is of another release: a value is of no kind')
}
