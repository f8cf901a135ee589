import { describe, expect, it } from 'vitest'
import { formatJson, formatJsonParts } from '../../src/transfer/json-export.ts'
import { parseTransfer } from '../../src/transfer/parse.ts'
import { fixture, parseText, valuesOf } from '../fixtures/transfer/files.ts'

const about = { vaultId: '00000000-0000-0000-0000-00000000000a', position: 41 }

function refusal(message: string, code = 'INVALID') {
  return expect.objectContaining({ code, message })
}

describe('an export of ours', () => {
  const { entries, skipped } = parseTransfer(fixture('export.json'), { format: 'json' })

  it('is read whole', () => {
    expect(skipped).toEqual([])
    expect(entries).toEqual([
      {
        path: 'prod/db/password',
        meta: {
          type: 'database_password',
          description: 'of the primary',
          owner: 'team/fake',
          tags: { tier: 'gold' },
          rotateEvery: 7_776_000_000,
          maxVersions: 5,
          casRequired: true,
        },
        versions: [
          {
            value: 'fake-old',
            notBefore: Date.UTC(2024, 0, 1),
            expiresAt: Date.UTC(2025, 0, 1),
          },
          { value: 'fake-new' },
        ],
      },
      {
        path: 'prod/bytes',
        meta: { type: 'encryption_key' },
        versions: [{ value: Buffer.from([0, 1, 255, 128]) }],
      },
      {
        path: 'prod/fields',
        meta: { type: 'generic' },
        versions: [{ value: { user: 'fake', nested: { list: [1, null, true] } } }],
      },
    ])
  })

  it('is written as it was read, one piece a secret', () => {
    expect(formatJson(entries, about)).toBe(fixture('export.json').toString())
    expect([...formatJsonParts(entries, about)]).toHaveLength(entries.length + 2)
  })

  it('of an empty vault is read back as nothing', () => {
    expect(parseText('json', formatJson([], about))).toEqual({ entries: [], skipped: [] })
  })

  const file = { format: 'muniment-export', version: 1, ...about }
  const secret = { path: 'a', type: 'generic', versions: [{ value: 'fake-canary' }] }

  it.each([
    [
      { ...file, version: 2, anything: [] },
      'UNSUPPORTED',
      /^json file: expected version 1 of muniment-export, found 2/,
    ],
    [{ ...file, version: '1' }, 'INVALID', /^json file: expected a version from 1$/],
    [
      { ...file, secrets: {} },
      'INVALID',
      /^json file: expected a list of secrets, found an object$/,
    ],
    [
      { ...file, secrets: [], canary: 1 },
      'INVALID',
      /^json file: expected no members but format, version,/,
    ],
    [
      { ...file, secrets: [{ ...secret, canary: 1 }] },
      'INVALID',
      /^json file, secrets\[0\]: expected no members but path, type,/,
    ],
    [
      { ...file, secrets: [secret, { ...secret, versions: [{ value: 'x', canary: 1 }] }] },
      'INVALID',
      /^json file, secrets\[1\]\.versions\[0\]: expected no members but value,/,
    ],
  ])('is refused where it says what this version does not know: %#', (file, code, message) => {
    const call = () => parseText('json', JSON.stringify(file))
    expect(call).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
    expect(call).not.toThrow(/canary/)
  })

  const dates = 'versions[0]: expected ISO 8601 dates with a zone, from 1970 to 9999'
  const values = 'versions[0]: expected one of value (text), valueBase64, fields (an object)'
  it.each([
    ['fake-canary', 'expected an object, found a string'],
    [{ ...secret, path: 1 }, 'path: expected a string, found a number'],
    [{ ...secret, path: 'fake-canary/' }, 'path: expected no empty segment'],
    [{ ...secret, type: 'fake-canary' }, /^type: expected generic \| api_key .*, found another$/],
    [{ ...secret, tags: { canary: 1 } }, 'tags: expected a string, found an integer'],
    [{ ...secret, tags: { '': 'x' } }, 'tags: expected at least 1 bytes, found fewer'],
    [
      JSON.parse(
        '{"path":"a","type":"generic","tags":{"__proto__":"x"},"versions":[{"value":"x"}]}',
      ),
      'tags: a tag may not be called __proto__',
    ],
    [
      { ...secret, owner: '\ud800' },
      'owner: expected well-formed text, found half a surrogate pair',
    ],
    [{ ...secret, rotateEvery: 0.5 }, /^rotateEvery: expected an integer from 1 to /],
    [{ ...secret, versions: [] }, 'versions: expected a list of at least one'],
    [{ ...secret, versions: ['fake-canary'] }, 'versions[0]: expected an object, found a string'],
    [{ ...secret, versions: [{}] }, values],
    [{ ...secret, versions: [{ value: 'fake-canary', fields: {} }] }, values],
    [{ ...secret, versions: [{ value: 7 }] }, values],
    [{ ...secret, versions: [{ fields: 'fake-canary' }] }, values],
    [{ ...secret, versions: [{ valueBase64: 'fake-canary' }] }, values],
    [{ ...secret, versions: [{ value: 'x', expiresAt: '2024-01-01T00:00' }] }, dates],
    [{ ...secret, versions: [{ value: 'x', notBefore: 1 }] }, dates],
    [{ ...secret, versions: [{ value: 'x', notBefore: '1969-12-31' }] }, dates],
    [
      { ...secret, versions: [{ value: 'x', notBefore: '2024-01-01', expiresAt: '2024-01-01' }] },
      'expected notBefore to be earlier than expiresAt',
    ],
    [
      { ...secret, versions: [{ value: 'x' }, { value: 'x'.repeat(2 ** 20 + 1) }] },
      'versions[1]: value: expected at most 1048576 bytes, found 1048577',
    ],
  ])('leaves out a secret that cannot be one: %#', (bad, reason) => {
    const text = JSON.stringify({ ...file, secrets: [bad, { ...secret, path: 'b' }] })
    const { entries, skipped } = parseText('json', text)
    expect(entries.map(({ path }) => path)).toEqual(['b'])
    expect(skipped).toEqual([
      {
        row: 'secrets[0]',
        reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
      },
    ])
    expect(JSON.stringify(skipped)).not.toContain('canary')
  })

  it('takes the first of two secrets of one path', () => {
    const text = JSON.stringify({ ...file, secrets: [secret, secret] })
    const { entries, skipped } = parseText('json', text)
    expect(entries).toHaveLength(1)
    expect(skipped).toEqual([{ row: 'secrets[1]', reason: 'its path is that of secrets[0]' }])
  })
})

