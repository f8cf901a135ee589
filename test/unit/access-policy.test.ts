import { describe, expect, it } from 'vitest'
import { checkName, checkRoleNames, checkRules } from '../../src/access/policy.ts'
import { parseRuleName, ruleName } from '../../src/access/rule-name.ts'
import type { PolicyRule } from '../../src/events/catalogue.ts'
import { capabilities } from '../../src/events/words.ts'

const sound: PolicyRule = { effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }

describe('the rules of a policy', () => {
  it.each(['a', 'prod/db', '*', '*/db', 'prod/*/user', 'prod/**', '*/**', '**', 'über/größe'])(
    'take the pattern %s',
    (pattern) => {
      expect(checkRules([{ ...sound, paths: [pattern] }])).toEqual([{ ...sound, paths: [pattern] }])
    },
  )

  it.each([
    ['', 'expected no empty segment'],
    ['prod/', 'expected no empty segment'],
    ['/prod', 'expected no empty segment'],
    ['**/db', 'expected no U+002A'],
    ['prod/**/db', 'expected no U+002A'],
    ['prod/db*', 'expected no U+002A'],
    ['prod/***', 'expected no U+002A'],
    ['prod/+', 'expected no U+002B'],
    ['!prod', 'expected no U+0021'],
    ['prod/..', 'expected no segment'],
    ['a\\b', 'expected no U+005C'],
  ])('refuse the pattern %j', (pattern, words) => {
    expect(() => checkRules([sound, { ...sound, paths: ['a', pattern] }])).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: expect.stringMatching(/rules\[1\]\.paths\[1\] .*/),
      }),
    )
    expect(() => checkRules([{ ...sound, paths: [pattern] }])).toThrow(words)
  })

  it.each([
    [{ ...sound, effect: 'permit' }, 'rules[0].effect must be allow or deny'],
    [{ ...sound, capabilities: ['fly'] }, 'rules[0].capabilities: expected any of read, list'],
    [{ ...sound, capabilities: [] }, 'rules[0].capabilities: expected at least 1, found 0'],
    [{ ...sound, capabilities: ['read', 'read'] }, 'rules[0].capabilities: expected each once'],
    [{ ...sound, capabilities: 'read' }, 'rules[0].capabilities: expected a list'],
    [{ ...sound, paths: [] }, 'rules[0].paths: expected at least 1, found 0'],
    [{ ...sound, paths: ['a', 'a'] }, 'rules[0].paths: expected each once'],
    [{ ...sound, paths: [7] }, 'rules[0].paths[0]: expected a string'],
    [{ ...sound, until: 7 }, 'rules[0]: expected effect, capabilities, paths and no more'],
    [null, 'rules[0]: expected an object'],
  ])('refuse %j', (rule, message) => {
    expect(() => checkRules([rule as PolicyRule])).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('are bounded, one by one and as a whole', () => {
    const paths = Array.from({ length: 64 }, (_, i) => `p${i}`)
    expect(checkRules(Array.from({ length: 16 }, () => ({ ...sound, paths })))).toHaveLength(16)
    expect(() => checkRules(Array.from({ length: 17 }, () => ({ ...sound, paths })))).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'rules: expected at most 1024 paths in all, found 1088',
      }),
    )
    expect(() => checkRules(Array.from({ length: 257 }, () => sound))).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE', expected: 256, found: 257 }),
    )
    expect(() => checkRules([{ ...sound, paths: [...paths, 'more'] }])).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE', expected: 64, found: 65 }),
    )
  })

  it('are copied, so that nobody changes them afterwards', () => {
    const given = { ...sound, capabilities: [...capabilities], paths: ['prod/**'] }
    const [checked] = checkRules([given])
    const paths = (checked as PolicyRule).paths as string[]
    given.paths.push('**')
    expect(paths).toEqual(['prod/**'])
    expect(() => paths.push('**')).toThrow(TypeError)
  })
})

describe('names', () => {
  it.each(['payments-read', 'team#7', 'Ops 2', 'a'.repeat(128)])('may be %j', (name) => {
    expect(checkName(name, 'name')).toBe(name)
  })

  it.each([
    ['', 'INVALID'],
    ['a/b', 'INVALID'],
    ['..', 'INVALID'],
    ['*', 'INVALID'],
    ['a\nb', 'INVALID'],
    ['a'.repeat(129), 'TOO_LARGE'],
    ['ü'.repeat(65), 'TOO_LARGE'],
    [7, 'INVALID'],
  ])('may not be %j', (name, code) => {
    expect(() => checkName(name as string, 'name')).toThrow(expect.objectContaining({ code }))
  })

  it('of roles that a host asserts are sorted, each once', () => {
    expect(checkRoleNames(['b', 'a', 'b'])).toEqual(['a', 'b'])
    expect(() => checkRoleNames(['a', 'a/b'])).toThrow('roles[1]: expected no "/"')
    expect(() => checkRoleNames('dba' as never)).toThrow('roles: expected a list')
  })
})

describe('the name of a rule', () => {
  it.each([
    { policy: 'payments-read', index: 0 },
    { policy: 'team#7', index: 255 },
    { policy: '#', index: 1 },
  ])('is read back as it was formed: %j', (rule) => {
    expect(parseRuleName(ruleName(rule))).toEqual(rule)
  })

  it.each(['', 'payments', '#0', 'payments#', 'payments#01', 'payments#-1', 'payments#x'])(
    'is not %j',
    (text) => {
      expect(parseRuleName(text)).toBeUndefined()
    },
  )
})

describe('what is checked of a policy', () => {
  it('is what is kept: each field and item is read once', () => {
    let reads = 0
    const paths = ['a']
    Object.defineProperty(paths, 0, { get: () => (reads++ === 0 ? 'a' : 'a**') })
    const rules = [{ ...sound, paths }]
    expect(checkRules(rules)).toEqual([{ ...sound, paths: ['a'] }])
    let asked = 0
    const rule = Object.defineProperty({ ...sound }, 'effect', {
      enumerable: true,
      get: () => (asked++ === 0 ? 'deny' : 'permit'),
    })
    expect(checkRules([rule])).toEqual([{ ...sound, effect: 'deny' }])
  })

  it('is no list that maps itself to another', () => {
    const odd = Object.assign([sound], { map: () => [{ effect: 'permit' }] })
    expect(checkRules(odd)).toEqual([sound])
    const items = Object.assign(['a'], { *[Symbol.iterator]() {}, entries: () => [] })
    expect(checkRules([{ ...sound, paths: items }])).toEqual([{ ...sound, paths: ['a'] }])
    const names = Object.assign(['a'], { map: () => ['x/y'] })
    expect(checkRoleNames(names)).toEqual(['a'])
  })

  it('is bounded by the segments of its paths', () => {
    const long = (i: number) => `p${i}/${Array(63).fill('x').join('/')}`
    const paths = Array.from({ length: 64 }, (_, i) => long(i))
    expect(checkRules([{ ...sound, paths }])).toHaveLength(1)
    expect(() => checkRules([{ ...sound, paths }, sound])).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'rules: expected at most 4096 segments of paths in all, found 4098',
      }),
    )
  })
})
