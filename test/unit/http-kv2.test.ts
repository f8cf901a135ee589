import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/http/durations.ts'
import {
  booleanField,
  countField,
  durationField,
  integerField,
  integersField,
  objectField,
  textField,
} from '../../src/http/fields.ts'
import { readCustomMetadata, readCustomMetadataPatch } from '../../src/http/kv2/custom-metadata.ts'
import { subkeysOf } from '../../src/http/kv2/subkeys.ts'
import { formatTime } from '../../src/http/times.ts'
import { weakText } from '../../src/http/weak.ts'
import { refusal } from '../fixtures/refusal.ts'

describe('parseDuration', () => {
  it.each([
    ['3h25m19s', 12_319_000],
    ['200h20m20s', 721_220_000],
    ['90', 90_000],
    ['+90', 90_000],
    ['-1s', -1000],
    ['-1', -1000],
    ['+1h', 3_600_000],
    ['30d', 2_592_000_000],
    ['1.5h', 5_400_000],
    ['.5m', 30_000],
    ['1.m', 60_000],
    ['0.1m', 6000],
    ['2s1h', 3_602_000],
    ['1s1s', 2000],
    ['', 0],
    ['0', 0],
    ['0s', 0],
    [90, 90_000],
    [0, 0],
    [-1, -1000],
    ['9223372036s', 9_223_372_036_000],
  ])('%j', (value, ms) => {
    expect(parseDuration(value)).toBe(ms)
  })

  it.each([
    ['1999ms', 1000],
    ['1s999ms999us999ns', 1000],
    ['2500000µs', 2000],
    ['2500000μs', 2000],
    ['999999999ns', 0],
    ['-1500ms', -1000],
  ])('%j, in whole seconds', (value, ms) => {
    expect(parseDuration(value)).toBe(ms)
  })

  it.each([
    '1 s',
    's',
    '.s',
    '1x',
    '1H',
    '1.5',
    '1.5d',
    '1d2h',
    '1h 2m',
    '--1s',
    'h1',
    '1e3s',
    'Infinity',
    '٣s',
    '1s\n',
    '1s'.repeat(65),
    '9223372037s',
    9_223_372_037,
    1.5,
    Number.NaN,
    null,
    true,
    undefined,
    ['1s'],
    {},
  ])('refuses %j', (value) => {
    expect(parseDuration(value)).toBeUndefined()
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [999, '999ms'],
    [1000, '1s'],
    [1500, '1.5s'],
    [59_999, '59.999s'],
    [60_000, '1m0s'],
    [90_500, '1m30.5s'],
    [3_600_000, '1h0m0s'],
    [3_600_001, '1h0m0.001s'],
    [12_319_000, '3h25m19s'],
    [721_220_000, '200h20m20s'],
    [2_592_000_000, '720h0m0s'],
  ])('%d', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('formatTime', () => {
  it.each([
    ['2018-03-22T02:24:06.945Z', '2018-03-22T02:24:06.945Z'],
    ['2018-03-22T02:24:06.940Z', '2018-03-22T02:24:06.94Z'],
    ['2018-03-22T02:24:06.900Z', '2018-03-22T02:24:06.9Z'],
    ['2018-03-22T02:24:06.009Z', '2018-03-22T02:24:06.009Z'],
    ['2018-03-22T02:20:00.000Z', '2018-03-22T02:20:00Z'],
    ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00Z'],
  ])('%s', (iso, text) => {
    expect(formatTime(new Date(iso))).toBe(text)
  })

  it('is empty for no time', () => {
    expect(formatTime(undefined)).toBe('')
  })
})

describe('an integer', () => {
  it.each([
    [1, 1],
    [0, 0],
    [-1, -1],
    ['1', 1],
    ['-1', -1],
    ['+7', 7],
    ['007', 7],
    ['-0', 0],
    ['', 0],
    [null, 0],
    [true, 1],
    [false, 0],
  ])('of %j', (value, integer) => {
    expect(integerField({ version: value }, 'version')).toBe(integer)
  })

  it.each(['a', '1.0', '1e3', ' 1', '0x1', '1'.repeat(16), 1.5, 2 ** 53, [], ['1'], {}])(
    'refuses %j',
    (value) => {
      expect(refusal(() => integerField({ version: value }, 'version'))).toEqual([
        400,
        [
          'Field validation failed: error converting input for field "version": expected an integer',
        ],
      ])
    },
  )

  it('says nothing where it is absent', () => {
    expect(integerField({}, 'version')).toBeUndefined()
  })
})

describe('a count', () => {
  it('is no less than 0', () => {
    expect(countField({ max_versions: '5' }, 'max_versions')).toBe(5)
    expect(refusal(() => countField({ max_versions: -1 }, 'max_versions'))).toEqual([
      400,
      [
        'Field validation failed: error converting input for field "max_versions": expected an integer from 0',
      ],
    ])
  })
})

describe('a boolean', () => {
  it.each([
    [true, true],
    [false, false],
    ['1', true],
    ['t', true],
    ['T', true],
    ['TRUE', true],
    ['true', true],
    ['True', true],
    ['0', false],
    ['f', false],
    ['F', false],
    ['FALSE', false],
    ['false', false],
    ['False', false],
    ['', false],
    [null, false],
    [1, true],
    [0, false],
    [-2.5, true],
  ])('of %j', (value, boolean) => {
    expect(booleanField({ cas_required: value }, 'cas_required')).toBe(boolean)
  })

  it.each(['yes', 'tRUE', '2', ' true', 'constructor', [], {}])('refuses %j', (value) => {
    expect(refusal(() => booleanField({ cas_required: value }, 'cas_required'))).toEqual([
      400,
      [
        'Field validation failed: error converting input for field "cas_required": expected true or false',
      ],
    ])
  })
})

describe('a list of versions', () => {
  it.each([
    [
      [1, 2],
      [1, 2],
    ],
    [
      ['1', 2],
      [1, 2],
    ],
    ['1,2', [1, 2]],
    ['3', [3]],
    [3, [3]],
    [[], []],
    ['', []],
    [null, []],
  ])('of %j', (value, versions) => {
    expect(integersField({ versions: value }, 'versions')).toEqual(versions)
  })

  it.each(['1, 2', 'a', ['a'], [1.5], [[1]], {}])('refuses %j', (value) => {
    expect(refusal(() => integersField({ versions: value }, 'versions'))).toEqual([
      400,
      [
        'Field validation failed: error converting input for field "versions": expected a list of integers',
      ],
    ])
  })
})

describe('a duration', () => {
  it('is in milliseconds, and null says nothing', () => {
    expect(durationField({ ttl: '3h25m19s' }, 'ttl')).toBe(12_319_000)
    expect(durationField({ ttl: 60 }, 'ttl')).toBe(60_000)
    expect(durationField({ ttl: null }, 'ttl')).toBeUndefined()
    expect(durationField({}, 'ttl')).toBeUndefined()
  })

  it.each(['-1s', -1, 'soon', [], true])('refuses %j', (value) => {
    expect(refusal(() => durationField({ ttl: value }, 'ttl'))).toEqual([
      400,
      [
        'Field validation failed: error converting input for field "ttl": expected a duration such as "3h25m19s", or seconds, and nothing negative',
      ],
    ])
  })
})

describe('an object and a text', () => {
  it('are taken as they are, null for an empty object', () => {
    expect(objectField({ data: { a: 1 } }, 'data')).toEqual({ a: 1 })
    expect(objectField({ data: null }, 'data')).toEqual({})
    expect(objectField({}, 'data')).toBeUndefined()
    expect(textField({ after: 'b' }, 'after')).toBe('b')
  })

  it.each([['a'], [], 'a', 1, true])('an object is not %j, which is not quoted', (value) => {
    expect(refusal(() => objectField({ data: value }, 'data'))).toEqual([
      400,
      ['Field validation failed: error converting input for field "data": expected an object'],
    ])
  })

  it('a text is not a list: a parameter that is given twice', () => {
    expect(refusal(() => textField({ after: ['a', 'b'] }, 'after'))).toEqual([
      400,
      ['Field validation failed: error converting input for field "after": expected a text'],
    ])
  })
})

describe('subkeysOf', () => {
  const fields = {
    user: 'ana',
    port: 5432,
    on: false,
    none: null,
    list: [{ a: 1 }],
    empty: {},
    tls: { key: 'k', ca: { pem: 'p', more: { deep: 1 } } },
  }
  const leaves = { user: null, port: null, on: null, none: null, list: null, empty: null }

  it('is the whole structure and no value', () => {
    const whole = { ...leaves, tls: { key: null, ca: { pem: null, more: { deep: null } } } }
    expect(subkeysOf(fields, 0)).toEqual(whole)
    expect(subkeysOf(fields, 4)).toEqual(whole)
    expect(subkeysOf(fields, 9)).toEqual(whole)
  })

  it.each([
    [3, { key: null, ca: { pem: null, more: null } }],
    [2, { key: null, ca: null }],
    [1, null],
    [-1, null],
  ])('goes %i levels deep', (depth, tls) => {
    expect(subkeysOf(fields, depth)).toEqual({ ...leaves, tls })
  })

  it('of nothing is nothing', () => {
    expect(subkeysOf({}, 0)).toEqual({})
  })
})

describe('custom metadata', () => {
  const message = (...faults: string[]) => {
    const head = faults.length === 1 ? '1 error' : `${faults.length} errors`
    const list = faults.map((fault) => `* custom_metadata validation failed: ${fault}`)
    return [400, [`${head} occurred:\n\t${list.join('\n\t')}\n\n`]]
  }
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, 'v']))

  it('is texts, and what has a text', () => {
    expect(readCustomMetadata({ a: 'x', b: 7, c: true, d: false, 'é ü': '日本' })).toEqual({
      a: 'x',
      b: '7',
      c: '1',
      d: '0',
      'é ü': '日本',
    })
    expect(weakText({})).toBeUndefined()
  })

  it('takes 64 entries, keys of 128 bytes and values of 512', () => {
    const full = { ...many(63), ['k'.repeat(128)]: 'v'.repeat(512) }
    expect(readCustomMetadata(full)).toEqual(full)
  })

  it('refuses a 65th entry', () => {
    expect(refusal(() => readCustomMetadata(many(65)))).toEqual(
      message('payload must contain at most 64 keys, provided 65'),
    )
  })

  it('refuses empty keys and values', () => {
    expect(refusal(() => readCustomMetadata({ '': 'v' }))).toEqual(
      message('length of key "" is 0 but must be 0 < len(key) <= 128'),
    )
    expect(refusal(() => readCustomMetadata({ a: '' }))).toEqual(
      message('length of value for key "a" is 0 but must be 0 < len(value) <= 512'),
    )
    expect(refusal(() => readCustomMetadata({ a: null }))).toEqual(
      message('length of value for key "a" is 0 but must be 0 < len(value) <= 512'),
    )
  })

  it('counts bytes, and repeats no more of a key than it may have', () => {
    expect(refusal(() => readCustomMetadata({ ['é'.repeat(65)]: 'v' }))).toEqual(
      message(`length of key "${'\\u00e9'.repeat(65)}" is 130 but must be 0 < len(key) <= 128`),
    )
    expect(refusal(() => readCustomMetadata({ ['k'.repeat(5000)]: 'v' }))).toEqual(
      message(`length of key "${'k'.repeat(128)}\\u2026" is 5000 but must be 0 < len(key) <= 128`),
    )
    expect(refusal(() => readCustomMetadata({ a: 'é'.repeat(257) }))).toEqual(
      message('length of value for key "a" is 514 but must be 0 < len(value) <= 512'),
    )
  })

  it('names all that is wrong, and quotes no value', () => {
    expect(refusal(() => readCustomMetadata({ 'a\n': 'v', b: 'secret\u001b[2J' }))).toEqual(
      message(
        'key "a\\n" contains unprintable characters',
        'value for key "b" contains unprintable characters',
      ),
    )
    expect(refusal(() => readCustomMetadata({ a: { b: 'secret' } }))).toEqual([
      400,
      ['custom_metadata validation failed: expected a text for key "a"'],
    ])
  })

  it.each(['\u00a0', '\u2028', '\u200b', '\ue000', '\ud800'])('takes no %j', (character) => {
    expect(refusal(() => readCustomMetadata({ a: `x${character}` }))).toEqual(
      message('value for key "a" contains unprintable characters'),
    )
  })

  it('of a patch takes null, which is not counted', () => {
    const patch = { ...many(64), gone: null }
    expect(readCustomMetadataPatch(patch)).toEqual(patch)
    expect(refusal(() => readCustomMetadataPatch({ gone: null, a: '' }))).toEqual(
      message('length of value for key "a" is 0 but must be 0 < len(value) <= 512'),
    )
  })
})
