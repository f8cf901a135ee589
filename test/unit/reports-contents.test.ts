import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { defineProjection } from '../../src/projections/projection.ts'
import { builtInReports } from '../../src/reports/contents/catalogue.ts'
import { counted, durationText } from '../../src/reports/contents/phrases.ts'
import { SortedMap } from '../../src/reports/contents/sorted-map.ts'
import { defineReport, type Report } from '../../src/reports/report.ts'
import { testVault } from '../../src/testing.ts'
import { created, reportOf, reportOfLog } from '../fixtures/made-report.ts'

const named = builtInReports.map(({ definition }) => [definition.name, definition] as const)
const paramsOf = ({ params }: Report<unknown>) => (params.includes('actor') ? { actor: '**' } : {})

/** Every event of a vault that was used for a while, with names that are hard on formats. */
async function usedLog(): Promise<VaultEvent[]> {
  const { vault, clock } = await testVault({ 'a/1': 'x', 'a/=cmd|x': 'x', 'ü/\u05e9': 'x' })
  const by = { actor: '__proto__', reason: '"quoted", =1+1\nsecond line' }
  await vault.read('a/1', by)
  await vault.rotate('a/1', 'y', { trigger: 'compromise', ...by })
  await vault.read('nowhere', by).catch(() => undefined)
  await vault.write('a/exp', 'z', { expiresAt: new Date(clock.now() + 1000), rotateEvery: 5000 })
  clock.advance(10_000)
  await vault.read('a/exp', by).catch(() => undefined)
  await vault.read('a/exp', { ...by, allowExpired: true })
  await vault.destroy('a/1', { versions: [1] })
  await vault.purge('a/=cmd|x')
  await vault.write('a/=cmd|x', 'again')
  await vault.keys.shred()
  await vault.keys.rotate()
  await vault.keys.rotateSigning()
  const all = defineProjection<VaultEvent[]>({
    name: 'all',
    version: 1,
    initial: () => [],
    on: {},
    each: (events, event) => void events.push(event),
  })
  const { view } = await vault.replay(all)
  await vault.close()
  return [...view]
}

describe('the built-in reports', () => {
  it('are nine, in the order of their numbers', () => {
    expect(builtInReports.map(({ number, definition }) => [number, definition.name])).toEqual([
      ['R1', 'audit-trail'],
      ['R1', 'exposure'],
      ['R2', 'rotation'],
      ['R3', 'keys'],
      ['R4', 'erasure'],
      ['R5', 'access-review'],
      ['R6', 'denials'],
      ['R7', 'privileged'],
      ['R8', 'integrity'],
    ])
    expect(builtInReports.filter(({ controls }) => controls.length === 0)).toEqual([])
  })

  it.each(named)('%s has a sound definition', (_, definition) => {
    const rows = 'rows' in definition ? definition.rows : () => []
    expect(defineReport({ ...definition, rows }).columns).toBe(definition.columns)
    expect(definition.question).toMatch(/\?$/)
  })

  it.each(named)('%s is made of a log of one event, and of an empty range', (_, definition) => {
    const params = paramsOf(definition)
    expect(() => reportOf(definition, [created], { params })).not.toThrow()
    const { rows } = reportOf(definition, [created], { params, from: 1 })
    if ('row' in definition) expect(rows).toEqual([])
  })

  it.each(named)(
    '%s is made of a vault in use, twice the same, at each of its moments',
    async (_, definition) => {
      const log = await usedLog()
      const params = paramsOf(definition)
      for (let to = 0; to < log.length; to++) {
        const made = reportOfLog(definition, log.slice(0, to + 1), { params })
        expect(reportOfLog(definition, log.slice(0, to + 1), { params })).toEqual(made)
        for (const { labels, series } of made.charts) {
          for (const { values } of series) expect(values.length).toBe(labels.length)
        }
      }
    },
  )
})

describe('a sorted map', () => {
  const step = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3000 }).map(String))

  property.prop([fc.array(step, { maxLength: 3000, size: 'max' })], { numRuns: 30 })(
    'holds what a map holds, in the order of its keys',
    (steps) => {
      const model = new Map<string, number>()
      const map = new SortedMap<number>()
      steps.forEach(([isSet, key], at) => {
        if (isSet) {
          model.set(key, at)
          map.set(key, at)
        } else {
          expect(map.delete(key)).toBe(model.delete(key))
        }
      })
      const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
      expect([...map.inOrder()]).toEqual(expected)
      expect(map.size).toBe(model.size)
      for (const prefix of ['', '1', '25', '3000', 'x']) {
        const below = expected.filter(([key]) => key.startsWith(prefix))
        expect([...map.below(prefix)]).toEqual(below)
      }
    },
  )

  it('splits what grows, and can be cleared', () => {
    const map = new SortedMap<number>()
    const keys = Array.from({ length: 5000 }, (_, n) => String((n * 7919) % 5000))
    for (const key of keys) map.set(key, 0)
    expect([...map.inOrder()].map(([key]) => key)).toEqual([...keys].sort())
    map.clear()
    expect([...map.inOrder()]).toEqual([])
    map.set('a', 1)
    expect([...map.inOrder()]).toEqual([['a', 1]])
  })
})

describe('phrases', () => {
  it('say a duration in the largest unit that it fills', () => {
    const day = 24 * 3600 * 1000
    const said = [0, 999, 1000, 59_999, 60_000, 3_600_000, day - 1, day, 12.5 * day]
    expect(said.map(durationText)).toEqual([
      'less than a second',
      'less than a second',
      '1 second',
      '59 seconds',
      '1 minute',
      '1 hour',
      '23 hours',
      '1 day',
      '12 days',
    ])
  })

  it('count', () => {
    expect([counted(0, 'key'), counted(1, 'key'), counted(2, 'key')]).toEqual([
      '0 keys',
      '1 key',
      '2 keys',
    ])
  })
})
