import { describe, expect, it } from 'vitest'
import type { Holder } from '../../src/access/asked.ts'
import { explainAccess } from '../../src/access/explain.ts'
import { judge } from '../../src/access/judge.ts'
import { accessMatrix } from '../../src/access/matrix.ts'
import { grantRole, removeRole, writePolicy, writeRole } from '../../src/decide/access.ts'
import type { Fact, VaultEvent } from '../../src/events/catalogue.ts'
import type { Capability } from '../../src/events/words.ts'
import { access } from '../../src/projections/access.ts'
import { startFold } from '../../src/projections/projection.ts'

/** The state after these facts: one an event, a second after the other, by `root`. */
function stateAfter(...facts: (Fact | Omit<Fact, 'subject'>)[]) {
  const fold = startFold(access)
  const events = facts.map((fact, position) => ({
    subject: '',
    ...fact,
    position,
    schema: 1,
    id: '',
    time: position * 1000,
    actor: 'root',
    context: {},
  }))
  fold.apply(events as VaultEvent[])
  return fold.state
}

const rule = (effect: 'allow' | 'deny', can: Capability, ...paths: string[]) => ({
  effect,
  capabilities: [can],
  paths,
})
const policy = (name: string, ...rules: ReturnType<typeof rule>[]) => ({
  type: 'policy.written' as const,
  data: { name, rules },
})
const role = (name: string, ...policies: string[]) => ({
  type: 'role.written' as const,
  data: { name, policies },
})
const grant = (actor: string, name: string, expiresAt?: number) => ({
  type: 'role.granted' as const,
  data: { actor, name, ...(expiresAt !== undefined && { expiresAt }) },
})

const payments = [
  policy('payments', rule('allow', 'read', 'prod/payments/**'), rule('deny', 'read', '*/*/root')),
  role('clerk', 'payments'),
  grant('user/ana', 'clerk', 10_000),
]
const ana: Holder = { actor: 'user/ana', asserted: [] }
const at = (path: string, now = 5000) => ({ capability: 'read' as const, path, now })

describe('what the log says of access', () => {
  it('keeps who wrote and granted what, and when', () => {
    const state = stateAfter(...payments)
    expect(state.policies.get('payments')).toMatchObject({ position: 0, writtenBy: 'root' })
    expect(state.roles.get('clerk')).toEqual({
      policies: ['payments'],
      position: 1,
      writtenAt: 1000,
      writtenBy: 'root',
    })
    expect(state.grants.get('user/ana')?.get('clerk')).toEqual({
      actor: 'user/ana',
      role: 'clerk',
      position: 2,
      grantedAt: 2000,
      grantedBy: 'root',
      expiresAt: 10_000,
    })
    expect([state.changed, state.rulesChanged]).toEqual([2, 1])
  })

  it('comes back as it was from what is kept of it', () => {
    const state = stateAfter(...payments, grant('user/ana', 'other'), grant('__proto__', 'clerk'))
    const encoded = JSON.parse(JSON.stringify(access.encode?.(state)))
    expect(access.decode?.(encoded)).toEqual(state)
  })

  it('ends the grants of a role that is removed: they do not come back with its name', () => {
    const removed = { type: 'role.removed' as const, data: { name: 'clerk' } }
    const state = stateAfter(...payments, grant('user/eve', 'other'), removed)
    expect(judge(state, ana, at('prod/payments/db')).allowed).toBe(false)
    expect([...state.grants.keys()]).toEqual(['user/eve'])
    const again = stateAfter(...payments, removed, role('clerk', 'payments'))
    expect(judge(again, ana, at('prod/payments/db')).allowed).toBe(false)
    expect(again.grants.size).toBe(0)
  })

  it('leaves a role without a policy that is removed, and gives it back with its name', () => {
    const removed = { type: 'policy.removed' as const, data: { name: 'payments' } }
    expect(judge(stateAfter(...payments, removed), ana, at('prod/payments/db')).allowed).toBe(false)
    const again = stateAfter(...payments, removed, policy('payments', rule('allow', 'read', '**')))
    expect(judge(again, ana, at('x'))).toMatchObject({ allowed: true, decision: { policy: 4 } })
  })

  it('takes back a grant', () => {
    const withdrawn = {
      type: 'role.withdrawn' as const,
      data: { actor: 'user/ana', name: 'clerk' },
    }
    expect(stateAfter(...payments, withdrawn).grants.size).toBe(0)
    expect(
      stateAfter(...payments, grant('user/ana', 'other'), withdrawn).grants.get('user/ana'),
    ).toEqual(new Map([['other', expect.objectContaining({ role: 'other' })]]))
  })
})

