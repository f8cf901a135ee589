import { VaultError } from '../errors.ts'
import type { EventType } from './catalogue.ts'
import type { Value } from './value-writer.ts'

/** Lifts the data of one type by one schema version. Pure; it neither keeps nor changes what it is given. */
export type Upcaster = (data: Value) => Value

/** `upcasters[type][n]` lifts schema n + 1 to n + 2: the first schema of every type is 1. */
export type Upcasters = Readonly<Partial<Record<EventType, readonly Upcaster[]>>>

const upcasters: Upcasters = {}

/** A type's data and the version of the schema that it follows. */
export interface Versioned {
  readonly schema: number
  readonly data: Value
}

/** The version in which this release writes a type, and into which it lifts older ones. */
export function currentSchema(type: EventType, table: Upcasters = upcasters): number {
  return 1 + (table[type]?.length ?? 0)
}

/**
 * Lifts stored data to the current schema. The bytes in the log stay as they were written.
 *
 * @throws VaultError `UNSUPPORTED` for a schema that a newer release wrote
 */
export function upcast(
  type: EventType,
  stored: Versioned,
  table: Upcasters = upcasters,
): Versioned {
  const schema = currentSchema(type, table)
  if (stored.schema > schema) {
    const message = `${type} has schema ${stored.schema}, this release reads up to ${schema}`
    throw new VaultError('UNSUPPORTED', message, { expected: schema, found: stored.schema })
  }
  const steps = table[type]?.slice(stored.schema - 1) ?? []
  return { schema, data: steps.reduce((data, step) => step(data), stored.data) }
}
