/**
 * The value, which nothing can change any more: itself and all that it holds, but for bytes and maps, which cannot be
 * frozen. What a state that decides keeps of an event is frozen where it is kept, as it may be handed out.
 */
export function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (value instanceof Map) return value
  for (const item of Object.values(value)) deepFrozen(item)
  return Object.freeze(value)
}
