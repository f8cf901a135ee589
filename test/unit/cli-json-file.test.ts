import { describe, expect, it } from 'vitest'
import { UsageError } from '../../src/cli/failure.ts'
import { parseStrictJson } from '../../src/cli/json-file.ts'

function parsed(text: string | Uint8Array): unknown {
  return parseStrictJson(typeof text === 'string' ? Buffer.from(text) : text, 'rules.json')
}

describe('JSON that is to be understood in full', () => {
  it.each([
    '{"a":[{"b":1},{"b":2}],"c":{"a":null}}',
    '{"a":"\\"b\\": 1","b":"x:y"}',
    ' [ "a" , ":" , {"\\\\" : "\\\\"} ] ',
    '{}',
    '"a"',
  ])('is what it says: %s', (text) => {
    expect(parsed(text)).toEqual(JSON.parse(text))
  })

  it.each([
    ['{"a":1,"a":2}'],
    ['{"a":1,"\\u0061":2}'],
    ['[{"x":{"b" :1,\n"b"\t: 2}}]'],
    ['{"__proto__":1,"__proto__":2}'],
  ])('is refused where a member comes twice: %s', (text) => {
    expect(() => parsed(text)).toThrow(
      new UsageError('rules.json: an object names one of its members twice'),
    )
  })

  it('is refused where it is none, or no UTF-8', () => {
    expect(() => parsed('{"a":')).toThrow(/^rules\.json is not JSON: /)
    expect(() => parsed('')).toThrow(/^rules\.json is not JSON: /)
    expect(() => parsed(Buffer.from([0x22, 0xff, 0x22]))).toThrow('rules.json is not UTF-8')
  })

  it('is taken with a byte order mark', () => {
    expect(parsed('\ufeff{"a":1}')).toEqual({ a: 1 })
  })
})
