import { describe, expect, it } from 'vitest'
import { combined } from '../../src/projections/combined.ts'
import { startFold } from '../../src/projections/projection.ts'
import {
  byPrecedence,
  maxAgeOf,
  rotationPolicies,
  rotationStatusOf,
} from '../../src/projections/rotation-policies.ts'
import { rotations } from '../../src/projections/rotations.ts'
import { secrets } from '../../src/projections/secrets.ts'
import { rotation } from '../../src/reports/contents/rotation.ts'
import type { GivenEvent } from '../../src/testing/given.ts'
import {
  day,
  gone,
  logOf,
  type MadeOf,
  reportOf,
  start,
  version,
  year,
} from '../fixtures/made-report.ts'

type Meta = Parameters<typeof version>[1]

const at = (days: number) => start + days * day
const write = (days: number, subject: string, meta: Meta = {}, number = 1): GivenEvent => ({
  type: 'secret.written',
  time: at(days),
  subject,
  data: version(number, meta),
})
const rotate = (days: number, subject: string, number: number, meta: Meta = {}): GivenEvent => ({
  type: 'secret.rotated',
  time: at(days),
  subject,
  data: { ...version(number, meta), trigger: 'schedule' },
})
const policy = (data: {
  prefix?: string
  type?: 'api_key' | 'encryption_key'
  rotateEvery?: number
}): GivenEvent => ({ type: 'rotation_policy.written', time: start, data })

describe('a maximum age', () => {
  const policiesOf = (...events: readonly GivenEvent[]) => {
    const fold = startFold(rotationPolicies)
    fold.apply(logOf(...events))
    return byPrecedence(fold.state)
  }

  it('is the longest matching prefix’s, and of one prefix that of the type', () => {
    const policies = policiesOf(
      policy({ rotateEvery: 1 }),
      policy({ type: 'api_key', rotateEvery: 2 }),
      policy({ prefix: 'prod/', rotateEvery: 3 }),
      policy({ prefix: 'prod/', type: 'api_key', rotateEvery: 4 }),
      policy({ prefix: 'prod/db', rotateEvery: 5 }),
    )
    const of = (path: string, type: 'generic' | 'api_key') => maxAgeOf(path, { type }, policies)
    expect(of('dev/x', 'generic')).toBe(1)
    expect(of('dev/x', 'api_key')).toBe(2)
    expect(of('prod/x', 'generic')).toBe(3)
    expect(of('prod/x', 'api_key')).toBe(4)
    expect(of('prod/db/x', 'api_key')).toBe(5)
  })

  it('is the secret’s own before any policy’s, and two years for encryption keys without either', () => {
    const policies = policiesOf(
      policy({ prefix: 'prod/', rotateEvery: 3 }),
      policy({ prefix: 'x/' }),
    )
    expect(maxAgeOf('prod/x', { type: 'generic', rotateEvery: 9 }, policies)).toBe(9)
    expect(maxAgeOf('dev/x', { type: 'generic' }, policies)).toBeUndefined()
    expect(maxAgeOf('dev/x', { type: 'encryption_key' }, policies)).toBe(2 * year)
    expect(maxAgeOf('x/y', { type: 'encryption_key' }, policies)).toBeUndefined()
  })

  it('goes with its policy, and is replaced by one of the same scope', () => {
    const removed: GivenEvent = { type: 'rotation_policy.removed', data: { prefix: 'a/' } }
    expect(policiesOf(policy({ prefix: 'a/', rotateEvery: 1 }), removed)).toEqual([])
    expect(policiesOf(policy({ rotateEvery: 1 }), policy({ prefix: '', rotateEvery: 2 }))).toEqual([
      { prefix: '', rotateEvery: 2, position: 1, writtenAt: start, writtenBy: 'test' },
    ])
  })
})

describe('a rotation’s status', () => {
  const of = (age: number, rest: Partial<Parameters<typeof rotationStatusOf>[0]> = {}) =>
    rotationStatusOf(
      { state: 'live', valueChangedAt: start, rotations: 1, maxAge: 100 * day, ...rest },
      { now: start + age },
    ).status

  it('is due for the last fourteen days, or the last fifth where that is less', () => {
    expect([of(86 * day - 1), of(86 * day), of(100 * day - 1)]).toEqual(['ok', 'due', 'due'])
    const short = { maxAge: 10 * day }
    expect([of(8 * day - 1, short), of(8 * day, short)]).toEqual(['ok', 'due'])
  })

  it('is overdue at its maximum age, or never where it was never rotated', () => {
    expect([of(100 * day), of(100 * day, { rotations: 0 })]).toEqual(['overdue', 'never'])
    expect(of(86 * day, { rotations: 0 })).toBe('due')
  })

  it('is exempt without a maximum age, and without a value', () => {
    expect(of(year, { maxAge: undefined })).toBe('exempt')
    expect([of(year, { state: 'deleted' }), of(year, { state: 'destroyed' })]).toEqual([
      'exempt',
      'exempt',
    ])
  })

  it('heeds how long before its date somebody wants to know', () => {
    const facts = { state: 'live', valueChangedAt: start, rotations: 1, maxAge: 100 * day } as const
    const status = (dueWithin: number) => rotationStatusOf(facts, { now: at(50), dueWithin }).status
    expect([status(0), status(50 * day - 1), status(50 * day)]).toEqual(['ok', 'ok', 'due'])
  })
})

