import { describe, expect, it } from 'vitest'
import type { EventContext, EventData } from '../../src/events/catalogue.ts'
import { parsePattern } from '../../src/events/pattern.ts'
import { startFold } from '../../src/projections/projection.ts'
import { accessReview } from '../../src/reports/contents/access-review.ts'
import { denials } from '../../src/reports/contents/denials.ts'
import { overlap } from '../../src/reports/contents/filter.ts'
import { tokenUses } from '../../src/reports/contents/token-uses.ts'
import type { GivenEvent } from '../../src/testing/given.ts'
import {
  claimed,
  created,
  day,
  logOf,
  type MadeOf,
  reportOf,
  start,
} from '../fixtures/made-report.ts'

const hour = 3600 * 1000
const minute = 60 * 1000

describe('the report of denials', () => {
  const of = (events: readonly GivenEvent[], about: MadeOf = {}) => reportOf(denials, events, about)
  const denied = (
    time: number,
    subject = 'a',
    cause: 'policy' | 'expired' | 'absent' = 'policy',
  ): GivenEvent => ({
    type: 'secret.denied',
    time: start + time,
    actor: 'user/ana',
    subject,
    data: { operation: 'read', cause },
  })
  const failed = (time: number, count = 1): GivenEvent => ({
    type: 'auth.failed',
    time: start + day,
    actor: 'unknown',
    data: { method: 'keyslot', triedAt: start + time, count },
  })

  it('has a row for each actor and reason', () => {
    const { rows, charts } = of([
      denied(0, 'b'),
      denied(1, 'a'),
      denied(2, 'b'),
      { ...denied(3, 'a'), actor: 'svc/x' },
      denied(4, 'c', 'absent'),
      failed(day + 5, 2),
    ])
    const one = { elsewhere: 0, reuse_of_expired: 0, causes: [] }
    expect(rows).toEqual([
      {
        ...one,
        position: 3,
        actor: 'svc/x',
        count: 1,
        reason: 'policy',
        first: start + 3,
        last: start + 3,
        paths: ['a'],
      },
      {
        ...one,
        position: 5,
        actor: 'unknown',
        count: 2,
        reason: 'failed_unlock',
        first: start + day + 5,
        last: start + day + 5,
        paths: [],
      },
      {
        ...one,
        position: 4,
        actor: 'user/ana',
        count: 1,
        reason: 'absent',
        first: start + 4,
        last: start + 4,
        paths: ['c'],
      },
      {
        ...one,
        position: 2,
        actor: 'user/ana',
        count: 3,
        reason: 'policy',
        first: start,
        last: start + 2,
        paths: ['b', 'a'],
      },
    ])
    expect(charts).toEqual([
      {
        kind: 'bars',
        title: 'refusals by day',
        labels: ['2026-01-01', '2026-01-02'],
        series: [
          { name: 'denials', values: [5, 0] },
          { name: 'failed unlocks', values: [0, 2] },
          { name: 'failed tokens and logins', values: [0, 0] },
        ],
      },
    ])
  })

  it('finds ten refusals of one actor within an hour, whatever their reasons', () => {
    const found = (events: readonly GivenEvent[]) => of(events).rows.map(({ finding }) => finding)
    const nine = Array.from({ length: 9 }, (_, n) => denied(n * minute, `p/${n}`))
    const burst = '10 or more refusals of this actor within 1 hour'
    expect(found(nine)).toEqual([undefined])
    expect(found([...nine, denied(hour + 1)])).toEqual([undefined])
    expect(found([...nine, denied(hour)])).toEqual([burst])
    expect(found([...nine, denied(hour, 'a', 'absent')])).toEqual([burst, undefined])
    expect(found([...nine, { ...denied(hour), actor: 'svc/x' }])).toEqual([undefined, undefined])
    expect(found([...nine, denied(hour), denied(9 * hour)])).toEqual([burst])
    const setBack: GivenEvent = { type: 'clock.corrected', data: { from: 1, to: 0 } }
    expect(found([...nine, setBack, denied(-day)])).toEqual([undefined])
  })

  it('finds five wrong credentials within ten minutes', () => {
    const found = (...events: readonly GivenEvent[]) =>
      of(events).rows.map(({ finding }) => finding)
    const burst = '5 or more wrong credentials within 10 minutes'
    expect(found(failed(0, 4))).toEqual([undefined])
    expect(found(failed(0, 4), failed(10 * minute))).toEqual([burst])
    expect(found(failed(0, 4), failed(10 * minute + 1))).toEqual([undefined])
    expect(found(failed(0, 70))).toEqual([burst])
  })

  /** Shown to an open vault. */
  const shown = (
    time: number,
    source: string | undefined,
    data: Partial<EventData['auth.failed']> = {},
  ): GivenEvent => ({
    type: 'auth.failed',
    time: start + time,
    actor: 'svc/vault',
    context: source === undefined ? {} : { source },
    data: { method: 'token', cause: 'unknown', count: 1, ...data, triedAt: start + time },
  })

  it('tells tokens and logins that do not hold by where they came from, and why', () => {
    const { rows, charts } = of([
      shown(5, '10.0.0.7'),
      shown(6, '10.0.0.7', { cause: 'expired' }),
      shown(7, '10.0.0.8', { cause: 'missing' }),
      shown(8, undefined, { method: 'approle' }),
      // Counted, and told after what came later.
      shown(3, '10.0.0.7', { count: 4 }),
    ])
    const brief = rows.map(({ reason, source, causes, count, first, last }) => [
      reason,
      source,
      causes,
      count,
      Number(first) - start,
      Number(last) - start,
    ])
    expect(brief).toEqual([
      ['failed_login', undefined, ['unknown'], 1, 8, 8],
      ['failed_token', '10.0.0.7', ['unknown', 'expired'], 6, 3, 6],
      ['failed_token', '10.0.0.8', ['missing'], 1, 7, 7],
    ])
    expect(rows.map(({ actor }) => actor)).toEqual(Array(3).fill('svc/vault'))
    expect(charts[0]?.series.map(({ values }) => values)).toEqual([[0], [0], [8]])
  })

  it('finds five tokens or logins within ten minutes that do not hold, of one source', () => {
    const found = (...events: readonly GivenEvent[]) => [
      ...new Set(of(events).rows.map(({ finding }) => finding)),
    ]
    const [one, other] = ['10.0.0.7', '10.0.0.8']
    const tokens = '5 or more tokens that do not hold from this source within 10 minutes'
    const logins = '5 or more failed logins from this source within 10 minutes'
    const login = { method: 'approle' } as const
    expect(found(shown(0, one, { count: 4 }), shown(1, other, { count: 4 }))).toEqual([undefined])
    expect(found(shown(0, one, { count: 4 }), shown(1, one, login))).toEqual([undefined])
    expect(found(shown(0, one, { count: 4 }), failed(1))).toEqual([undefined])
    expect(found(shown(0, one, { count: 4 }), shown(10 * minute, one))).toEqual([tokens])
    expect(found(shown(0, one, { count: 4 }), shown(10 * minute + 1, one))).toEqual([undefined])
    expect(found(shown(0, one, { ...login, count: 30 }))).toEqual([logins])
  })

  it('finds each use of what has expired, asked for or handed out', () => {
    const { rows } = of([
      denied(0, 'a', 'expired'),
      {
        type: 'secret.accessed',
        time: start,
        actor: 'user/ana',
        subject: 'a',
        data: { operation: 'read', version: 1, allowExpired: true },
      },
      {
        type: 'secret.accessed',
        time: start,
        actor: 'user/ana',
        subject: 'a',
        data: { operation: 'read', version: 1 },
      },
    ])
    expect(rows.map((row) => [row.reason, row.reuse_of_expired, row.finding])).toEqual([
      ['expired', 1, 'an expired value was asked for'],
      ['read_although_expired', 1, 'an expired value was handed out'],
    ])
  })

  it('names ten paths, and counts the refusals elsewhere', () => {
    const events = Array.from({ length: 25 }, (_, n) => denied(n * hour, `p/${n % 12}`))
    const [row] = of(events).rows
    expect(row?.paths).toEqual(Array.from({ length: 10 }, (_, n) => `p/${n}`))
    expect([row?.count, row?.elsewhere]).toEqual([25, 4])
  })

  it('keeps to its range and patterns', () => {
    const events = [failed(0), denied(0), denied(1, 'b/c'), { ...denied(2), actor: 'svc/x' }]
    const brief = (about: MadeOf) => of(events, about).rows.map(({ position }) => position)
    expect(brief({ from: 2 })).toEqual([3, 2])
    expect(brief({ params: { subject: 'b/**' } })).toEqual([2])
    expect(brief({ params: { actor: 'svc/*' } })).toEqual([3])
    expect(brief({ from: 4 })).toEqual([])
  })
})