describe('a judgement', () => {
  it('allows what a rule allows, denies what a rule denies, and what none speaks of', () => {
    const state = stateAfter(...payments)
    expect(judge(state, ana, at('prod/payments/db'))).toMatchObject({
      allowed: true,
      decision: { rule: 'payments#0', role: 'clerk', outcome: 'allow', policy: 0 },
    })
    expect(judge(state, ana, at('prod/payments/root'))).toMatchObject({
      allowed: false,
      decision: { rule: 'payments#1', role: 'clerk', outcome: 'deny', policy: 0 },
    })
    for (const path of ['prod/payments', 'prod', 'prod/payments2/db', 'test/payments/db', '']) {
      expect(judge(state, ana, at(path)).decision).toEqual({ rule: '', role: '', outcome: 'deny' })
    }
  })

  it('lets a denial win over an allowance in another role, in any order', () => {
    for (const [first, second] of [
      ['a', 'z'],
      ['z', 'a'],
    ] as const) {
      const state = stateAfter(
        policy('p', rule('allow', 'read', '**')),
        policy('d', rule('deny', 'read', 'prod/**')),
        role(first, 'p'),
        role(second, 'd'),
        grant('user/ana', first),
        grant('user/ana', second),
      )
      expect(judge(state, ana, at('prod/db')).decision.rule).toBe('d#0')
      expect(judge(state, ana, at('test/db')).decision.rule).toBe('p#0')
    }
  })

  it('judges a grant by the time of the decision: to the millisecond, and back again', () => {
    const state = stateAfter(...payments)
    const allowed = (now: number) => judge(state, ana, at('prod/payments/db', now)).allowed
    expect([9999, 10_000, 20_000, 9999].map(allowed)).toEqual([true, false, false, true])
  })

  it('marks a role that is only asserted, and not one that is granted as well', () => {
    const state = stateAfter(...payments)
    const asserting = (actor: string) => ({ actor, asserted: ['clerk'] })
    const asked = at('prod/payments/db')
    expect(judge(state, asserting('user/eve'), asked).decision.asserted).toBe(true)
    expect(judge(state, asserting('user/ana'), asked).decision.asserted).toBeUndefined()
    const late = at('prod/payments/db', 10_000)
    expect(judge(state, asserting('user/ana'), late).decision.asserted).toBe(true)
    expect(judge(state, { actor: 'user/eve', asserted: ['no-role'] }, asked).allowed).toBe(false)
  })

  it('gives the vault itself to `**` alone', () => {
    const state = (...paths: string[]) =>
      stateAfter(
        policy('p', rule('allow', 'keys', ...paths)),
        role('r', 'p'),
        grant('user/ana', 'r'),
      )
    const keys = { capability: 'keys' as const, path: '', now: 0 }
    expect(judge(state('**'), ana, keys).allowed).toBe(true)
    expect(judge(state('*', '*/**', 'prod/**'), ana, keys).allowed).toBe(false)
  })
})

