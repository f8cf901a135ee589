import type { JsonValue, SecretFields } from '../../secret/value.ts'

/**
 * The fields with a patch applied: null takes a field away, an object is merged into what is there, and anything else takes
 * its place (RFC 7396 §2).
 *
 * @example
 * mergePatch({ user: 'app', old: '1' }, { old: null, host: 'db' }) // { user: 'app', host: 'db' }
 */
export function mergePatch(target: SecretFields, patch: SecretFields): SecretFields {
  // A map, as assigning to `__proto__` would change the prototype instead of making the field that is refused later.
  const merged = new Map<string, JsonValue>(Object.entries(target))
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) merged.delete(field)
    else merged.set(field, mergedValue(merged.get(field), value))
  }
  return Object.fromEntries(merged)
}

function mergedValue(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch
  return mergePatch(isObject(target) ? target : {}, patch)
}

function isObject(value: JsonValue | undefined): value is SecretFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
