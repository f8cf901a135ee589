import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomKey } from '../../src/crypto/random.ts'
import { type BoxPlace, keyIdOf, openBox, type SealedBox, sealBox } from '../../src/keys/box.ts'
import { decodeValue, encodeValue, sameValue } from '../../src/keys/value.ts'
import { valueBytesMax } from '../../src/limits.ts'
import type { SecretInput } from '../../src/secret/value.ts'

const place = { vaultId: Buffer.alloc(16, 1), subject: 'prod/db/password', version: 3 }
const tagBytes = 16

function seal(value: SecretInput, where: BoxPlace = place): SealedBox {
  return sealBox({ ...where, plain: encodeValue(value) })
}

function open(request: SealedBox & Partial<BoxPlace>): SecretInput {
  return decodeValue(openBox({ ...place, ...request }))
}

const texts = fc.string({ unit: 'grapheme', maxLength: 2000 })
const byteArrays = fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes))
const names = fc.string({ maxLength: 12 }).filter((name) => name !== '__proto__')
const scalars = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))
const fields = fc.dictionary(
  names,
  fc.oneof(scalars, fc.array(scalars), fc.dictionary(names, scalars, { noNullPrototype: true })),
  { noNullPrototype: true, maxKeys: 20 },
)

describe('a box', () => {
  it('gives back what was sealed: text, bytes, fields', () => {
    fc.assert(
      fc.property(fc.oneof(texts, byteArrays, fields), (value) => {
        expect(open(seal(value))).toEqual(value)
      }),
      { numRuns: 300 },
    )
  })

  it('holds a value of the largest size and no larger', () => {
    for (const value of ['x'.repeat(valueBytesMax), Buffer.alloc(valueBytesMax)]) {
      // `toEqual` would compare a million elements one by one.
      expect(sameValue(open(seal(value)), value)).toBe(true)
    }
    const message = `value: expected at most ${valueBytesMax} bytes, found ${valueBytesMax + 1}`
    const refused = expect.objectContaining({ code: 'TOO_LARGE', message })
    for (const value of [Buffer.alloc(valueBytesMax + 1), `${'x'.repeat(valueBytesMax - 1)}ü`]) {
      expect(() => encodeValue(value)).toThrow(refused)
    }
  })

  it('shows the length of its value in steps only', () => {
    const lengthOf = (bytes: number) => seal(Buffer.alloc(bytes)).box.length - tagBytes
    expect([0, 1, 59].map(lengthOf)).toEqual([64, 64, 64])
    expect([60, 123].map(lengthOf)).toEqual([128, 128])
    expect(lengthOf(1024 - 5)).toBe(1024)
    // Padmé of 1,025: exponent 10, mantissa 4 bits, steps of 64; of 10,000: exponent 13, 4 bits, steps of 512.
    expect(lengthOf(1025 - 5)).toBe(1088)
    expect(lengthOf(10_000 - 5)).toBe(10_240)
    expect(lengthOf(valueBytesMax)).toBe(valueBytesMax + 32_768)
  })

  it('opens in its own place, version and vault only', () => {
    const sealed = seal('hunter2')
    const changes = [{ subject: 'prod/db/passwore' }, { version: 4 }, { vaultId: Buffer.alloc(16) }]
    for (const change of changes) {
      expect(() => open({ ...sealed, ...change })).toThrow(
        expect.objectContaining({ code: 'INTEGRITY', message: expect.stringMatching(/not open/) }),
      )
    }
    expect(open(sealed)).toBe('hunter2')
  })

  it('refuses a changed byte anywhere', () => {
    const sealed = seal('hunter2')
    for (const name of ['box', 'keyId', 'valueKey'] as const) {
      for (let at = 0; at < sealed[name].length; at += 1) {
        const changed = Buffer.from(sealed[name])
        changed[at]! ^= 1
        expect(() => open({ ...sealed, [name]: changed })).toThrow(
          expect.objectContaining({ code: 'INTEGRITY' }),
        )
      }
    }
  })

  it('refuses a key that the log does not name, though the box opens with it', () => {
    const sealed = seal('hunter2')
    expect(() => open({ ...sealed, keyId: keyIdOf(randomKey()) })).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'prod/db/password version 3: the value key is not the one that the log names',
      }),
    )
  })

  it('has its own key and binds versions beyond 32 bits', () => {
    const [a, b] = [seal('x'), seal('x')]
    expect(a.valueKey).not.toEqual(b.valueKey)
    const far = { ...place, version: 2 ** 32 + 3 }
    const sealed = seal('x', far)
    expect(open({ ...sealed, ...far })).toBe('x')
    expect(() => open(sealed)).toThrow(/do not open/)
  })

  it('refuses a subject longer than a path can be', () => {
    expect(() => seal('', { ...place, subject: 'x'.repeat(513) })).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: 'subject: expected at most 512 bytes, found 513',
      }),
    )
  })

  it.each<[string, number, (plain: Buffer) => Buffer]>([
    ['its lengths do not agree', 128, (plain) => plain],
    ['its lengths do not agree', 64, (plain) => set(plain, 4, 60)],
    ['its lengths do not agree', 4, (plain) => plain],
    ['its padding is not zero', 64, (plain) => set(plain, 63, 1)],
    ['it is of kind 4', 64, (plain) => set(plain, 0, 4)],
    ['its fields are not JSON', 64, (plain) => set(plain, 0, 3)],
  ])('refuses a plaintext of which %s, in %d bytes', (why, length, change) => {
    const plain = Buffer.alloc(length)
    plain.set([1, 0, 0, 0, 5].slice(0, length))
    expect(() => decodeValue(change(plain))).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: `the box opens, and holds no value: ${why}`,
      }),
    )
  })

  it('refuses more than the largest value, however well it is laid out', () => {
    const plain = Buffer.alloc(valueBytesMax + 32_768)
    plain.writeUInt8(2, 0)
    plain.writeUInt32BE(valueBytesMax, 1)
    expect(decodeValue(plain)).toHaveLength(valueBytesMax)
    plain.writeUInt32BE(valueBytesMax + 1, 1)
    expect(() => decodeValue(plain)).toThrow(/lengths do not agree$/)
  })

  it('lays each value out in memory of its own', () => {
    const first = encodeValue('first')
    const second = encodeValue(Buffer.from('second'))
    expect([decodeValue(first), decodeValue(second)]).toEqual(['first', Buffer.from('second')])
    expect(first.buffer.byteLength).toBe(first.length)
  })
})

