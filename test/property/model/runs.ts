import fc from 'fast-check'
import { afterEach, beforeEach, vi } from 'vitest'

const isLong = process.env.MUNIMENT_LONG !== undefined

/** Runs of a property: few enough for each commit, many where there is time (`npm run test:long`). */
export const runs = isLong ? 10_000 : 200

/** Steps of a run at the most: where there is time, twice as many. */
export function lengthOf(most: number): number {
  return isLong ? 2 * most : most
}

/** Asserts a property. A failure prints the seed and the path that replay it (CONTRIBUTING.md). */
export function assertProperty<T>(property: fc.IAsyncProperty<T>): Promise<void> {
  return fc.assert(property, { numRuns: runs })
}

/**
 * For a file of properties: time enough, and timers that stand still until a world rests, so that snapshots are
 * written when a run says so and only then.
 */
export function forProperties(): void {
  vi.setConfig({ testTimeout: runs * 200 })
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
}
