import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plural, printable, properties, table } from '../../src/cli/text.ts'

describe('printable', () => {
  it.each([
    ['plain text', 'plain, ümlauts, 漢字 and 🔑', 'plain, ümlauts, 漢字 and 🔑'],
    ['a colour', '\u001b[31mred', String.raw`\u{1b}[31mred`],
    ['a colour in one character', '\u009b31mred', String.raw`\u{9b}31mred`],
    ['a title', '\u001b]0;title\u0007', String.raw`\u{1b}]0;title\u{7}`],
    ['a carriage return', 'over\rwritten', String.raw`over\u{d}written`],
    ['a line', 'two\nlines', String.raw`two\u{a}lines`],
    ['other controls', 'a\tb\u0008\u007f\u0000', String.raw`a\u{9}b\u{8}\u{7f}\u{0}`],
    ['an override of direction', 'user/\u202eana\u202c', String.raw`user/\u{202e}ana\u{202c}`],
    [
      'marks of direction',
      '\u2066a\u2069\u200f\u061c',
      String.raw`\u{2066}a\u{2069}\u{200f}\u{61c}`,
    ],
    [
      'what is not seen',
      'a\u200bb\u200d\ufeff\u00ad',
      String.raw`a\u{200b}b\u{200d}\u{feff}\u{ad}`,
    ],
    ['separators', 'line\u2028paragraph\u2029', String.raw`line\u{2028}paragraph\u{2029}`],
    [
      'a tag, private use, half a pair',
      '\u{e0041}\ue000\ud800',
      String.raw`\u{e0041}\u{e000}\u{d800}`,
    ],
  ])('%s', (_, text, expected) => {
    expect(printable(text)).toBe(expected)
  })

  const hostile = fc.constantFrom('\u001b', '\u009b', '\n', '\u202e', '\u2028', '\u2029')
  const character = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })

  it('leaves nothing that a terminal or a reader of its lines acts on', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.oneof(hostile, character) }), (text) => {
        const shown = printable(text)
        expect(stripVTControlCharacters(shown)).toBe(shown)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(shown.isWellFormed()).toBe(true)
      }),
    )
  })
})

describe('table', () => {
  it('aligns columns under their headings, without boxes and trailing spaces', () => {
    const rows = [
      ['prod/db/password', '1', '-'],
      ['漢字', '12', 'ana'],
    ]
    expect(table(['path', 'version', 'by'], rows)).toBe(
      [
        'path              version  by',
        'prod/db/password  1        -',
        '漢字              12       ana',
      ].join('\n'),
    )
  })

  it('keeps a hostile cell in its place', () => {
    expect(table(['by', 'reason'], [['\u001b[2Jx', 'a\nb']])).toBe(
      ['by          reason', String.raw`\u{1b}[2Jx  a\u{a}b`].join('\n'),
    )
  })

  it('is its headings where there are no rows', () => {
    expect(table(['path', 'version'], [])).toBe('path  version')
  })
})

describe('properties', () => {
  it('aligns values, and leaves out what has none', () => {
    const entries = [
      ['path', 'a'],
      ['owner', undefined],
      ['description', 'two\nlines'],
    ] as const
    expect(properties(entries)).toBe(
      ['path         a', String.raw`description  two\u{a}lines`].join('\n'),
    )
  })
})

describe('plural', () => {
  it.each([
    [0, '0 secrets'],
    [1, '1 secret'],
    [2, '2 secrets'],
    [10_000, '10,000 secrets'],
  ])('%d', (count, expected) => {
    expect(plural(count, 'secret')).toBe(expected)
  })

  it('takes a plural of its own', () => {
    expect(plural(2, 'entry', 'entries')).toBe('2 entries')
  })
})