describe('the rotation report', () => {
  const of = (events: readonly GivenEvent[], about: MadeOf = {}) =>
    reportOf(rotation, events, { now: at(100), ...about })
  const every = (days: number) => ({ rotateEvery: days * day })

  it('has a row for each secret, in order, with every status', () => {
    const { rows } = of([
      write(0, 'ok', { ...every(200), owner: 'team/pay', type: 'api_key' }),
      write(0, 'never', every(90)),
      write(0, 'due', every(110)),
      write(0, 'exempt'),
      write(0, 'overdue', every(30)),
      rotate(5, 'overdue', 2, every(30)),
    ])
    const common = { age: 100 * day, value_changed_at: start, type: 'generic', version: 1 }
    const none = { rotations: 0, last_outcome: 'none' }
    expect(rows).toEqual([
      {
        position: 2,
        path: 'due',
        ...common,
        ...none,
        max_age: 110 * day,
        due: at(110),
        status: 'due',
      },
      { position: 3, path: 'exempt', ...common, ...none, status: 'exempt' },
      {
        position: 1,
        path: 'never',
        ...common,
        ...none,
        max_age: 90 * day,
        due: at(90),
        status: 'never',
        finding: 'overdue by 10 days, never rotated',
      },
      {
        position: 0,
        path: 'ok',
        ...common,
        ...none,
        owner: 'team/pay',
        type: 'api_key',
        max_age: 200 * day,
        due: at(200),
        status: 'ok',
      },
      {
        position: 5,
        path: 'overdue',
        type: 'generic',
        version: 2,
        value_changed_at: at(5),
        age: 95 * day,
        max_age: 30 * day,
        due: at(35),
        rotations: 1,
        last_outcome: 'rotated',
        status: 'overdue',
        finding: 'overdue by 65 days',
      },
    ])
  })

  it('judges by when the value changed, not by when it was last written', () => {
    const { rows } = of([
      write(0, 'a', every(90)),
      rotate(95, 'a', 2, { ...every(90), changed: false }),
    ])
    expect(rows).toMatchObject([
      {
        value_changed_at: start,
        last_outcome: 'rotated_without_change',
        status: 'overdue',
        finding: 'overdue by 10 days',
      },
    ])
  })

  it('finds a rotation that failed last, and one after a compromise that changed nothing', () => {
    const failed = (days: number, trigger: 'schedule' | 'compromise'): GivenEvent => ({
      type: 'secret.rotation_failed',
      time: at(days),
      subject: 'a',
      data: { trigger },
    })
    const said = (...events: readonly GivenEvent[]) =>
      of([write(0, 'a'), ...events]).rows.map((row) => [row.last_outcome, row.finding])
    expect(said(failed(1, 'schedule'))).toEqual([
      ['failed', 'its rotation failed on 2026-01-02T00:00:00.000Z'],
    ])
    expect(said(failed(1, 'compromise'))).toEqual([
      ['failed', 'its rotation after a compromise failed on 2026-01-02T00:00:00.000Z'],
    ])
    expect(said(failed(1, 'compromise'), rotate(1, 'a', 2))).toEqual([['rotated', undefined]])
    expect(said(failed(1, 'schedule'), write(1, 'a', {}, 2))).toEqual([['failed', undefined]])
    expect(said(failed(1, 'schedule'), write(1, 'a', { changed: false }, 2))).toEqual([
      ['failed', 'its rotation failed on 2026-01-02T00:00:00.000Z'],
    ])
    const same = { ...version(2, { changed: false }), trigger: 'compromise' } as const
    expect(said({ type: 'secret.rotated', time: at(2), subject: 'a', data: same })).toEqual([
      [
        'rotated_without_change',
        'its rotation after a compromise on 2026-01-03T00:00:00.000Z did not change the value',
      ],
    ])
  })

  it('finds what is pending until the value changes, whatever leaves it as it is meanwhile', () => {
    const failed = (days: number, trigger: 'schedule' | 'compromise' = 'schedule'): GivenEvent => ({
      type: 'secret.rotation_failed',
      time: at(days),
      subject: 'a',
      data: { trigger },
    })
    const unchanged = (
      days: number,
      number: number,
      trigger: 'schedule' | 'compromise' = 'schedule',
    ): GivenEvent => ({
      type: 'secret.rotated',
      time: at(days),
      subject: 'a',
      data: { ...version(number, { changed: false }), trigger },
    })
    const said = (...events: readonly GivenEvent[]) =>
      of([write(0, 'a'), ...events]).rows.map((row) => [row.last_outcome, row.finding])
    const failure = 'its rotation failed on 2026-01-02T00:00:00.000Z'
    const compromise =
      'its rotation after a compromise on 2026-01-03T00:00:00.000Z did not change the value'
    const same = 'rotated_without_change'
    expect(said(failed(1), unchanged(5, 2))).toEqual([[same, failure]])
    expect(said(unchanged(2, 2, 'compromise'), unchanged(5, 3))).toEqual([[same, compromise]])
    const both = [failed(1), unchanged(2, 2, 'compromise'), unchanged(5, 3)]
    expect(said(...both)).toEqual([[same, `${failure}; ${compromise}`]])
    expect(said(...both, failed(6))).toEqual([
      ['failed', `${compromise}; its rotation failed on 2026-01-07T00:00:00.000Z`],
    ])
    expect(said(...both, rotate(7, 'a', 4))).toEqual([['rotated', undefined]])
    expect(said(...both, write(7, 'a', {}, 4))).toEqual([[same, undefined]])
    expect(said(...both, rotate(7, 'a', 4), unchanged(8, 5))).toEqual([[same, undefined]])
    const deleted = { type: 'secret.deleted', subject: 'a', time: at(9) } as const
    expect(said(...both, { ...deleted, data: { versions: [3] } })).toEqual([[same, undefined]])
  })

  it('exempts what is withdrawn, and forgets what is purged', () => {
    const events: GivenEvent[] = [
      write(0, 'a', every(10)),
      write(0, 'b', every(10)),
      write(0, 'c', every(10)),
      rotate(1, 'c', 2, every(10)),
      { type: 'secret.deleted', subject: 'a', time: at(2), data: { versions: [1] } },
      {
        type: 'secret.destroyed',
        subject: 'b',
        time: at(2),
        data: { versions: gone(1), cause: 'request' },
      },
      { type: 'secret.purged', subject: 'c', time: at(2), data: { version: 2 } },
    ]
    const brief = (more: readonly GivenEvent[] = []) =>
      of([...events, ...more]).rows.map(({ path, status, rotations }) => [path, status, rotations])
    expect(brief()).toEqual([
      ['a', 'exempt', 0],
      ['b', 'exempt', 0],
    ])
    expect(brief([write(3, 'c', every(10))])).toEqual([
      ['a', 'exempt', 0],
      ['b', 'exempt', 0],
      ['c', 'never', 0],
    ])
  })

  it('counts the rotations of its range alone, and judges by all of them', () => {
    const log = [
      write(0, 'a', every(30)),
      rotate(1, 'a', 2, every(30)),
      rotate(40, 'a', 3, every(30)),
      write(41, 'b/c', every(30)),
    ]
    const { rows, charts } = of(log, { from: 2, params: { subject: 'a' } })
    expect(rows).toMatchObject([{ path: 'a', rotations: 1, status: 'overdue' }])
    expect(charts).toMatchObject([
      { title: 'rotations by month', labels: ['2026-02'], series: [{ values: [1] }] },
      { title: 'secrets by age of their value', series: [{ values: [0, 1, 0, 0, 0, 0] }] },
    ])
  })

  it('follows policies as they were then', () => {
    const log = [
      write(0, 'prod/a'),
      policy({ prefix: 'prod/', rotateEvery: 50 * day }),
      { type: 'rotation_policy.removed', time: at(1), data: { prefix: 'prod/' } } as const,
    ]
    const status = (to: number) => of(log, { to }).rows.map((row) => row.status)
    expect([status(0), status(1), status(2)]).toEqual([['exempt'], ['never'], ['exempt']])
  })

  it('takes a value from the future for a new one', () => {
    expect(of([write(120, 'a', every(10))]).rows).toMatchObject([{ age: 0, status: 'ok' }])
  })

  it('goes through ten thousand secrets in the order of their paths', () => {
    const paths = Array.from({ length: 10_000 }, (_, n) => `p/${(n * 7919) % 10_000}`)
    const { rows } = of(paths.map((path) => write(0, path)))
    expect(rows.map(({ path }) => path)).toEqual([...paths].sort())
  })
})

describe('projections combined', () => {
  it('fold as each of them would', () => {
    const log = logOf(write(0, 'a'), rotate(1, 'a', 2), write(2, 'b'))
    const alone = [startFold(secrets), startFold(rotations)] as const
    const seen: number[] = []
    const counting = {
      name: 'counting',
      version: 1,
      initial: () => seen,
      on: {},
      each: (state: number[], { position }: { position: number }) => void state.push(position),
    }
    const fold = startFold(combined('three', { secrets, rotations, counting }))
    for (const each of [...alone, fold]) each.apply(log)
    expect(fold.state).toEqual({
      secrets: alone[0].state,
      rotations: alone[1].state,
      counting: [0, 1, 2],
    })
  })

  it('need a name', () => {
    expect(() => combined('No Name', { secrets })).toThrow("a projection's name is of the form")
  })
})
