import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Commit } from '../../src/log/reader.ts'
import { CommitTimes } from '../../src/vault/commit-times.ts'

const commit = (first: number, end: number, time: number) =>
  ({ first, end, events: [{ time }] }) as unknown as Commit

describe('the newest commits', () => {
  it('are found by their time, as in a list of all of them', () => {
    const steps = fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 3 }), later: fc.integer({ min: -1, max: 3 }) }),
    )
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (made, max) => {
        const recent = new CommitTimes(max)
        let all: { first: number; end: number; time: number }[] = []
        let [first, time] = [0, 10]
        for (const { count, later } of made) {
          time += later
          if (later < 0) all = []
          all.push({ first, end: first + count, time })
          recent.add(commit(first, first + count, time))
          first += count
        }
        all = all.slice(-max)
        const [oldest] = all
        for (let asked = 0; asked < time + 3; asked++) {
          const found = recent.rangeOf(asked)
          if (oldest === undefined || asked <= oldest.time) {
            expect(found).toBeUndefined()
            continue
          }
          const of = all.filter((one) => one.time === asked)
          const range = { from: of[0]?.first, to: of.at(-1)?.end }
          if (of.length > 0) expect(found).toEqual(range)
          else expect(found?.from).toBe(found?.to)
        }
      }),
    )
  })

  it('are none at first, and a commit without events is none', () => {
    const recent = new CommitTimes()
    expect(recent.rangeOf(5)).toBeUndefined()
    recent.add({ first: 0, end: 0, events: [] })
    expect(recent.rangeOf(5)).toBeUndefined()
  })
})