describe('a plain map', () => {
  it('gives a secret a member', () => {
    const parsed = parseTransfer(fixture('plain.json'), { format: 'json' })
    expect(valuesOf(parsed)).toEqual({
      'prod/app/token': 'fake-token',
      'prod/app/login': { user: 'fake', password: 'fake-password' },
    })
    expect(parsed.skipped).toEqual([
      { row: 'prod/app/number', reason: 'expected a string or an object, found a number' },
      { row: 'member 4', reason: 'path: expected no empty segment' },
    ])
  })

  it('leaves out a value that would not read back as it is', () => {
    const text = `{
      "a": {"n": 12345678901234567890}, "b": {"n": 1e400}, "c": {"__proto__": 1}, "d": "\\ud800",
      "e": {"n": [0.1, -1.50, 9007199254740991, 1E3, 5e-324, 0.0]}, "__proto__": "fake"
    }`
    const { entries, skipped } = parseText('json', text)
    expect(entries.map(({ path }) => path)).toEqual(['e', '__proto__'])
    expect(entries[0]?.versions[0]?.value).toEqual({
      n: [0.1, -1.5, 9007199254740991, 1000, 5e-324, 0],
    })
    expect(skipped).toEqual([
      { row: 'a', reason: 'value: expected finite numbers in fields' },
      { row: 'b', reason: 'value: expected finite numbers in fields' },
      { row: 'c', reason: 'value: a field may not be called __proto__' },
      { row: 'd', reason: 'value: expected text, found half a surrogate pair' },
    ])
  })

  it.each([
    ['[]', 'json file: expected an object, found a list'],
    ['null', 'json file: expected an object, found null'],
    ['', 'json file, line 1 column 1: expected a value'],
    ['{"a": canary}', 'json file, line 1 column 7: expected a value'],
    ['{\n  "a": "canary\n"}', 'json file, line 2 column 15: expected the end of the string'],
    ['{"a": "canary', 'json file, line 1 column 14: expected the end of the string'],
    [
      '{"a": "canary\\x"}',
      'json file, line 1 column 7: expected a string whose escapes are those of JSON',
    ],
    ['{"a": 1 canary}', 'json file, line 1 column 9: expected "," or "}"'],
    ['{"a": [1 canary]}', 'json file, line 1 column 10: expected "," or "]"'],
    ['{"a" canary}', 'json file, line 1 column 6: expected ":"'],
    ['{"a": 1,}', 'json file, line 1 column 9: expected the name of a member'],
    ['{"a": 1} canary', 'json file, line 1 column 10: expected the end of the file'],
    [
      '{"canary": 1, "canary": 2}',
      'json file, line 1 column 15: expected members of different names, found one twice',
    ],
    ['{"a": 01}', 'json file, line 1 column 7: expected a value'],
    ['{"a": NaN}', 'json file, line 1 column 7: expected a value'],
    [`{"a": ${'['.repeat(64)}`, 'json file, line 1 column 70: expected nesting at most 64 deep'],
  ])('is refused where it is not JSON, without saying what stands there: %#', (text, message) => {
    expect(() => parseText('json', text)).toThrow(refusal(message))
    expect(message).not.toContain('canary')
  })
})
