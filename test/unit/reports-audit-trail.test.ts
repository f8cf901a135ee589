import { describe, expect, it } from 'vitest'
import type { EventData } from '../../src/events/catalogue.ts'
import { auditTrail } from '../../src/reports/contents/audit-trail.ts'
import { exposure } from '../../src/reports/contents/exposure.ts'
import { privileged } from '../../src/reports/contents/privileged.ts'
import type { GivenEvent } from '../../src/testing/given.ts'
import {
  claimed,
  created,
  day,
  gone,
  reportOf,
  slot,
  start,
  version,
} from '../fixtures/made-report.ts'

const decision = { rule: 'payments#0', role: 'dba', outcome: 'allow', policy: 3 } as const

describe('the audit trail', () => {
  const log: readonly GivenEvent[] = [
    {
      ...created,
      time: start,
      actor: 'user/root',
      context: { auth: { method: 'keyslot', id: 'x' } },
    },
    {
      type: 'secret.written',
      time: start,
      actor: 'user/root',
      subject: 'prod/db',
      context: { ...claimed, reason: '=1+1', source: '10.0.0.7', correlationId: 'r-1' },
      data: version(1),
    },
    {
      type: 'secret.accessed',
      time: start + day,
      actor: 'user/ana',
      subject: 'prod/db',
      context: { ...claimed, decision },
      data: { operation: 'read', version: 1 },
    },
    {
      type: 'secret.denied',
      time: start + 3 * day,
      actor: 'user/ana',
      subject: 'prod/db',
      context: { ...claimed, decision: { rule: '', role: '', outcome: 'deny' } },
      data: { operation: 'rotate', cause: 'policy' },
    },
    {
      type: 'secret.denied',
      time: start + 3 * day,
      actor: 'user/ana',
      subject: 'dev/old',
      context: { ...claimed, decision },
      data: { operation: 'read', cause: 'expired', version: 2 },
    },
    {
      type: 'auth.failed',
      time: start + 4 * day,
      actor: 'unknown',
      data: { method: 'keyslot', triedAt: 1, count: 2 },
    },
    {
      type: 'secret.rotation_failed',
      time: start + 4 * day,
      subject: 'prod/db',
      data: { trigger: 'schedule' },
    },
    {
      type: 'secret.destroyed',
      time: start + 4 * day,
      subject: 'prod/db',
      data: { versions: gone(1, 3), cause: 'request' },
    },
  ]

  it('says who did what when, from where, why, and whether it was allowed', () => {
    expect(reportOf(auditTrail, log).rows).toEqual([
      {
        position: 0,
        time: start,
        type: 'vault.created',
        actor: 'user/root',
        authentication: 'keyslot',
        decision: 'allowed',
      },
      {
        position: 1,
        time: start,
        type: 'secret.written',
        actor: 'user/root',
        authentication: 'claimed',
        source: '10.0.0.7',
        path: 'prod/db',
        version: ['1'],
        decision: 'allowed',
        reason: '=1+1',
        correlation: 'r-1',
      },
      {
        position: 2,
        time: start + day,
        type: 'secret.accessed',
        actor: 'user/ana',
        authentication: 'claimed',
        path: 'prod/db',
        version: ['1'],
        decision: 'allowed',
        rule: 'payments#0',
      },
      {
        position: 3,
        time: start + 3 * day,
        type: 'secret.denied',
        actor: 'user/ana',
        authentication: 'claimed',
        path: 'prod/db',
        decision: 'denied',
        rule: 'no rule',
      },
      {
        position: 4,
        time: start + 3 * day,
        type: 'secret.denied',
        actor: 'user/ana',
        authentication: 'claimed',
        path: 'dev/old',
        version: ['2'],
        decision: 'denied',
        rule: 'expired',
      },
      {
        position: 5,
        time: start + 4 * day,
        type: 'auth.failed',
        actor: 'unknown',
        decision: 'failed',
      },
      {
        position: 6,
        time: start + 4 * day,
        type: 'secret.rotation_failed',
        actor: 'test',
        path: 'prod/db',
        decision: 'failed',
      },
      {
        position: 7,
        time: start + 4 * day,
        type: 'secret.destroyed',
        actor: 'test',
        path: 'prod/db',
        version: ['1', '3'],
        decision: 'allowed',
      },
    ])
  })

  it('keeps to its range and to patterns of paths and actors, in its charts too', () => {
    const { rows, charts } = reportOf(auditTrail, log, {
      from: 2,
      params: { subject: 'prod/**', actor: 'user/*' },
    })
    expect(rows.map(({ position }) => position)).toEqual([2, 3])
    expect(charts).toEqual([
      {
        kind: 'bars',
        title: 'reads by day',
        labels: ['2026-01-02'],
        series: [{ name: 'reads', values: [1] }],
      },
      {
        kind: 'bars',
        title: 'events by actor, the busiest ten',
        labels: ['user/ana'],
        series: [{ name: 'events', values: [2] }],
      },
    ])
  })

  it('shows days without reads between days with some', () => {
    const read = (days: number): GivenEvent => ({
      type: 'secret.accessed',
      time: start + days * day,
      subject: 'a',
      data: { operation: 'read', version: 1 },
    })
    const [reads] = reportOf(auditTrail, [read(0), read(2), read(2)]).charts
    expect(reads).toMatchObject({
      labels: ['2026-01-01', '2026-01-02', '2026-01-03'],
      series: [{ values: [1, 0, 2] }],
    })
    const [months] = reportOf(auditTrail, [read(0), read(120), read(120)]).charts
    expect(months).toMatchObject({
      title: 'reads by month',
      labels: ['2026-01', '2026-02', '2026-03', '2026-04', '2026-05'],
      series: [{ values: [1, 0, 0, 0, 2] }],
    })
    const [years] = reportOf(auditTrail, [read(0), read(365 * 30)]).charts
    expect(years).toMatchObject({ title: 'reads by year' })
    expect(years?.labels.length).toBe(30)
  })

  it('names the ten busiest actors, and of as many events the first in order', () => {
    const actors = ['k', 'b', 'a', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'a']
    const [, busiest] = reportOf(
      auditTrail,
      actors.map((actor): GivenEvent => ({ type: 'vault.closed', actor, data: {} })),
    ).charts
    expect(busiest?.labels).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'])
    expect(busiest?.series[0]?.values).toEqual([2, 1, 1, 1, 1, 1, 1, 1, 1, 1])
  })

  it('says why a token or a login was refused', () => {
    const failed = (data: Partial<EventData['auth.failed']>): GivenEvent => ({
      type: 'auth.failed',
      data: { method: 'token', triedAt: 0, count: 1, ...data },
    })
    const { rows } = reportOf(auditTrail, [failed({ cause: 'spent' }), failed({})])
    expect(rows.map(({ decision, rule }) => [decision, rule])).toEqual([
      ['failed', 'spent'],
      ['failed', undefined],
    ])
  })

  it('refuses a pattern that is none', () => {
    expect(() => reportOf(auditTrail, log, { params: { subject: 'prod/*x' } })).toThrow(
      'segment of subject "*x": expected no U+002A',
    )
  })
})

