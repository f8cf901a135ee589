import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { judge } from '../../src/access/judge.ts'
import { accessMatrix, type MatrixRow } from '../../src/access/matrix.ts'
import type { EventData, PolicyRule } from '../../src/events/catalogue.ts'
import { matches, parsePattern } from '../../src/events/pattern.ts'
import { capabilities } from '../../src/events/words.ts'
import { access } from '../../src/projections/access.ts'
import { appRoles } from '../../src/projections/app-roles.ts'
import { combined } from '../../src/projections/combined.ts'
import { startFold } from '../../src/projections/projection.ts'
import { tokens } from '../../src/projections/tokens.ts'
import { type GivenEvent, testVault } from '../../src/testing.ts'
import { logOf } from '../fixtures/made-report.ts'

const hash = new Uint8Array(32)
const handed = { hash, epoch: 1 } as const

function issued(
  accessor: string,
  data: Partial<EventData['token.issued']> = {},
  time?: number,
): GivenEvent {
  return {
    type: 'token.issued',
    actor: 'user/root',
    data: { ...handed, accessor, actor: 'svc/a', policies: ['p'], ...data },
    ...(time !== undefined && { time }),
  }
}

const policy = (name: string, ...rules: readonly PolicyRule[]): GivenEvent => ({
  type: 'policy.written',
  data: { name, rules },
})
const allow = (...paths: readonly string[]): PolicyRule => ({
  effect: 'allow',
  capabilities: ['read'],
  paths,
})

/** The matrix after these events. */
function matrixAfter(events: readonly GivenEvent[], now = 1000): MatrixRow[] {
  const fold = startFold(combined('all', { access, tokens, appRoles }))
  fold.apply(logOf(...events))
  const { access: state, ...handedOut } = fold.state
  return [...accessMatrix(state, { now, ...handedOut })]
}

const named = (rows: readonly MatrixRow[]) =>
  rows.map(({ actor, token, approle, rule }) => [
    actor,
    token?.accessor ?? approle,
    rule?.name ?? null,
  ])

describe('the access matrix of tokens', () => {
  const begin = [policy('p', allow('a/**'), allow('b/**')), policy('q', allow('c/**'))]

  it('has each rule of each token that has policies, and says where it comes from', () => {
    const rows = matrixAfter([
      ...begin,
      issued('t1', { label: 'ci', policies: ['q'], expiresAt: 5000 }),
      issued('t2', { actor: 'svc/0', approle: 'x' }),
    ])
    expect(rows).toEqual([
      {
        actor: 'svc/a',
        role: '',
        token: { accessor: 't1', label: 'ci' },
        rule: { ...allow('c/**'), policy: 'q', index: 0, name: 'q#0', position: 1 },
        grantedBy: 'user/root',
        grantedAt: 2,
        granted: 2,
        expiresAt: 5000,
        expired: false,
      },
      expect.objectContaining({ actor: 'svc/0', token: { accessor: 't2', approle: 'x' } }),
      expect.objectContaining({ actor: 'svc/0', granted: 3, rule: expect.anything() }),
    ])
    expect(rows[1]).not.toHaveProperty('expiresAt')
    expect(named(rows.slice(1))).toEqual([
      ['svc/0', 't2', 'p#0'],
      ['svc/0', 't2', 'p#1'],
    ])
  })

  it('has none of a token without policies, which has the roles of its actor', () => {
    const { policies: _, ...data } = issued('t').data as EventData['token.issued']
    expect(matrixAfter([...begin, { type: 'token.issued', data }])).toEqual([])
  })

  it('has one row of a token whose policies are none, empty or removed', () => {
    const gone: GivenEvent = { type: 'policy.removed', data: { name: 'q' } }
    const log = [...begin, issued('t', { policies: ['q'] }), issued('u', { policies: [] }), gone]
    expect(named(matrixAfter(log))).toEqual([
      ['svc/a', 't', null],
      ['svc/a', 'u', null],
    ])
  })

  it('has everything of one that is held to root', () => {
    const [row, ...rest] = matrixAfter([issued('t', { policies: ['root'] })])
    expect(rest).toEqual([])
    expect(row?.rule).toEqual({
      policy: 'root',
      index: 0,
      name: 'root#0',
      effect: 'allow',
      capabilities,
      paths: ['**'],
    })
  })

  it('has nothing of root from a role, which it is no policy for', () => {
    const rows = matrixAfter([
      { type: 'role.written', data: { name: 'r', policies: ['root'] } },
      { type: 'role.granted', data: { name: 'r', actor: 'user/ana' } },
    ])
    expect(named(rows)).toEqual([['user/ana', undefined, null]])
  })

  it('ends with the token: by time, a revocation, its last use, its application, its parent', () => {
    const log: GivenEvent[] = [
      ...begin,
      { type: 'approle.written', data: applicationData('x') },
      issued('t', { expiresAt: 600, uses: 2, approle: 'x', policies: ['q'] }),
      issued('child', { parent: 't', policies: ['q'] }),
    ]
    const held = (now: number, ...more: readonly GivenEvent[]) =>
      named(matrixAfter([...log, ...more], now))
        .map(([, name]) => name)
        .filter((name) => name !== 'x')
    const used = (left: number): GivenEvent => ({
      type: 'token.used',
      data: { accessor: 't', left },
    })
    const both = ['t', 'child']
    expect(held(599)).toEqual(both)
    expect(held(600)).toEqual([])
    expect(held(600, { type: 'token.renewed', data: { accessor: 't', expiresAt: 601 } })).toEqual(
      both,
    )
    expect(held(1, used(1))).toEqual(both)
    expect(held(1, used(0))).toEqual([])
    const revoked = (accessor: string): GivenEvent => ({
      type: 'token.revoked',
      data: { accessor, actor: 'svc/a' },
    })
    expect(held(1, revoked('t'))).toEqual([])
    expect(held(1, revoked('child'))).toEqual(['t'])
    expect(held(1, { type: 'approle.removed', data: { name: 'x' } })).toEqual([])
    // The same text again is another token: what was issued through the first is not its own.
    expect(held(1, revoked('t'), issued('t', { policies: ['q'] }))).toEqual(['t'])
  })

  it('says of one with a parent that it ends with that', () => {
    const log = [
      ...begin,
      issued('t', { expiresAt: 600, policies: ['q'] }),
      issued('child', { parent: 't', expiresAt: 900, policies: ['q'] }),
    ]
    expect(matrixAfter(log, 1).map(({ expiresAt }) => expiresAt)).toEqual([600, 600])
  })

  it('has each application with policies, by name, before tokens', () => {
    const written = (name: string, policies?: readonly string[]): GivenEvent => ({
      type: 'approle.written',
      actor: 'user/root',
      data: { ...applicationData(name), ...(policies && { policies }) },
    })
    const rows = matrixAfter([
      ...begin,
      issued('t', { policies: ['q'] }),
      written('z', ['q', 'root']),
      written('b', []),
      written('roles'),
    ])
    expect(named(rows)).toEqual([
      ['approle/b', 'b', null],
      ['approle/z', 'z', 'q#0'],
      ['approle/z', 'z', 'root#0'],
      ['svc/a', 't', 'q#0'],
    ])
    expect(rows[1]).toMatchObject({ role: '', grantedBy: 'user/root', granted: 3, expired: false })
  })
})

