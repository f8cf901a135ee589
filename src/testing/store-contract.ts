import type { StoreOpener } from '../store/port.ts'
import { life } from './contract/life.ts'
import { log } from './contract/log.ts'
import { created, rejectsWith } from './contract/material.ts'
import { derived, files, keyRows } from './contract/tables.ts'

/** An empty place for one store, and what clears it away. */
export type StorePlace = StoreOpener & { cleanup?(): Promise<void> }

export interface StoreContract {
  /** Vitest's, node:test's or any other runner's `test`. */
  readonly test: (name: string, body: () => Promise<void>) => void
  /** Gives each test a place of its own where nothing has been created yet. */
  readonly open: () => StorePlace | Promise<StorePlace>
}

/**
 * The suite that every store must pass: what `Store` promises, asserted with node:assert. Refusals are told by the
 * `code` of the error, whatever its class.
 *
 * @example
 * import { describe, it } from 'vitest'
 * describe('my store', () => storeContract({ test: it, open: () => myStore(freshFolder()) }))
 */
export function storeContract({ test, open }: StoreContract): void {
  for (const [name, body] of Object.entries({
    ...log,
    ...keyRows,
    ...derived,
    ...files,
    ...life,
  })) {
    test(name, async () => {
      const place = await open()
      try {
        const store = await created(place)
        await body(store, place)
        await store.close()
      } finally {
        await place.cleanup?.()
      }
    })
  }
  test('opens nothing where nothing was created', async () => {
    const place = await open()
    await rejectsWith('NOT_FOUND', place.open())
    await place.cleanup?.()
  })
}