describe('an exposure', () => {
  const write = (subject: string, number: number, changed = true): GivenEvent => ({
    type: number === 1 ? 'secret.written' : 'secret.rotated',
    subject,
    data: { ...version(number, { changed }), trigger: 'manual' } as never,
  })
  const read = (subject: string, number: number, actor = 'user/ana'): GivenEvent => ({
    type: 'secret.accessed',
    subject,
    actor,
    context: claimed,
    data: { operation: 'read', version: number },
  })
  const of = (events: readonly GivenEvent[], from = 0, subject?: string) =>
    reportOf(exposure, events, {
      from,
      params: { actor: 'user/ana', ...(subject !== undefined && { subject }) },
    }).rows
  const row = (path: string, number: number, at: number) => ({
    position: at,
    actor: 'user/ana',
    authentication: 'claimed',
    path,
    version: number,
    by: 'read',
    count: 1,
    first: at,
    last: at,
  })
  const still = { status: 'in_force', finding: 'its value is not changed since' }

  it('finds what was read and is not changed since', () => {
    expect(
      of([write('b', 1), write('a', 1), read('b', 1), read('a', 1), read('a', 1), write('b', 2)]),
    ).toEqual([
      { ...row('a', 1, 4), count: 2, first: 3, ...still },
      { ...row('b', 1, 2), status: 'changed', ended_at: 5, ended_position: 5 },
    ])
  })

  it('takes a rotation that changed nothing for none', () => {
    expect(of([write('a', 1), read('a', 1), write('a', 2, false), read('a', 2)])).toEqual([
      { ...row('a', 1, 1), ...still },
      { ...row('a', 2, 3), ...still },
    ])
  })

  it('finds an older version that has the value of the newest', () => {
    expect(of([write('a', 1), write('a', 2, false), read('a', 1)])).toEqual([
      { ...row('a', 1, 2), ...still },
    ])
  })

  it('tells an older version that was replaced already when it was read', () => {
    expect(of([write('a', 1), write('a', 2), read('a', 1), read('a', 1)])).toEqual([
      { ...row('a', 1, 3), count: 2, first: 2, status: 'changed', ended_at: 1, ended_position: 1 },
    ])
  })

  it('names the event that replaced an old version, not those that came after it', () => {
    const log = [1, 2, 3, 4].map((number) => write('a', number))
    const ended = (number: number) =>
      of([...log, read('a', number)]).map((row) => [row.status, row.ended_position, row.ended_at])
    expect([1, 2, 3].map(ended)).toEqual([1, 2, 3].map((at) => [['changed', at, at]]))
    expect(ended(4)).toEqual([['in_force', undefined, undefined]])
    const same = [write('a', 1), write('a', 2, false), write('a', 3), write('a', 4), read('a', 1)]
    expect(of(same)).toMatchObject([{ status: 'changed', ended_position: 2 }])
  })

  it('tells when a value was destroyed whose older version is read after that', () => {
    const destroyed: GivenEvent = {
      type: 'secret.destroyed',
      subject: 'a',
      data: { versions: gone(2), cause: 'request' },
    }
    const log = [write('a', 1), write('a', 2, false), destroyed, read('a', 1)]
    const ended = { status: 'destroyed', ended_at: 2, ended_position: 2 }
    expect(of(log)).toEqual([{ ...row('a', 1, 3), ...ended }])
    expect(of([...log, write('a', 3), read('a', 1)])).toMatchObject([{ count: 2, ...ended }])
  })

  it('tells what was deleted from what was destroyed and purged', () => {
    const withdrawn: GivenEvent = { type: 'secret.deleted', subject: 'a', data: { versions: [1] } }
    const back: GivenEvent = { type: 'secret.restored', subject: 'a', data: { versions: [1] } }
    const destroyed: GivenEvent = {
      type: 'secret.destroyed',
      subject: 'a',
      data: { versions: gone(1), cause: 'request' },
    }
    const purged: GivenEvent = { type: 'secret.purged', subject: 'a', data: { version: 1 } }
    const begin = [write('a', 1), read('a', 1)]
    expect(of([...begin, withdrawn])).toEqual([
      {
        ...row('a', 1, 1),
        status: 'deleted',
        finding: 'deleted, which can be undone; its value is not changed since',
      },
    ])
    expect(of([...begin, withdrawn, back])).toEqual([{ ...row('a', 1, 1), ...still }])
    const ended = { ended_at: 2, ended_position: 2 }
    expect(of([...begin, destroyed])).toEqual([
      { ...row('a', 1, 1), status: 'destroyed', ...ended },
    ])
    expect(of([...begin, purged])).toEqual([{ ...row('a', 1, 1), status: 'purged', ...ended }])
  })

  it('leaves a value in force whose older versions alone are destroyed', () => {
    const pruned: GivenEvent = {
      type: 'secret.destroyed',
      subject: 'a',
      data: { versions: gone(1), cause: 'max_versions' },
    }
    expect(of([write('a', 1), read('a', 1), write('a', 2, false), pruned])).toEqual([
      { ...row('a', 1, 1), ...still },
    ])
  })

  it('tells the lives of a path apart', () => {
    const purged: GivenEvent = { type: 'secret.purged', subject: 'a', data: { version: 1 } }
    expect(of([write('a', 1), read('a', 1), purged, write('a', 1), read('a', 1)])).toEqual([
      { ...row('a', 1, 1), status: 'purged', ended_at: 2, ended_position: 2 },
      { ...row('a', 1, 4), ...still },
    ])
  })

  it('keeps to its range, its actor and its paths', () => {
    const log = [
      write('a', 1),
      write('b/c', 1),
      read('a', 1),
      read('a', 1, 'user/bob'),
      read('a', 1),
      read('b/c', 1),
    ]
    expect(of(log, 3).map(({ path, count }) => [path, count])).toEqual([
      ['a', 1],
      ['b/c', 1],
    ])
    expect(of(log, 3, 'b/**').map(({ path }) => path)).toEqual(['b/c'])
    expect(of(log, 6)).toEqual([])
  })

  const exported = (prefix = 'prod/'): GivenEvent => ({
    type: 'export.created',
    subject: prefix.slice(0, -1),
    actor: 'user/ana',
    context: claimed,
    data: { prefix, secrets: 2, versions: 2 },
  })
  const exportRow = (path: string, number: number, at: number) => ({
    ...row(path, number, at),
    by: 'export',
  })
  const deleted = (subject: string, ...versions: number[]): GivenEvent => ({
    type: 'secret.deleted',
    subject,
    data: { versions },
  })
  const restored = (subject: string, ...versions: number[]): GivenEvent => ({
    type: 'secret.restored',
    subject,
    data: { versions },
  })
  const destroyed = (subject: string, ...versions: number[]): GivenEvent => ({
    type: 'secret.destroyed',
    subject,
    data: { versions: gone(...versions), cause: 'request' },
  })
  /** Without the row of the export as a whole. */
  const valuesOf = (...events: readonly GivenEvent[]) =>
    of(events)
      .filter(({ status }) => status !== 'exported')
      .map(({ path, version, status }) => [path, version, status])

  it('names the version that an export handed out, not one that came later with its value', () => {
    const log = [write('prod/a', 1), write('prod/a', 2, false), exported()]
    const handed = { ...exportRow('prod/a', 2, 2), ...still }
    expect(of(log).slice(1)).toEqual([handed])
    expect(of([...log, write('prod/a', 3, false)]).slice(1)).toEqual([handed])
    expect(valuesOf(...log, write('prod/a', 3, false), write('prod/a', 4))).toEqual([])
  })

  it('leaves out of an export what was deleted, destroyed or not there when it was made', () => {
    const begin = [write('prod/a', 1), write('prod/b', 1)]
    expect(valuesOf(...begin, deleted('prod/a', 1), exported())).toEqual([
      ['prod/b', 1, 'in_force'],
    ])
    expect(valuesOf(...begin, deleted('prod/a', 1), exported(), restored('prod/a', 1))).toEqual([
      ['prod/b', 1, 'in_force'],
    ])
    expect(valuesOf(...begin, deleted('prod/a', 1), restored('prod/a', 1), exported())).toEqual([
      ['prod/a', 1, 'in_force'],
      ['prod/b', 1, 'in_force'],
    ])
    expect(valuesOf(...begin, destroyed('prod/b', 1), exported())).toEqual([
      ['prod/a', 1, 'in_force'],
    ])
    expect(valuesOf(exported(), ...begin)).toEqual([])
    const empty: GivenEvent = {
      type: 'export.created',
      actor: 'user/ana',
      data: { prefix: 'prod/', secrets: 0, versions: 0 },
    }
    const all = [deleted('prod/a', 1), deleted('prod/b', 1)]
    expect(of([...begin, ...all, empty]).map(({ status }) => status)).toEqual(['exported'])
  })

  it('finds a value of which an export handed out an older version alone', () => {
    const log = [write('prod/a', 1), write('prod/a', 2, false), deleted('prod/a', 2), exported()]
    expect(valuesOf(...log)).toEqual([['prod/a', 1, 'deleted']])
    expect(valuesOf(...log, restored('prod/a', 2))).toEqual([['prod/a', 1, 'in_force']])
    const other = [write('prod/a', 1), write('prod/a', 2), deleted('prod/a', 2), exported()]
    expect(valuesOf(...other)).toEqual([])
    const pruned = [write('prod/a', 1), write('prod/a', 2, false), destroyed('prod/a', 1)]
    expect(valuesOf(...pruned, exported())).toEqual([['prod/a', 2, 'in_force']])
  })

  it('counts exports of one prefix together, each for what it handed out', () => {
    const log = [
      write('prod/a', 1),
      write('prod/b', 1),
      exported(),
      deleted('prod/a', 1),
      write('prod/b', 2, false),
      exported(),
      exported('prod/b/'),
      restored('prod/a', 1),
      write('prod/c', 1),
      exported(),
    ]
    const { version: _, ...whole } = exportRow('prod/**', 1, 9)
    expect(of(log)).toEqual([
      { ...whole, count: 3, first: 2, status: 'exported' },
      { ...exportRow('prod/a', 1, 9), count: 2, first: 2, ...still },
      { ...exportRow('prod/b', 2, 9), count: 3, first: 2, ...still },
      { ...exportRow('prod/c', 1, 9), ...still },
      { ...whole, path: 'prod/b/**', first: 6, last: 6, position: 6, status: 'exported' },
    ])
    expect(of(log, 3, 'prod/b').map(({ path, count, first }) => [path, count, first])).toEqual([
      ['prod/**', 2, 5],
      ['prod/b', 2, 5],
      ['prod/b/**', 1, 6],
    ])
  })

  it('counts an export as handing out what it held', () => {
    const log = [
      write('dev', 1),
      write('prod/b', 1),
      write('prod/a', 1),
      write('prod/c', 1),
      exported(),
      write('prod/b', 2),
      write('prod/d', 1),
      deleted('prod/c', 1),
    ]
    const by = exportRow('prod/a', 1, 4)
    const { version: _, ...whole } = by
    expect(of(log)).toEqual([
      { ...whole, path: 'prod/**', status: 'exported' },
      { ...by, ...still },
      {
        ...by,
        path: 'prod/c',
        status: 'deleted',
        finding: 'deleted, which can be undone; its value is not changed since',
      },
    ])
  })

  it('is about somebody', () => {
    expect(() => reportOf(exposure, [created])).toThrow(
      'report exposure needs an actor: whose reads it is about',
    )
  })
})