function applicationData(name: string): EventData['approle.written'] {
  return { name, roleId: `role-${name}`, actor: `approle/${name}`, bindSecretId: true }
}

const paths = ['a', 'a/b', 'a/c/d', 'b', ''] as const
const rule: fc.Arbitrary<PolicyRule> = fc.record({
  effect: fc.constantFrom('allow', 'allow', 'deny'),
  capabilities: fc.uniqueArray(fc.constantFrom('read', 'list', 'token'), { minLength: 1 }),
  paths: fc.uniqueArray(fc.constantFrom('**', 'a', 'a/**', 'a/*', '*/b', 'b'), { minLength: 1 }),
})

property.prop([
  fc.array(fc.array(rule, { maxLength: 3 }), { minLength: 3, maxLength: 3 }),
  fc.uniqueArray(fc.constantFrom('p0', 'p1', 'p2', 'gone', 'root'), { maxLength: 4 }),
])('what the rows of a token say is what is judged of it', (written, policies) => {
  const fold = startFold(combined('all', { access, tokens }))
  const log = written.map((rules, i) => policy(`p${i}`, ...rules))
  fold.apply(logOf(...log, issued('t', { policies })))
  const rows = [...accessMatrix(fold.state.access, { now: 1, tokens: fold.state.tokens })]
  const holder = { actor: 'svc/a', asserted: [], policies }
  for (const capability of ['read', 'list', 'token', 'purge'] as const) {
    for (const path of paths) {
      const speaking = rows.flatMap(({ rule }) =>
        rule?.capabilities.includes(capability) && rule.paths.some((each) => isAbout(each, path))
          ? [rule]
          : [],
      )
      const decided = speaking.find(({ effect }) => effect === 'deny') ?? speaking[0]
      const { allowed, decision } = judge(fold.state.access, holder, { capability, path, now: 1 })
      expect(decided?.effect === 'allow').toBe(allowed)
      expect([decided?.name ?? '', decided?.position]).toEqual([decision.rule, decision.policy])
    }
  }
})

function isAbout(pattern: string, path: string): boolean {
  return path === '' ? pattern === '**' : matches(parsePattern(pattern), path)
}

it('tells of any moment of a vault who could read by what', async () => {
  const { vault, clock } = await testVault({ 'prod/db': 'x' })
  await vault.policies.write('p', { rules: [allow('prod/**')] })
  const { accessor } = await vault.tokens.issue({ actor: 'svc/ci', policies: ['p'], label: 'ci' })
  const at = { position: (await vault.health()).size - 1 }
  clock.advance(1000)
  await vault.tokens.revoke(accessor)
  const then = async (moment?: { readonly position: number }) => {
    const options = moment === undefined ? {} : { at: moment }
    const { view } = await vault.replay(access, options)
    const held = await vault.replay(tokens, options)
    return [...accessMatrix(view, { now: clock.now(), tokens: held.view })]
  }
  expect(await then(at)).toMatchObject([
    { actor: 'svc/ci', token: { accessor, label: 'ci' }, rule: { name: 'p#0' } },
  ])
  expect(await then()).toEqual([])
  await vault.close()
})
