import { describe, expect, it } from 'vitest'
import { transferBytesMax } from '../../src/limits.ts'
import { type ImportFormat, importFormats, parseTransfer } from '../../src/transfer/parse.ts'
import { foreignPath, foreignPathOf } from '../../src/transfer/paths.ts'
import { files, fixture, parseText, valuesOf } from '../fixtures/transfer/files.ts'

describe('parseTransfer', () => {
  it.each(['', 'prod/app', 'prod/app/'])('puts each path below the prefix %j', (prefix) => {
    const below = prefix === '' ? 'A' : 'prod/app/A'
    expect(valuesOf(parseText('dotenv', 'A=fake', prefix))).toEqual({ [below]: 'fake' })
  })

  it.each([
    ['/', 'prefix "": expected no empty segment'],
    ['prod//', 'prefix "prod/": expected no empty segment'],
    ['a*', 'prefix "a*": expected no U+002A'],
  ])('refuses the prefix %j', (prefix, message) => {
    expect(() => parseText('dotenv', 'A=fake', prefix)).toThrow(
      expect.objectContaining({ code: 'INVALID', message }),
    )
  })

  it('leaves out a path that the prefix makes too long', () => {
    const prefix = Array.from({ length: 5 }, () => 'a'.repeat(100)).join('/')
    expect(parseText('dotenv', `${'B'.repeat(9)}=fake`, prefix).skipped).toEqual([
      { row: 'line 1', reason: 'path: expected at most 512 bytes, found 514' },
    ])
  })

  it('refuses a format that it does not know', () => {
    expect(() => parseText('yaml' as ImportFormat, '')).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: 'format must be one of dotenv, json, vault-kv, bitwarden',
      }),
    )
  })

  it.each(files)('reads $name after a byte order mark as without one', ({ format, name }) => {
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), fixture(name)])
    expect(parseTransfer(marked, { format })).toEqual(parseTransfer(fixture(name), { format }))
  })

  it.each([
    [[0xff, 0xfe, 0x41, 0], 'line 1', 0],
    [[0x41, 0x0a, 0xc3, 0xa9, 0xc3], 'line 2', 4],
    [[0xef, 0xbf, 0xbd, 0x0a, 0x0a, 0xed, 0xa0, 0x80], 'line 3', 5],
    [[0xef, 0xbb, 0xbf, 0x41, 0x80], 'line 1', 4],
  ])('refuses what is not UTF-8 by its offset: %j', (bytes, line, offset) => {
    for (const format of importFormats) {
      expect(() => parseTransfer(Uint8Array.from(bytes), { format })).toThrow(
        expect.objectContaining({
          code: 'INVALID',
          message: `${format} file, ${line}: expected UTF-8, found another byte at offset ${offset}`,
        }),
      )
    }
  })

  it('refuses a file beyond its limit before it looks at it', () => {
    const file = new Uint8Array(transferBytesMax + 1)
    expect(() => parseTransfer(file, { format: 'json' })).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'json file: expected at most 268435456 bytes, found 268435457',
      }),
    )
  })
})

describe('foreign names', () => {
  it.each([
    ['Work/Servers', 'My DB (prod)', 'Work/Servers/My DB (prod)'],
    ['', 'https://example.com/*', 'https:__example.com__'],
    [' / a // . /..', '.', 'a/_/__/_'],
    ['Cafe\u0301', 'e\u0301\u00a0!', 'Café/é__'],
    ['', '  \t ', '_'],
    ['', '\ud800\u200d\u{e0001}', '___'],
  ])('%j and %j become %j', (folder, name, path) => {
    expect(foreignPath(folder, name)).toBe(path)
  })

  it.each([
    ['/team+x//db/', 'team_x/db'],
    ['', '_'],
    ['///', '_'],
  ])('the path %j becomes %j', (foreign, path) => {
    expect(foreignPathOf(foreign)).toBe(path)
  })
})
