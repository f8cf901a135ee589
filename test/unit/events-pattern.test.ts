import { describe, expect, it } from 'vitest'
import { matches, parsePattern } from '../../src/events/pattern.ts'

describe('matches', () => {
  it.each([
    ['prod/db', 'prod/db', true],
    ['prod/db', 'prod/dbx', false],
    ['prod/db', 'prod/d', false],
    ['prod/db', 'prod', false],
    ['prod/db', 'prod/db/password', false],
    ['prod/db', 'xprod/db', false],
    ['*', 'prod', true],
    ['*', 'prod/db', false],
    ['prod/*', 'prod/db', true],
    ['prod/*', 'prod', false],
    ['prod/*', 'prod/db/password', false],
    ['*/db', 'prod/db', true],
    ['*/db', 'db', false],
    ['prod/*/password', 'prod/db/password', true],
    ['prod/*/password', 'prod/db/user', false],
    ['prod/**', 'prod', false],
    ['prod/**', 'prod/db', true],
    ['prod/**', 'prod/db/password', true],
    ['prod/**', 'production/db', false],
    ['prod/**', 'prod/', false],
    ['*/**', 'prod', false],
    ['*/**', 'prod/db', true],
    ['**', 'prod', true],
    ['**', 'prod/db/password', true],
    ['**', '', false],
    ['*', '', false],
    ['ключ/*', 'ключ/🔑', true],
  ])('%s, %j: %s', (pattern, subject, expected) => {
    expect(matches(parsePattern(pattern), subject)).toBe(expected)
  })

  it('takes no longer for a pattern made to be slow', () => {
    const pattern = parsePattern(`${'*/'.repeat(250)}x`)
    const subject = 'a/'.repeat(255)
    const started = performance.now()
    for (let i = 0; i < 1000; i++) matches(pattern, subject)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('parsePattern', () => {
  it.each([
    ['', 'segment of pattern "": expected no empty segment'],
    ['prod/', 'segment of pattern "": expected no empty segment'],
    ['prod//**', 'segment of pattern "": expected no empty segment'],
    ['prod*', 'segment of pattern "prod*": expected no U+002A'],
    ['**/password', 'segment of pattern "**": expected no U+002A'],
    ['**/**', 'segment of pattern "**": expected no U+002A'],
    ['***', 'segment of pattern "***": expected no U+002A'],
    ['!prod', 'segment of pattern "!prod": expected no U+0021'],
    ['prod/..', 'segment of pattern "..": expected no segment ".."'],
  ])('refuses %j', (text, message) => {
    expect(() => parsePattern(text)).toThrow(expect.objectContaining({ code: 'INVALID', message }))
  })

  it('bounds the length, and names the argument', () => {
    expect(() => parsePattern(`prod/${'x'.repeat(129)}/**`, 'path')).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'segment of path: expected at most 128 bytes, found 129',
        expected: 128,
        found: 129,
      }),
    )
    expect(() => parsePattern(`${'*/'.repeat(256)}*`, 'subject')).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'subject: expected at most 512 bytes, found 513',
        expected: 512,
        found: 513,
      }),
    )
    expect(() => parsePattern(7 as unknown as string, 'subject')).toThrow(
      'subject: expected a string',
    )
  })
})
