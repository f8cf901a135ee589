import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import type { VaultError } from '../../src/errors.ts'
import { checkPath } from '../../src/events/path.ts'
import { matches, parsePattern } from '../../src/events/pattern.ts'

describe('patterns', () => {
  const part = fc.constantFrom('a', 'b', 'ab')

  /** The definition, word for word. */
  function matchesNaively(pattern: string[], subject: string[]): boolean {
    const [first, ...rest] = pattern
    if (first === undefined) return subject.length === 0
    if (first === '**') return subject.length > 0
    const [segment, ...below] = subject
    return (
      segment !== undefined && (first === '*' || first === segment) && matchesNaively(rest, below)
    )
  }

  const pattern = fc.tuple(
    fc.array(fc.oneof(part, fc.constant('*')), { maxLength: 4 }),
    fc.boolean(),
  )
  const subject = fc.array(part, { maxLength: 5 })

  test.prop([pattern, subject], { numRuns: 2000 })(
    'match what their definition says',
    ([parts, deep], segments) => {
      const all = deep ? [...parts, '**'] : parts
      fc.pre(all.length > 0)
      const matched = matches(parsePattern(all.join('/')), segments.join('/'))
      expect(matched).toBe(matchesNaively(all, segments))
    },
  )
})

describe('paths', () => {
  const unit = fc.constantFrom(
    'a',
    'b',
    '.',
    '/',
    ' ',
    '*',
    '\\',
    '\n',
    '\u007f',
    'é',
    'e\u0301',
    '\u00a0',
    '\ud800',
    '🔑',
    'x'.repeat(127),
  )
  const path = fc.array(unit, { maxLength: 8 }).map((units) => units.join(''))

  test.prop([path], { numRuns: 3000 })(
    'are accepted exactly where their definition says, all-ASCII or not',
    (path) => {
      const sound =
        Buffer.byteLength(path) <= 512 &&
        path.normalize('NFC') === path &&
        !/[\p{C}\p{Zl}\p{Zp}*+!\\]/u.test(path) &&
        !/\p{Zs}/u.test(path.replaceAll(' ', '')) &&
        path
          .split('/')
          .every((s) => s !== '' && s !== '.' && s !== '..' && Buffer.byteLength(s) <= 128)
      let returned: string | undefined
      try {
        returned = checkPath(path)
      } catch (error) {
        expect(['INVALID', 'TOO_LARGE']).toContain((error as VaultError).code)
      }
      expect(returned).toBe(sound ? path : undefined)
    },
  )
})
