import type { EventOf, EventType, VaultEvent } from '../../events/catalogue.ts'

/** What there is to say of events, for each type that there is something to say of. */
export type ByType<R> = { readonly [T in EventType]?: (event: EventOf<T>) => R }

export function sayOf<R>(table: ByType<R>, event: VaultEvent): R | undefined {
  const say = table[event.type] as ((event: VaultEvent) => R) | undefined
  return say?.(event)
}
