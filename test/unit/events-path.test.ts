import { describe, expect, it } from 'vitest'
import { checkActor, checkPath, checkPrefix } from '../../src/events/path.ts'

const segment = 'a'.repeat(128)

describe('checkPath', () => {
  it.each([
    'a',
    'prod/db/password',
    'prod/.env',
    'a..b/...',
    'with space/and,punctuation@{}[]()#$%^&=~`\'"<>?;:|',
    'größe/名前/ключ',
    `${segment}/${segment}`,
    `${segment}/${segment}/${segment}/${'a'.repeat(125)}`,
    'é'.repeat(64),
    '🔑',
  ])('returns %j', (path) => {
    expect(checkPath(path)).toBe(path)
  })

  it.each([
    ['', 'path "": expected no empty segment'],
    ['/a', 'path "/a": expected no empty segment'],
    ['a/', 'path "a/": expected no empty segment'],
    ['a//b', 'path "a//b": expected no empty segment'],
    ['./a', 'path "./a": expected no segment "."'],
    ['a/..', 'path "a/..": expected no segment ".."'],
    ['a*', 'path "a*": expected no U+002A'],
    ['a+', 'path "a+": expected no U+002B'],
    ['!a', 'path "!a": expected no U+0021'],
    ['a\\b', 'path "a\\\\b": expected no U+005C'],
    ['a\nb', 'path "a\\nb": expected no U+000A'],
    ['a\u007f', 'path "a\\u007f": expected no U+007F'],
    ['a\u00a0b', 'path "a\\u00a0b": expected no U+00A0'],
    ['a\u3000b', 'path "a\\u3000b": expected no U+3000'],
    ['a\u2028', 'path "a\\u2028": expected no U+2028'],
    ['a\u2029', 'path "a\\u2029": expected no U+2029'],
    ['a\u200d', 'path "a\\u200d": expected no U+200D'],
    ['\ufeffa', 'path "\\ufeffa": expected no U+FEFF'],
    ['a\u202eb', 'path "a\\u202eb": expected no U+202E'],
    ['\ue000', 'path "\\ue000": expected no U+E000'],
    ['a\ud800', 'path "a\\ud800": expected no U+D800'],
    ['\u{e0001}', 'path "\\udb40\\udc01": expected no U+E0001'],
    ['e\u0301', 'path "e\\u0301": expected normalisation form C'],
  ])('refuses %j', (path, message) => {
    expect(() => checkPath(path)).toThrow(expect.objectContaining({ code: 'INVALID', message }))
  })

  it.each([
    [`${segment}a`, 'segment of path: expected at most 128 bytes, found 129', 128, 129],
    [`a/${'é'.repeat(65)}`, 'segment of path: expected at most 128 bytes, found 130', 128, 130],
    [
      `${segment}/${segment}/${segment}/${'a'.repeat(126)}`,
      'path: expected at most 512 bytes, found 513',
      512,
      513,
    ],
  ])('refuses %j as too large', (path, message, expected, found) => {
    expect(() => checkPath(path)).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE', message, expected, found }),
    )
  })

  it('refuses what is no string, without showing it', () => {
    expect(() => checkPath(42 as unknown as string)).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: 'path of type number: expected a string',
      }),
    )
  })
})

describe('checkActor', () => {
  it('holds actors to the rules of paths, under their own name', () => {
    expect(checkActor('svc/billing')).toBe('svc/billing')
    expect(() => checkActor('svc/*')).toThrow(
      expect.objectContaining({ code: 'INVALID', message: 'actor "svc/*": expected no U+002A' }),
    )
    expect(() => checkActor('', 'approver')).toThrow('approver "": expected no empty segment')
  })
})

describe('checkPrefix', () => {
  it.each(['', 'prod', 'prod/', 'prod/d', 'prod/.', 'prod/..', '.', segment])(
    'returns %j',
    (prefix) => {
      expect(checkPrefix(prefix)).toBe(prefix)
    },
  )

  it.each([
    ['/', 'prefix "/": expected no empty segment'],
    ['a//', 'prefix "a//": expected no empty segment'],
    ['./', 'prefix "./": expected no segment "."'],
    ['../a', 'prefix "../a": expected no segment ".."'],
    ['prod/*', 'prefix "prod/*": expected no U+002A'],
  ])('refuses %j, under which no path can be', (prefix, message) => {
    expect(() => checkPrefix(prefix)).toThrow(expect.objectContaining({ code: 'INVALID', message }))
  })

  it('bounds the last segment too', () => {
    expect(() => checkPrefix(`a/${segment}a`)).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'segment of prefix: expected at most 128 bytes, found 129',
      }),
    )
  })
})
