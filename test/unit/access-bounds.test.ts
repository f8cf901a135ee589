import { describe, expect, it } from 'vitest'
import type { Holder } from '../../src/access/asked.ts'
import { explainAccess } from '../../src/access/explain.ts'
import { judge, standsUntil } from '../../src/access/judge.ts'
import { checkRules } from '../../src/access/policy.ts'
import { writePolicy, writeRole } from '../../src/decide/access.ts'
import type { PolicyRule, VaultEvent } from '../../src/events/catalogue.ts'
import { access } from '../../src/projections/access.ts'
import { startFold } from '../../src/projections/projection.ts'

const ana: Holder = { actor: 'user/ana', asserted: ['r'] }

/** The state in which the role `r` has these policies. */
function stateOf(policies: Readonly<Record<string, readonly PolicyRule[]>>) {
  const state = startFold(access).state
  const written = { position: 0, writtenAt: 0, writtenBy: 'root' }
  for (const [name, rules] of Object.entries(policies))
    state.policies.set(name, { rules, ...written })
  state.roles.set('r', { policies: Object.keys(policies), ...written })
  return state
}

const rule = (effect: 'allow' | 'deny', ...paths: string[]): PolicyRule => ({
  effect,
  capabilities: ['read'],
  paths,
})
const about = { capability: 'read', now: 0 } as const

describe('a rule of the log that is not understood', () => {
  const strange = { ...rule('allow', 'a'), effect: 'permit' } as never
  it.each([
    ['a pattern that is none', rule('allow', 'b**'), 'p#1'],
    ['an effect that is none', strange, 'p#1'],
  ])('denies, and never allows: %s', (_, odd, name) => {
    const state = stateOf({ p: [rule('allow', '**'), odd] })
    expect(judge(state, ana, { ...about, path: 'a' })).toMatchObject({
      allowed: false,
      decision: { rule: name, outcome: 'deny' },
    })
    expect(explainAccess(state, ana, { ...about, path: 'a' })).toMatchObject({
      allowed: false,
      rule: name,
    })
  })

  it('denies what is asked of everything below a prefix, and of the vault itself', () => {
    const state = stateOf({ p: [rule('allow', '**'), rule('deny', 'x', 'b**')] })
    for (const reach of ['some', 'all'] as const) {
      const below = { prefix: 'z/', reach }
      expect(judge(state, ana, { ...about, path: '', below }).allowed).toBe(false)
    }
    expect(explainAccess(state, ana, { ...about, path: '' }).why).toContain('denies read on b**')
  })
})

describe('the policies of a role', () => {
  const long = (name: string) => `${name}/${Array(63).fill('x').join('/')}`
  const paths = (name: string) => Array.from({ length: 64 }, (_, i) => long(`${name}${i}`))
  const full = (name: string) => [rule('allow', ...paths(name))]
  const names = ['a', 'b', 'c', 'd']

  it('hold no more together than can be compiled while others wait', () => {
    const state = stateOf(Object.fromEntries(names.map((name) => [name, full(name)])))
    state.policies.set('e', none)
    const refused = {
      code: 'TOO_LARGE',
      message: 'role r: expected at most 16384 segments of paths in its policies, found 16385',
    }
    expect(writeRole(state, { name: 'q', policies: names }).facts).toHaveLength(1)
    expect(() => writeRole(state, { name: 'r', policies: [...names, 'e'] })).toThrow(
      expect.objectContaining(refused),
    )
    state.policies.set('d', { ...none, rules: [rule('allow', 'x')] })
    const grown = [...full('d'), rule('allow', 'y')]
    expect(() => writePolicy(state, { name: 'd', rules: grown })).toThrow(
      expect.objectContaining(refused),
    )
    expect(writePolicy(state, { name: 'd', rules: full('d') }).facts).toHaveLength(1)
  })

  it('match what goes on alone for long, what parts late, and what is there twice', () => {
    const [first, second] = [long('a'), `${long('a').slice(0, -1)}y`]
    const state = stateOf({
      p: checkRules([rule('allow', first, second, `${first}/**`, 'd/e/f/**')]),
      q: checkRules([rule('deny', second, 'b/*/c')]),
    })
    const some = (prefix: string) =>
      judge(state, ana, { ...about, path: '', below: { prefix, reach: 'some' } }).allowed
    expect(['a/x', 'a/x/x/', 'a/y', `${first}/`, `${second}/`, 'd/e/', 'd/x/'].map(some)).toEqual([
      true,
      true,
      false,
      true,
      false,
      true,
      false,
    ])
    const allowed = (path: string) => judge(state, ana, { ...about, path }).allowed
    expect([first, second, `${first}/z`, first.slice(0, -2), 'b/x/c'].map(allowed)).toEqual([
      true,
      false,
      true,
      false,
      false,
    ])
  })
})

const none = { position: 0, writtenAt: 0, writtenBy: 'root', rules: [rule('allow', 'x')] }

describe('how long a judgement stands', () => {
  it('is until the next grant runs out', () => {
    const fold = startFold(access)
    const grant = (name: string, expiresAt?: number) => ({ name, actor: 'user/ana', expiresAt })
    const facts = [grant('a', 500), grant('b', 900), grant('c')]
    fold.apply(
      facts.map((data, position) => ({ type: 'role.granted', data, position })) as VaultEvent[],
    )
    const until = (now: number) => standsUntil(fold.state, { ...ana, asserted: [] }, now)
    expect([0, 499, 500, 900].map(until)).toEqual([500, 500, 900, Infinity])
  })
})
