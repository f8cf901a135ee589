import type { JsonValue, SecretFields } from '../../index.ts'

/** The structure of a secret: its fields without a value anywhere. */
export interface Subkeys {
  readonly [field: string]: Subkeys | null
}

/**
 * The fields of a secret and of the objects in it, `depth` levels deep, or all of them for 0. All else is null: values,
 * lists, empty objects, and what lies deeper.
 *
 * @example
 * subkeysOf({ user: 'ana', tls: { key: '…' } }, 0) // { user: null, tls: { key: null } }
 */
export function subkeysOf(fields: SecretFields, depth: number): Subkeys {
  return levelOf(fields, depth === 0 ? Number.POSITIVE_INFINITY : depth)
}

function levelOf(fields: SecretFields, levels: number): Subkeys {
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [
      field,
      levels > 1 && isFields(value) ? levelOf(value, levels - 1) : null,
    ]),
  )
}

function isFields(value: JsonValue): value is SecretFields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length > 0
  )
}
