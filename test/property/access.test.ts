import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import type { Holder } from '../../src/access/asked.ts'
import { judge } from '../../src/access/judge.ts'
import type { PolicyRule } from '../../src/events/catalogue.ts'
import type { Capability } from '../../src/events/words.ts'
import { type AccessState, access } from '../../src/projections/access.ts'

const segment = fc.constantFrom('a', 'b', 'ab')
const part = fc.oneof({ weight: 3, arbitrary: segment }, fc.constant('*'))
const pattern = fc
  .tuple(fc.array(part, { maxLength: 3 }), fc.boolean())
  .map(([parts, deep]) => (deep || parts.length === 0 ? [...parts, '**'] : parts).join('/'))
const capability = fc.constantFrom<Capability>('read', 'list')
const rule: fc.Arbitrary<PolicyRule> = fc.record({
  effect: fc.constantFrom('allow', 'deny'),
  capabilities: fc.uniqueArray(capability, { minLength: 1 }),
  paths: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
})
const policyNames = ['p', 'q', 'r']
const roleNames = ['x', 'y', 'z']
const grant = fc.record({
  role: fc.constantFrom(...roleNames),
  actor: fc.constantFrom('ana', 'eve'),
  expiresAt: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
})
const world = fc.record({
  policies: fc.dictionary(fc.constantFrom(...policyNames), fc.array(rule, { maxLength: 3 })),
  roles: fc.dictionary(
    fc.constantFrom(...roleNames),
    fc.uniqueArray(fc.constantFrom(...policyNames)),
  ),
  grants: fc.uniqueArray(grant, { selector: ({ role, actor }) => `${actor} ${role}` }),
})
type World = typeof world extends fc.Arbitrary<infer W> ? W : never

const holder: fc.Arbitrary<Holder> = fc.record({
  actor: fc.constantFrom('ana', 'eve', 'bob'),
  asserted: fc.uniqueArray(fc.constantFrom(...roleNames)),
})
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const prefix = fc.oneof(
  path,
  path.map((text) => `${text}/`),
  fc.constant(''),
)
const now = fc.integer({ min: 0, max: 5 })

function stateOf({ policies, roles, grants }: World): AccessState {
  const state = access.initial()
  const written = { position: 0, writtenAt: 0, writtenBy: 'root' }
  for (const [name, rules] of Object.entries(policies)) {
    state.policies.set(name, { rules, ...written })
  }
  for (const [name, list] of Object.entries(roles)) {
    state.roles.set(name, { policies: list, ...written })
  }
  for (const { actor, role, expiresAt } of grants) {
    const held = state.grants.get(actor) ?? new Map()
    held.set(role, {
      actor,
      role,
      position: 0,
      grantedAt: 0,
      grantedBy: 'root',
      ...(expiresAt !== undefined && { expiresAt }),
    })
    state.grants.set(actor, held)
  }
  return state
}

/** The grammar again, by another way: one segment at a time, from lists. */
function fits([first, ...more]: string[], [segment, ...rest]: string[]): boolean {
  if (first === undefined) return segment === undefined
  if (first === '**') return segment !== undefined
  if (segment === undefined) return false
  return (first === '*' || first === segment) && fits(more, rest)
}

function matchesText(text: string, path: string): boolean {
  return path === '' ? text === '**' : fits(text.split('/'), path.split('/'))
}

/** Every rule that the holder has, in order, with what names it. */
function rulesOf(world: World, { actor, asserted }: Holder, at: number) {
  const granted = world.grants
    .filter((each) => each.actor === actor && (each.expiresAt ?? Infinity) > at)
    .map(({ role }) => role)
    .sort()
  const roles = [...granted, ...asserted.filter((role) => !granted.includes(role)).sort()]
  return roles.flatMap((role) =>
    (world.roles[role] ?? []).flatMap((policy) =>
      (world.policies[policy] ?? []).map((each, index) => ({
        ...each,
        name: `${policy}#${index}`,
        role,
        asserted: !granted.includes(role),
      })),
    ),
  )
}

/** Enough paths to tell what a pattern of at most three parts matches: a stranger's segments are among them. */
const universe: readonly string[] = (() => {
  const parts = ['a', 'b', 'ab', 'stranger']
  let paths = parts
  const all = [...paths]
  for (let depth = 2; depth <= 5; depth++) {
    paths = paths.flatMap((path) => parts.map((next) => `${path}/${next}`))
    all.push(...paths)
  }
  return all
})()

describe('a decision', () => {
  test.prop([world, holder, capability, fc.oneof(path, fc.constant('')), now], { numRuns: 3000 })(
    'is that of the first denial that speaks of the path, then of the first allowance',
    (given, who, wanted, subject, at) => {
      const speaking = rulesOf(given, who, at).filter(
        ({ capabilities, paths }) =>
          capabilities.includes(wanted) && paths.some((text) => matchesText(text, subject)),
      )
      const decides = speaking.find(({ effect }) => effect === 'deny') ?? speaking[0]
      const { allowed, decision } = judge(stateOf(given), who, {
        capability: wanted,
        path: subject,
        now: at,
      })
      expect(allowed).toBe(decides?.effect === 'allow')
      expect(decision).toEqual({
        rule: decides?.name ?? '',
        role: decides?.role ?? '',
        outcome: decides?.effect ?? 'deny',
        ...(decides && { policy: 0 }),
        ...(decides?.asserted && { asserted: true }),
      })
    },
  )

  test.prop([world, holder, prefix, now, fc.constantFrom('some', 'all')], { numRuns: 1000 })(
    'about all paths that begin so is what the rules say of each that there could be',
    (given, who, beginning, at, reach) => {
      const below = universe.filter((path) => path.startsWith(beginning))
      const rules = rulesOf(given, who, at).filter(({ capabilities }) =>
        capabilities.includes('read'),
      )
      const matched = ({ paths }: PolicyRule, path: string) =>
        paths.some((text) => matchesText(text, path))
      // One pattern matches them all; several together may as well, and that is not asked for.
      const coversAll = ({ paths }: PolicyRule) =>
        paths.some((text) => below.every((path) => matchesText(text, path)))
      const reachesOne = (each: PolicyRule) => below.some((path) => matched(each, path))
      const first = (effect: string, speaks: (each: PolicyRule) => boolean) =>
        rules.find((each) => each.effect === effect && speaks(each))
      const decides =
        reach === 'some'
          ? (first('deny', coversAll) ?? first('allow', reachesOne))
          : (first('deny', reachesOne) ?? first('allow', coversAll))
      const verdict = judge(stateOf(given), who, {
        capability: 'read',
        path: '',
        below: { prefix: beginning, reach: reach as 'some' | 'all' },
        now: at,
      })
      expect(verdict.allowed).toBe(decides?.effect === 'allow')
      expect(verdict.decision.rule).toBe(decides?.name ?? '')
    },
  )

  test.prop([fc.array(fc.tuple(world, now), { minLength: 2, maxLength: 6 }), holder, path])(
    'is of the state and the time that are asked about, whatever was asked before',
    (steps, who, subject) => {
      const state = access.initial()
      for (const [i, [given, at]] of steps.entries()) {
        const next = stateOf(given)
        for (const name of ['policies', 'roles', 'grants'] as const) {
          state[name].clear()
          for (const [key, row] of next[name]) state[name].set(key, row as never)
        }
        state.changed = i
        state.rulesChanged = i
        for (const time of [at, 5 - at, at]) {
          const question = { capability: 'read' as const, path: subject, now: time }
          expect(judge(state, who, question)).toEqual(judge(stateOf(given), { ...who }, question))
        }
      }
    },
  )
})
