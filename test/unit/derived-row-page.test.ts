import { describe, expect, it } from 'vitest'
import { decodePage, type Entry, encodePage } from '../../src/projections/derived/row-page.ts'

describe('a page of rows', () => {
  it('gives back rows of several shapes, values that are no objects, and removals', () => {
    const entries: Entry<unknown>[] = [
      ['a', { version: 1, at: 1_800_000_000_123, keyId: Buffer.from([1, 2]), live: true }],
      ['b', { version: 2, at: 2 ** 53 - 1, tags: { team: 'pay', deep: { list: [1, [], 'x'] } } }],
      ['c', undefined],
      ['d', 41],
      ['é', { version: -1, at: 2 ** 32, keyId: Buffer.alloc(0), live: false }],
      ['', ['a list', { of: 1 }]],
      ['e', {}],
      ['f', { none: null, missing: undefined, ratio: 0.1 }],
    ]
    expect(decodePage(encodePage(entries))).toStrictEqual(entries)
  })

  it('names the fields of many rows once', () => {
    const row = { aLongNameOfAField: 1 }
    const entries = Array.from({ length: 100 }, (_, n) => [`${n}`, row] as const)
    expect(encodePage(entries).toString('latin1').split('aLongNameOfAField')).toHaveLength(2)
  })

  it('holds no memory of the page in a row', () => {
    const entries = [['a', { bytes: Buffer.alloc(32, 1) }] as const]
    const [first] = decodePage<{ bytes: Buffer }>(encodePage(entries))
    expect(first?.[1]?.bytes.buffer.byteLength).toBeLessThanOrEqual(32)
  })

  it.each([
    ['an instance of a class', new Map()],
    ['an instance of a class', { deep: [{ at: new Date(0) }] }],
    ['a bigint', { big: 1n }],
    ['a function', { call: () => 1 }],
  ])('refuses %s', (found, row) => {
    const expected = 'strings, numbers, booleans, bytes, lists and plain objects'
    expect(() => encodePage([['a', row]])).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: `a row of a projection holds ${expected}; found ${found}`,
      }),
    )
  })
})