function set(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value
  return bytes
}

describe('a value', () => {
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle

  it.each<[string, unknown]>([
    ['half a surrogate pair', 'a\ud800'],
    ['a number', 12],
    ['null', null],
    ['a list', ['a']],
    ['a date', new Date()],
    ['a map', new Map()],
    ['undefined in fields', { a: undefined }],
    ['a function in fields', { a: () => 1 }],
    ['a date in fields', { a: new Date() }],
    ['a bigint in fields', { a: 1n }],
    ['NaN in fields', { a: Number.NaN }],
    ['a hole in a list', { a: Array(2) }],
    ['half a surrogate pair in a name', { '\ud800': 1 }],
    ['half a surrogate pair in a field', { a: ['\udc00'] }],
    ['__proto__', JSON.parse('{"a":{"__proto__":1}}')],
    ['fields nested too deep', { a: [[[[[[[[1]]]]]]]] }],
    ['a cycle', cycle],
    ['too many fields', Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`f${i}`, 1]))],
  ])('is not %s', (_what, value) => {
    expect(() => encodeValue(value as SecretInput)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(/^value: /) }),
    )
  })

  it('is the same as another of its kind and content only', () => {
    expect(sameValue('a', 'a')).toBe(true)
    expect(sameValue('a', 'b')).toBe(false)
    expect(sameValue('a', Buffer.from('a'))).toBe(false)
    expect(sameValue(Buffer.of(1, 2), Buffer.of(1, 2))).toBe(true)
    expect(sameValue(Buffer.of(1, 2), Buffer.of(1, 3))).toBe(false)
    expect(sameValue({ a: 1, b: { c: [1], d: null } }, { b: { d: null, c: [1] }, a: 1 })).toBe(true)
    expect(sameValue({ a: [1, 2] }, { a: [2, 1] })).toBe(false)
    expect(sameValue({ a: 1 }, { a: '1' })).toBe(false)
    expect(sameValue({}, '{}')).toBe(false)
  })
})
