import { VaultError } from '../errors.ts'
import type { SecretFields } from '../secret/value.ts'

/** Deeper than the vault itself takes: what holds itself ends here. */
const depthMax = 64

/**
 * The fields of a value, as they are sent. Throws `INVALID` for what JSON would change or drop in silence, as the vault
 * itself does: it would be another value there.
 */
export function sentFields(fields: SecretFields): SecretFields {
  if (!isPlain(fields)) throw invalid('expected a string, bytes or an object of fields')
  expectJson(fields, 1)
  return fields
}

function expectJson(value: unknown, depth: number): void {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw invalid('expected finite numbers in fields')
    return
  }
  if (depth > depthMax) throw invalid(`expected fields nested at most ${depthMax} deep`)
  if (!Array.isArray(value) && !isPlain(value)) {
    throw invalid(`expected JSON in fields, found ${typeof value}`)
  }
  // A list may have holes, which its iteration does not pass over.
  for (const item of Array.isArray(value) ? value : Object.values(value))
    expectJson(item, depth + 1)
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function invalid(what: string): VaultError {
  return new VaultError('INVALID', `value: ${what}`)
}