describe('decisions about policy', () => {
  it('append nothing where nothing changes', () => {
    const state = stateAfter(...payments)
    const row = state.policies.get('payments')
    const same = { name: 'payments', rules: row?.rules ?? [] }
    expect(writePolicy(state, same).facts).toEqual([])
    expect(writePolicy(state, { ...same, rules: same.rules.slice(1) }).facts).toHaveLength(1)
    expect(writeRole(state, { name: 'clerk', policies: ['payments'] }).facts).toEqual([])
    expect(removeRole(state, 'none').facts).toEqual([])
    const granted = { actor: 'user/ana', name: 'clerk', expiresAt: 10_000 }
    expect(grantRole(state, granted, { now: 5000, position: 3 }).facts).toEqual([])
    const longer = { ...granted, expiresAt: 20_000 }
    expect(grantRole(state, longer, { now: 5000, position: 3 }).facts).toHaveLength(1)
  })

  it('refuse a grant that would end before it begins', () => {
    const state = stateAfter(...payments)
    const granted = { actor: 'user/ana', name: 'clerk', expiresAt: 10_000 }
    expect(() => grantRole(state, granted, { now: 10_000, position: 3 })).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message:
          'expiresAt must be to come: expected after 1970-01-01T00:00:10.000Z, found 1970-01-01T00:00:10.000Z',
      }),
    )
  })
})

describe('an explanation', () => {
  const why = (state: ReturnType<typeof stateAfter>, path: string, holder = ana) =>
    explainAccess(state, holder, at(path))

  it('says which rule decides, by which role and grant', () => {
    const state = stateAfter(...payments)
    expect(why(state, 'prod/payments/db')).toEqual({
      allowed: true,
      effect: 'allow',
      rule: 'payments#0',
      role: 'clerk',
      policy: 0,
      why: 'payments#0 allows read on prod/payments/**, by the role clerk, which root granted to user/ana at 1970-01-01T00:00:02.000Z, until 1970-01-01T00:00:10.000Z',
    })
    expect(why(state, 'prod/payments/root')).toMatchObject({
      allowed: false,
      effect: 'deny',
      rule: 'payments#1',
      why: expect.stringMatching(/^payments#1 denies read on \*\/\*\/root, .*; a denial wins/),
    })
    expect(
      why(state, 'prod/payments/db', { actor: 'user/eve', asserted: ['clerk'] }),
    ).toMatchObject({
      asserted: true,
      why: expect.stringContaining('which the host says that user/eve has'),
    })
  })

  it('says that no rule speaks of it, or that there is no role', () => {
    const state = stateAfter(...payments, role('idle'), grant('user/ana', 'idle'))
    expect(why(state, 'test/db')).toEqual({
      allowed: false,
      effect: 'deny',
      why: 'no rule of the roles clerk, idle speaks of read on test/db, and what no rule allows is denied',
    })
    expect(why(state, '', { actor: 'user/eve', asserted: ['idle'] }).why).toBe(
      'no rule of the role idle speaks of read on the vault itself, and what no rule allows is denied',
    )
    expect(why(state, 'test/db', { actor: 'user/eve', asserted: [] }).why).toBe(
      'user/eve has no role, and what no rule allows is denied',
    )
  })
})

describe('the access matrix', () => {
  it('has a row for each rule that each grant brings, in an order of its own', () => {
    const state = stateAfter(
      policy('p', rule('allow', 'read', 'b/**'), rule('deny', 'read', 'b/x')),
      policy('q', rule('allow', 'list', '**')),
      role('z', 'q', 'p'),
      role('a', 'q'),
      role('empty'),
      grant('user/eve', 'a'),
      grant('user/ana', 'z', 20_000),
      grant('user/ana', 'empty', 9000),
    )
    const rows = [...accessMatrix(state, { now: 10_000 })]
    expect(rows.map((row) => [row.actor, row.role, row.rule?.name, row.expired])).toEqual([
      ['user/ana', 'empty', undefined, true],
      ['user/ana', 'z', 'q#0', false],
      ['user/ana', 'z', 'p#0', false],
      ['user/ana', 'z', 'p#1', false],
      ['user/eve', 'a', 'q#0', false],
    ])
    expect(rows[3]).toEqual({
      actor: 'user/ana',
      role: 'z',
      rule: {
        name: 'p#1',
        policy: 'p',
        index: 1,
        effect: 'deny',
        capabilities: ['read'],
        paths: ['b/x'],
        position: 0,
      },
      grantedBy: 'root',
      grantedAt: 6000,
      granted: 6,
      expiresAt: 20_000,
      expired: false,
    })
    expect([...accessMatrix(access.initial(), { now: 0 })]).toEqual([])
  })
})