describe('privileged acts', () => {
  const of = (...events: readonly GivenEvent[]) => reportOf(privileged, events).rows
  const said = (...events: readonly GivenEvent[]) => of(...events).map(({ detail }) => detail)

  it('tells each with its actor and reason', () => {
    expect(
      of(created, {
        type: 'role.granted',
        actor: 'user/root',
        context: { reason: 'on call' },
        data: { name: 'dba', actor: 'user/ana', expiresAt: start },
      }),
    ).toEqual([
      {
        position: 0,
        time: 0,
        act: 'vault.created',
        actor: 'test',
        detail: `ops (argon2id, owner, ${slot.slot})`,
      },
      {
        position: 1,
        time: 1,
        act: 'role.granted',
        actor: 'user/root',
        reason: 'on call',
        detail: 'dba to user/ana until 2026-01-01T00:00:00.000Z',
      },
    ])
  })

  it('says what was done', () => {
    expect(
      said(
        { type: 'keys.shredded', data: { generation: 2, epoch: 2, keys: 5 } },
        { type: 'clock.corrected', data: { from: start, to: 0 } },
        { type: 'audit.read', data: { filter: { type: 'x', after: 3 } } },
        { type: 'audit.read', data: { filter: {} } },
        {
          type: 'report.generated',
          data: { report: 'rotation', version: 1, params: { subject: 'a', dueWithin: 5 }, asOf: 9 },
        },
        { type: 'rotation_policy.written', data: { prefix: 'prod/', rotateEvery: 90 * day } },
        { type: 'rotation_policy.written', data: { type: 'api_key' } },
        { type: 'rotation_policy.removed', data: {} },
        { type: 'role.written', data: { name: 'dba', policies: [] } },
        { type: 'anchor.added', data: { kind: 'file', target: '/mnt/a' } },
      ),
    ).toEqual([
      'wrapping epoch 2, 5 value keys left',
      'from 2026-01-01T00:00:00.000Z to 1970-01-01T00:00:00.000Z',
      'after 3, type x',
      'all of it',
      'rotation version 1, as of position 9, dueWithin 5, subject a',
      'every type below prod/: every 90 days',
      'api_key below the root: exempt',
      'every type below the root',
      'dba: no policy',
      'file /mnt/a',
    ])
  })

  it('says of tokens, applications and mounts what they give', () => {
    const handed = { accessor: 'a1', hash: new Uint8Array(32), epoch: 1 }
    const application = { name: 'ci', roleId: 'r', actor: 'ci/deploy', bindSecretId: true } as const
    expect(
      said(
        {
          type: 'token.issued',
          data: { ...handed, actor: 'svc/a', label: 'sidecar', expiresAt: start },
        },
        { type: 'token.issued', data: { ...handed, actor: 'svc/a', policies: ['p', 'q'] } },
        { type: 'token.issued', data: { ...handed, actor: 'svc/a', policies: [] } },
        { type: 'token.renewed', data: { accessor: 'a1', expiresAt: start } },
        { type: 'token.revoked', data: { accessor: 'a1', actor: 'svc/a' } },
        { type: 'approle.written', data: { ...application, policies: ['root'] } },
        { type: 'approle.written', data: application },
        { type: 'approle.removed', data: { name: 'ci' } },
        { type: 'approle.secret_id_issued', data: { ...handed, name: 'ci', expiresAt: start } },
        { type: 'approle.secret_id_revoked', data: { name: 'ci', accessor: 'a1' } },
        {
          type: 'mount.configured',
          data: { mount: 'secret', maxVersions: 1, casRequired: true, expireAfter: 2 * day },
        },
        { type: 'mount.configured', data: { mount: 'secret' } },
      ),
    ).toEqual([
      'sidecar (a1) for svc/a, with the roles of the actor until 2026-01-01T00:00:00.000Z',
      'a1 for svc/a, held to p, q',
      'a1 for svc/a, held to no policy',
      'a1 until 2026-01-01T00:00:00.000Z',
      'a1 of svc/a',
      'ci as ci/deploy, held to root',
      'ci as ci/deploy, with the roles of the actor',
      'ci',
      'a1 for ci until 2026-01-01T00:00:00.000Z',
      'a1 of ci',
      'secret: 1 version, only on a version, values for 2 days',
      'secret: no bound',
    ])
  })

  it('leaves out the tokens of logins, and what a token does with itself', () => {
    const auth = { method: 'token', id: 'a1' } as const
    const decision = { rule: 'p#0', role: '', outcome: 'allow' } as const
    const revoked = { accessor: 'a1', actor: 'svc/a' }
    const issued = { ...revoked, hash: new Uint8Array(32), epoch: 1, approle: 'ci' }
    const rows = of(
      { type: 'auth.succeeded', data: { method: 'approle', name: 'ci' } },
      { type: 'token.issued', data: issued },
      { type: 'token.used', data: { accessor: 'a1', left: 1 } },
      { type: 'token.renewed', context: { auth }, data: { accessor: 'a1', expiresAt: 1 } },
      { type: 'token.revoked', context: { auth }, data: revoked },
      { type: 'token.revoked', context: { auth, decision }, data: revoked },
      { type: 'token.revoked', context: { auth: { ...auth, id: 'b2' } }, data: revoked },
    )
    expect(rows.map(({ position }) => position)).toEqual([5, 6])
  })

  it('leaves out reads, writes, and what follows from them', () => {
    const destroyed = (cause: 'max_versions' | 'purge'): GivenEvent => ({
      type: 'secret.destroyed',
      subject: 'a',
      data: { versions: gone(1), cause },
    })
    expect(
      of(
        { type: 'secret.written', subject: 'a', data: version(1) },
        { type: 'secret.accessed', subject: 'a', data: { operation: 'read', version: 1 } },
        destroyed('max_versions'),
        destroyed('purge'),
        { type: 'vault.closed', data: {} },
      ),
    ).toEqual([])
  })

  it('finds those that need a reason and have none', () => {
    const expired: GivenEvent = {
      type: 'secret.accessed',
      subject: 'a',
      data: { operation: 'read', version: 1, allowExpired: true },
    }
    const rows = of(
      expired,
      { ...expired, context: { reason: 'outage' } },
      { type: 'secret.destroyed', subject: 'a', data: { versions: gone(1, 2), cause: 'request' } },
      { type: 'secret.destroyed', subject: 'a', data: { versions: gone(3), cause: 'request' } },
      { type: 'secret.purged', subject: 'a', data: { version: 2 } },
      { type: 'export.created', data: { prefix: '', secrets: 1, versions: 3 } },
      { type: 'backup.created', data: {} },
    )
    expect(rows.map(({ detail, finding }) => [detail, finding])).toEqual([
      ['version 1, although expired', 'no reason given'],
      ['version 1, although expired', undefined],
      ['versions 1, 2', 'no reason given'],
      ['version 3', 'no reason given'],
      ['up to version 2', 'no reason given'],
      ['1 secret in 3 versions, below the root', 'no reason given'],
      ['log and keys', undefined],
    ])
  })

  it('keeps to patterns', () => {
    const rows = reportOf(
      privileged,
      [
        { type: 'secret.purged', subject: 'a/b', actor: 'x', data: { version: 1 } },
        { type: 'secret.purged', subject: 'a/b', actor: 'y', data: { version: 1 } },
        { type: 'backup.created', actor: 'x', data: {} },
      ],
      { params: { subject: 'a/**', actor: 'x' } },
    ).rows
    expect(rows.map(({ position }) => position)).toEqual([0])
    expect(() => reportOf(privileged, [], { params: { actor: '' } })).toThrow(
      'segment of actor "": expected no empty segment',
    )
  })
})