describe('the access review', () => {
  const of = (events: readonly GivenEvent[], about: MadeOf = {}) =>
    reportOf(accessReview, events, { now: start + 100 * day, ...about }).rows
  const root = { actor: 'user/root', context: claimed }
  const rules = [
    { effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/**'] },
    { effect: 'deny', capabilities: ['read'], paths: ['prod/root'] },
  ] as const
  const policy: GivenEvent = { ...root, type: 'policy.written', data: { name: 'pay', rules } }
  const role: GivenEvent = {
    ...root,
    type: 'role.written',
    data: { name: 'dba', policies: ['pay'] },
  }
  const grant = (actor: string, more: object = {}, name = 'dba'): GivenEvent => ({
    ...root,
    type: 'role.granted',
    data: { name, actor, ...more },
  })
  const read = (actor: string, decision: EventContext['decision']): GivenEvent => ({
    type: 'secret.accessed',
    actor,
    subject: 'prod/a',
    context: { ...claimed, ...(decision && { decision }) },
    data: { operation: 'read', version: 1 },
  })
  const by = (rule: string, policy: number) =>
    ({ rule, role: 'dba', outcome: 'allow', policy }) as const
  const host = (count: number, last: number) => ({
    position: last,
    actor: 'user/root',
    role: '(host)',
    effect: 'allow',
    paths: ['**'],
    granted_by: 'whoever opened the vault (claimed)',
    last_used: last,
    uses: count,
    unused: 'used',
    status: 'host',
  })
  const held = {
    position: 2,
    actor: 'user/ana',
    role: 'dba',
    granted_by: 'user/root',
    granted_at: 2,
    status: 'in_force',
  }
  const [allow, deny] = [
    { rule: 'pay#0', effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/**'] },
    { rule: 'pay#1', effect: 'deny', capabilities: ['read'], paths: ['prod/root'] },
  ]

  it('has each rule of each grant, who granted it, and its use', () => {
    const begin = [policy, role, grant('user/ana')]
    expect(of(begin)).toEqual([
      { ...held, ...allow, uses: 0, unused: 'unused', finding: 'never used since it was granted' },
      { ...held, ...deny, uses: 0, unused: 'unused' },
      host(3, 2),
    ])
    expect(
      of([...begin, read('user/ana', by('pay#0', 0)), read('user/ana', by('pay#0', 0))]),
    ).toEqual([
      { ...held, ...allow, uses: 2, last_used: 4, unused: 'used' },
      { ...held, ...deny, uses: 0, unused: 'unused' },
      host(3, 2),
    ])
  })

  it('has grants that ran out, and roles without rules', () => {
    const log = [
      policy,
      role,
      grant('user/bob', { expiresAt: start }),
      { ...root, type: 'role.written', data: { name: 'idle', policies: ['gone'] } } as const,
      grant('user/ana', {}, 'idle'),
    ]
    const brief = of(log).map(({ actor, rule, status, expires_at, finding }) => [
      actor,
      rule,
      status,
      expires_at,
      finding,
    ])
    expect(brief).toEqual([
      ['user/ana', undefined, 'empty', undefined, 'never used since it was granted'],
      ['user/bob', 'pay#0', 'expired', start, undefined],
      ['user/bob', 'pay#1', 'expired', start, undefined],
      ['user/root', undefined, 'host', undefined, undefined],
    ])
  })

  it('forgets the use of a grant that was withdrawn, and keeps it where one is renewed', () => {
    const begin = [policy, role, grant('user/ana'), read('user/ana', by('pay#0', 0))]
    const withdrawn: GivenEvent = {
      ...root,
      type: 'role.withdrawn',
      data: { name: 'dba', actor: 'user/ana' },
    }
    const removed: GivenEvent = { ...root, type: 'role.removed', data: { name: 'dba' } }
    const uses = (...events: readonly GivenEvent[]) => of([...begin, ...events])[0]?.uses
    expect(uses(grant('user/ana'))).toBe(1)
    expect(uses(withdrawn, grant('user/ana'))).toBe(0)
    expect(uses(removed, role, grant('user/ana'))).toBe(0)
    expect(of([...begin, withdrawn]).map(({ status }) => status)).toEqual(['host'])
  })

  it('counts for a rule of a policy written again only what it decided since', () => {
    const log = [policy, role, grant('user/ana'), read('user/ana', by('pay#0', 0)), policy]
    const [row] = of(log)
    expect(row).toMatchObject({ rule: 'pay#0', uses: 0, unused: 'unused' })
    expect(row).not.toHaveProperty('finding')
  })

  it('has roles that the host asserted, and what was done without any', () => {
    const asserted = { ...by('pay#0', 0), asserted: true } as const
    const gone = { ...by('old#0', 9), asserted: true } as const
    const denied: GivenEvent = {
      type: 'secret.denied',
      actor: 'user/eve',
      subject: 'prod/a',
      context: { ...claimed, decision: { rule: '', role: '', outcome: 'deny' } },
      data: { operation: 'read', cause: 'policy' },
    }
    const log = [
      policy,
      role,
      read('svc/pay', asserted),
      read('svc/old', gone),
      read('svc/boot', undefined),
      denied,
      {
        type: 'auth.failed',
        actor: 'unknown',
        data: { method: 'keyslot', triedAt: 0, count: 1 },
      } as const,
    ]
    const common = {
      granted_by: 'asserted by the host',
      uses: 1,
      unused: 'used',
      status: 'asserted',
    }
    expect(of(log)).toEqual([
      {
        ...common,
        position: 3,
        actor: 'svc/old',
        role: 'dba',
        rule: 'old#0',
        effect: 'allow',
        capabilities: [],
        paths: [],
        last_used: 3,
      },
      { ...common, ...allow, position: 2, actor: 'svc/pay', role: 'dba', last_used: 2 },
      { ...host(1, 4), actor: 'svc/boot' },
      host(2, 1),
    ])
  })

  it('names no paths of an asserted rule that was written again since', () => {
    const asserted = { ...by('pay#0', 0), asserted: true } as const
    const [row] = of([policy, role, read('svc/pay', asserted), policy])
    expect(row).toMatchObject({ rule: 'pay#0', status: 'asserted', capabilities: [], paths: [] })
  })

  it('shows access as it was, and only of those who are asked about', () => {
    const log = [policy, role, grant('user/ana'), grant('svc/pay'), read('svc/pay', undefined)]
    const brief = (about: MadeOf) =>
      of(log, about).map(({ actor, rule }) => `${actor} ${rule ?? ''}`)
    expect(brief({ to: 2 })).toEqual(['user/ana pay#0', 'user/ana pay#1', 'user/root '])
    expect(brief({ params: { actor: 'svc/*' } })).toEqual([
      'svc/pay pay#0',
      'svc/pay pay#1',
      'svc/pay ',
    ])
    const scoped = { actor: 'user/ana', subject: 'prod/db/**' }
    expect(brief({ params: scoped })).toEqual(['user/ana pay#0'])
    expect(brief({ params: { ...scoped, subject: 'dev/**' } })).toEqual([])
  })

  const issued = (accessor: string, data: Partial<EventData['token.issued']> = {}): GivenEvent => ({
    ...root,
    type: 'token.issued',
    data: {
      accessor,
      hash: new Uint8Array(32),
      epoch: 1,
      actor: 'svc/ci',
      policies: ['pay'],
      ...data,
    },
  })
  const application: GivenEvent = {
    ...root,
    type: 'approle.written',
    data: {
      name: 'ci',
      roleId: 'r',
      actor: 'svc/ci',
      bindSecretId: true,
      policies: ['pay'],
    },
  }
  /** A read by a token, which a rule of its own policies or of a role decided. */
  const readBy = (id: string, role: string, method: 'token' | 'approle' = 'token'): GivenEvent => ({
    ...read('svc/ci', undefined),
    context: {
      auth: { method, id },
      decision: { rule: 'pay#0', role, outcome: 'allow', policy: 0 },
    },
  })
  const brief = (rows: ReturnType<typeof of>) =>
    rows
      .filter(({ status }) => status !== 'host')
      .map(({ role, label, rule, uses, status, finding }) => [
        role,
        label,
        rule,
        uses,
        status,
        finding,
      ])

  it('has what tokens with policies of their own bring, who issued them, and their use', () => {
    const log = [policy, issued('t', { label: 'pipeline', expiresAt: start + 200 * day })]
    const token = {
      position: 1,
      actor: 'svc/ci',
      role: '(token)',
      token: 't',
      label: 'pipeline',
      granted_by: 'user/root',
      granted_at: 1,
      expires_at: start + 200 * day,
      status: 'in_force',
    }
    expect(of(log)).toEqual([
      { ...token, ...allow, uses: 0, unused: 'unused', finding: 'never used since it was issued' },
      { ...token, ...deny, uses: 0, unused: 'unused' },
      host(2, 1),
    ])
    expect(of([...log, readBy('t', ''), readBy('t', '')])).toEqual([
      { ...token, ...allow, uses: 2, last_used: 3, unused: 'used' },
      { ...token, ...deny, uses: 0, unused: 'unused' },
      host(2, 1),
    ])
  })

  it('counts what a token with the roles of its actor decided for the grant', () => {
    const { policies: _, ...data } = issued('t').data as EventData['token.issued']
    const log = [policy, role, grant('svc/ci'), { ...issued('t'), data } as GivenEvent]
    expect(brief(of([...log, readBy('t', 'dba')]))).toEqual([
      ['dba', undefined, 'pay#0', 1, 'in_force', undefined],
      ['dba', undefined, 'pay#1', 0, 'in_force', undefined],
    ])
  })

  it('has applications that may log in, and what their logins were used for', () => {
    const unused = 'never used since it was written'
    expect(brief(of([policy, application]))).toEqual([
      ['(approle)', 'ci', 'pay#0', 0, 'may_log_in', unused],
      ['(approle)', 'ci', 'pay#1', 0, 'may_log_in', undefined],
    ])
    const login: GivenEvent = {
      type: 'auth.succeeded',
      actor: 'svc/ci',
      context: { auth: { method: 'approle', id: 's' } },
      data: { method: 'approle', name: 'ci' },
    }
    const through = { ...issued('t', { approle: 'ci' }), actor: 'svc/ci', context: login.context }
    const ended: GivenEvent = {
      type: 'token.revoked',
      actor: 'svc/ci',
      context: { auth: { method: 'approle', id: 't' } },
      data: { accessor: 't', actor: 'svc/ci' },
    }
    const used = [policy, application, login, through as GivenEvent, readBy('t', '', 'approle')]
    expect(brief(of(used))).toEqual([
      ['(approle)', 'ci', 'pay#0', 1, 'may_log_in', undefined],
      ['(approle)', 'ci', 'pay#1', 0, 'may_log_in', undefined],
      ['(token)', 'ci', 'pay#0', 1, 'in_force', undefined],
      ['(token)', 'ci', 'pay#1', 0, 'in_force', undefined],
    ])
    // What a login does by itself is nothing that the host did.
    expect(of([...used, ended]).map(({ actor, status }) => `${actor} ${status}`)).toEqual([
      'svc/ci may_log_in',
      'svc/ci may_log_in',
      'user/root host',
    ])
    const removed: GivenEvent = { type: 'approle.removed', data: { name: 'ci' } }
    expect(brief(of([...used, removed]))).toEqual([])
    expect(brief(of([...used, removed, application]))[0]?.[3]).toBe(0)
  })

  it('forgets the use of a token that was revoked, where its text is issued again', () => {
    const revoked: GivenEvent = { type: 'token.revoked', data: { accessor: 't', actor: 'svc/ci' } }
    const log = [policy, issued('t'), readBy('t', '')]
    expect(brief(of([...log, revoked, issued('t')]))[0]?.[3]).toBe(0)
    expect(brief(of([...log, issued('t')]))[0]?.[3]).toBe(0)
    expect(brief(of([...log, revoked]))).toEqual([])
  })

  it('counts a use of a token that ends itself by a rule', () => {
    const revoked: GivenEvent = {
      ...readBy('t', '', 'approle'),
      type: 'token.revoked',
      subject: '',
      data: { accessor: 't', actor: 'svc/ci' },
    }
    const rows = brief(of([policy, application, issued('t', { approle: 'ci' }), revoked]))
    expect(rows[0]?.[3]).toBe(1)
  })

  it('says that a token that holds everything was used by that', () => {
    const used: GivenEvent = {
      ...readBy('t', ''),
      context: {
        auth: { method: 'token', id: 't' },
        decision: { rule: 'root#0', role: '', outcome: 'allow' },
      },
    }
    const [row] = of([issued('t', { policies: ['root'] }), used])
    expect(row).toMatchObject({ rule: 'root#0', paths: ['**'], uses: 1 })
    expect(row).not.toHaveProperty('finding')
  })

  it('keeps tokens to the actors and paths that are asked about', () => {
    const log = [policy, issued('t'), issued('u', { actor: 'svc/x', policies: ['root'] })]
    const asked = (params: MadeOf['params']) =>
      of(log, { params: params ?? {} }).map(({ token, rule }) => `${token} ${rule}`)
    expect(asked({ actor: 'svc/ci' })).toEqual(['t pay#0', 't pay#1'])
    expect(asked({ subject: 'dev/**', actor: 'svc/*' })).toEqual(['u root#0'])
  })

  it('does not keep the use of every token that ever was', () => {
    const fold = startFold(tokenUses)
    const log = logOf(
      policy,
      ...Array.from({ length: 3000 }, (_, i) => [
        issued(`t${i}`, { expiresAt: i }),
        readBy(`t${i}`, ''),
      ]).flat(),
    )
    fold.apply(log)
    expect(fold.state.tokens.size).toBeLessThan(2048)
    expect(fold.state.own.size).toBeLessThan(2 * 2048 + 1024)
    expect(fold.state.own.size).toBeLessThan(3000)
  })

  it('has the one who made the vault', () => {
    expect(of([created])).toMatchObject([{ actor: 'test', role: '(host)', uses: 1 }])
  })
})

describe('two patterns', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/*', '*/b', true],
    ['a/*', 'a', false],
    ['a/**', 'a', false],
    ['a/**', 'a/b/c', true],
    ['a/**', 'b/**', false],
    ['a/b/**', 'a/**', true],
    ['a/*/**', 'a/b', false],
    ['**', 'x', true],
    ['**', '**', true],
  ])('%s and %s have a path in common: %s', (a, b, expected) => {
    expect(overlap(parsePattern(a), parsePattern(b))).toBe(expected)
    expect(overlap(parsePattern(b), parsePattern(a))).toBe(expected)
  })
})
