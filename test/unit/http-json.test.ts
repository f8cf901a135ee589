import { describe, expect, it } from 'vitest'
import { parseBody } from '../../src/http/json-body.ts'
import { WireError } from '../../src/http/wire-error.ts'

const parse = (text: string) => parseBody(Buffer.from(text))

function refusal(bytes: string | Buffer): { status: number; errors: readonly string[] } {
  try {
    parseBody(Buffer.from(bytes as string))
  } catch (error) {
    if (error instanceof WireError) return { status: error.status, errors: error.errors }
    throw error
  }
  throw new Error('it was accepted')
}

const because = (why: string) => ({ status: 400, errors: [`error parsing JSON: ${why}`] })

describe('the body of a request', () => {
  it('is an object, and an empty one where there is no body', () => {
    expect(parse('')).toEqual({})
    expect(parse(' {"a": [1, -2.5e3, "x:,{", null, true, {"b": {}}]}\n')).toEqual({
      a: [1, -2500, 'x:,{', null, true, { b: {} }],
    })
  })

  it.each(['[]', '"x"', '1', 'null', 'true'])('is refused where it is %s', (text) => {
    expect(refusal(text)).toEqual(because('expected an object'))
  })

  it.each(['{', '{"a"}', '{"a":1}{"b":2}', "{'a':1}", '{"a":01}', '{"a":1,}', 'x', '\ufeff{}'])(
    'is refused where it is not JSON: %s',
    (text) => {
      expect(refusal(text)).toEqual(because('it is not JSON'))
    },
  )

  it('is refused where a string does not end, whatever is escaped in it', () => {
    expect(refusal('{"a":"x')).toEqual(because('a string does not end'))
    expect(refusal('{"a":"x\\"}')).toEqual(because('a string does not end'))
    expect(parse('{"a":"x\\\\"}')).toEqual({ a: 'x\\' })
    expect(parse('{"a":"\\\\\\""}')).toEqual({ a: '\\"' })
  })

  it.each(['{"a":1,"a":2}', '{"x":{"a":1,"b":2,"a":1}}', '{"x":[{"a":1,"\\u0061":2}]}'])(
    'is refused where a member comes twice: %s',
    (text) => {
      expect(refusal(text)).toEqual(because('an object names one of its members twice'))
    },
  )

  it('takes names that other objects have, and refuses __proto__ however it is written', () => {
    const body = parse('{"constructor":{"prototype":{"x":1}},"toString":"y","hasOwnProperty":1}')
    expect(body.constructor).toEqual({ prototype: { x: 1 } })
    for (const name of ['__proto__', '\\u005f_proto__']) {
      expect(refusal(`{"a":{"${name}":{"polluted":1}}}`)).toEqual(
        because('a member may not be named __proto__'),
      )
    }
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  it('is refused where its bytes are not UTF-8', () => {
    const bad = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])
    expect(refusal(bad)).toEqual(because('it is not UTF-8'))
    const overlong = Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])
    expect(refusal(overlong)).toEqual(because('it is not UTF-8'))
  })

  it('is nested 64 deep at the most', () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    expect(parse(nested(64))).toHaveProperty('a')
    expect(refusal(nested(65))).toEqual(because('expected nesting at most 64 deep'))
    expect(refusal('['.repeat(1_000_000))).toEqual(because('expected nesting at most 64 deep'))
  })

  it.each([
    '9007199254740993',
    '12345678901234567890',
    '1e400',
    '-1e999',
    '1e-400',
    '0.1000000000000000055',
    `1${'0'.repeat(500)}`,
  ])('is refused where a number would be rounded: %s', (number) => {
    expect(refusal(`{"a":${number}}`)).toEqual(
      because('a number has more digits than are kept: give it as a string'),
    )
  })

  it.each(['0', '-0', '9007199254740991', '0.1', '0.30000000000000004', '1E3', '1.50', '1e21'])(
    'keeps the number %s',
    (number) => {
      expect(parse(`{"a":${number}}`)).toEqual({ a: Number(number) })
    },
  )

  it('says 413 beyond 8 MiB, and refuses more than 20,000 values', () => {
    const long = (length: number) => Buffer.from(`{"a":"${'x'.repeat(length)}"}`)
    expect(parseBody(long(8 * 1024 * 1024 - 8))).toHaveProperty('a')
    expect(refusal(long(8 * 1024 * 1024 - 7))).toEqual({
      status: 413,
      errors: ['request body too large'],
    })
    const many = (count: number) => `{"a":[${Array(count).fill('0').join(',')}]}`
    expect(parse(many(20_001))).toHaveProperty('a')
    expect(refusal(many(20_002))).toEqual(because('expected at most 20000 values'))
  })

  it('never quotes what it refuses', () => {
    const { errors } = refusal('{"password":"hunter2" "x"}')
    expect(errors.join()).not.toMatch(/hunter2|password/)
  })

  it('reads texts that are made to be slow in linear time', () => {
    const hard = [
      `{"a":"${'\\\\'.repeat(500_000)}"}`,
      `{"a":"${'\\"'.repeat(500_000)}"}`,
      `{"a":0.${'0'.repeat(1_000_000)}1}`,
      `{"a":"${'\\'.repeat(1_000_000)}`,
    ]
    const start = performance.now()
    for (const text of hard) {
      try {
        parse(text)
      } catch (error) {
        expect(error).toBeInstanceOf(WireError)
      }
    }
    // One that is quadratic takes minutes.
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
