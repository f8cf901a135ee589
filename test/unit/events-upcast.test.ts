import { describe, expect, it } from 'vitest'
import { eventTypes } from '../../src/events/event-types.ts'
import { currentSchema, type Upcasters, upcast } from '../../src/events/upcast.ts'

/** Schema 1 called the version `revision`, schema 2 knew no `operation`. */
const table: Upcasters = {
  'secret.accessed': [
    (data) => ({ version: (data as { revision: number }).revision }),
    (data) => ({ ...(data as { version: number }), operation: 'read' }),
  ],
}
const lifted = { schema: 3, data: { version: 4, operation: 'read' } }

describe('upcast', () => {
  it('lifts by one step after another, from wherever the data stands', () => {
    expect(currentSchema('secret.accessed', table)).toBe(3)
    expect(upcast('secret.accessed', { schema: 1, data: { revision: 4 } }, table)).toEqual(lifted)
    expect(upcast('secret.accessed', { schema: 2, data: { version: 4 } }, table)).toEqual(lifted)
    expect(upcast('secret.accessed', lifted, table)).toEqual(lifted)
  })

  it('leaves what it is given unchanged', () => {
    const stored = { schema: 1, data: { revision: 4 } }
    upcast('secret.accessed', stored, table)
    expect(stored).toEqual({ schema: 1, data: { revision: 4 } })
  })

  it('refuses a schema that a newer release wrote', () => {
    expect(() => upcast('secret.accessed', { schema: 4, data: {} }, table)).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'secret.accessed has schema 4, this release reads up to 3',
        expected: 3,
        found: 4,
      }),
    )
  })

  it('has nothing to lift in version 1', () => {
    expect(eventTypes.map((type) => currentSchema(type))).toEqual(eventTypes.map(() => 1))
  })
})
