import { describe, expect, it } from 'vitest'
import type { DraftEvent } from '../../src/events/catalogue.ts'
import { encodeEvent, encodeEventInto } from '../../src/events/encode.ts'
import { createWriter, writeValue } from '../../src/events/value-writer.ts'

const draft = {
  schema: 1,
  id: '0198c1d2-5f3e-7a41-9c77-2b1f0e6d5a34',
  type: 'secret.accessed',
  time: 1_755_600_000_000,
  actor: 'svc/billing',
  subject: 'prod/db',
  context: { reason: 'start-up' },
  data: { operation: 'read', version: 3 },
} as const satisfies DraftEvent

const meta = { type: 'generic' }
const written = { version: 1, changed: true, meta, keyId: Buffer.alloc(32), box: Buffer.alloc(64) }

/** A draft as careless JavaScript would make it. */
function careless(changes: Record<string, unknown>): DraftEvent {
  return { ...draft, ...changes } as unknown as DraftEvent
}

function writing(data: Record<string, unknown>): DraftEvent {
  return careless({ type: 'secret.written', data: { ...written, ...data } })
}

function refusal(code: string, message: string): unknown {
  return expect.objectContaining({ name: 'VaultError', code, message })
}

describe('encodeEvent', () => {
  it('writes these bytes', () => {
    expect(encodeEvent(draft).toString('hex')).toBe(
      [
        '98',
        '01',
        'c4100198c1d25f3e7a419c772b1f0e6d5a34',
        `af${Buffer.from('secret.accessed').toString('hex')}`,
        'd300000198c1ea1400',
        `ab${Buffer.from('svc/billing').toString('hex')}`,
        `a7${Buffer.from('prod/db').toString('hex')}`,
        `81a6${Buffer.from('reason').toString('hex')}a8${Buffer.from('start-up').toString('hex')}`,
        `82a9${Buffer.from('operation').toString('hex')}a4${Buffer.from('read').toString('hex')}`,
        `a7${Buffer.from('version').toString('hex')}03`,
      ].join(''),
    )
  })

  it('gives bytes that the next event leaves alone', () => {
    const bytes = encodeEvent(draft)
    const before = Buffer.from(bytes)
    encodeEvent(careless({ subject: 'another' }))
    expect(bytes).toEqual(before)
  })

  it('takes a value of the largest size, and small events after it', () => {
    const box = Buffer.alloc(1024 * 1024 + 131_072, 0xa5)
    expect(encodeEvent(writing({ box })).includes(box)).toBe(true)
    expect(encodeEvent(draft).length).toBeLessThan(200)
  })

  it.each([
    [{ schema: 2 }, 'schema: expected 1, the current one of secret.accessed'],
    [{ schema: 1.5 }, 'schema: expected 1, the current one of secret.accessed'],
    [{ type: 'secret.leaked' }, 'type: expected one of the catalogue'],
    [{ type: 'constructor' }, 'type: expected one of the catalogue'],
    [{ id: 'x' }, 'id: expected a UUID of version 7 in lower case canonical text'],
    [
      { id: '919108f7-52d1-4320-9bac-f847db4148a8' },
      'id: expected a UUID of version 7 in lower case canonical text',
    ],
    [{ time: -1 }, 'time: expected an integer from 0 to 253402300799999'],
    [{ time: 1.5 }, 'time: expected an integer from 0 to 253402300799999'],
    [{ time: 253_402_300_800_000 }, 'time: expected an integer from 0 to 253402300799999'],
    [{ actor: '' }, 'actor: expected at least 1 bytes, found fewer'],
    [{ actor: undefined }, 'actor: expected a string, found undefined'],
    [{ subject: 7 }, 'subject: expected a string, found an integer'],
    [{ subject: 'a\udc00' }, 'subject: expected well-formed Unicode, found a lone surrogate'],
    [{ context: undefined }, 'context: expected a map, found undefined'],
    [
      { context: { reason: undefined } },
      'context.reason: expected a value or no such field, found undefined',
    ],
    [{ context: { reasons: 'x' } }, 'context.reasons: expected no such field, found a string'],
    [
      { context: { '\u001b[2J': 'x' } },
      'context."\\u001b[2J": expected no such field, found a string',
    ],
    [
      { context: { auth: { method: 'magic', id: '' } } },
      'context.auth.method: expected keyslot | token | approle | claimed, found another',
    ],
    [
      { context: { auth: { method: 'token' } } },
      'context.auth.id: expected a string, found undefined',
    ],
    [{ context: new Map() }, 'context: expected a map, found an object of a class'],
    [{ data: null }, 'data: expected a map, found null'],
    [{ data: [] }, 'data: expected a map, found a list'],
    [
      { data: { operation: 'read' } },
      'data.version: expected an integer from 1 to 1000000, found undefined',
    ],
    [
      { data: { operation: 'read', version: 0 } },
      'data.version: expected an integer from 1 to 1000000, found less',
    ],
    [
      { data: { operation: 'read', version: 1e7 } },
      'data.version: expected an integer from 1 to 1000000, found more',
    ],
    [
      { data: { operation: 'read', version: 1.5 } },
      'data.version: expected an integer from 1 to 1000000, found a number',
    ],
    [
      { data: { operation: 'read', version: 3n } },
      'data.version: expected an integer from 1 to 1000000, found a bigint',
    ],
    [
      { data: { operation: 'read', version: Number.NaN } },
      'data.version: expected an integer from 1 to 1000000, found a number',
    ],
    [
      { data: { operation: 'read', version: 1, allowExpired: false } },
      'data.allowExpired: expected true, found another',
    ],
    [{ data: Object.create(draft.data) }, 'data: expected a map, found an object of a class'],
  ])('refuses %o', (changes, message) => {
    expect(() => encodeEvent(careless(changes))).toThrow(refusal('INVALID', message))
  })

  it.each([
    [{ keyId: 'hunter2' }, 'data.keyId: expected bytes, found a string'],
    [{ keyId: Buffer.alloc(31) }, 'data.keyId: expected at least 32 bytes, found fewer'],
    [{ box: [1, 2] }, 'data.box: expected bytes, found a list'],
    [{ changed: 1 }, 'data.changed: expected a boolean, found an integer'],
    [
      { meta: { type: 'hunter2' } },
      `data.meta.type: expected generic | api_key | database_password | certificate | ssh_key | oauth_token | encryption_key, found another`,
    ],
    [
      { meta: { ...meta, tags: { team: 7 } } },
      'data.meta.tags.team: expected a string, found an integer',
    ],
    [
      { meta: { ...meta, tags: { ['__proto__']: 'x' } } },
      'data.meta.tags.__proto__: expected another name for a field',
    ],
    [
      { meta: { ...meta, tags: { team: 'a\ud800' } } },
      'data.meta.tags.team: expected well-formed Unicode, found a lone surrogate',
    ],
    [
      { meta: { ...meta, tags: { 'a\ud800': 'x' } } },
      'data.meta.tags."a\\ud800": expected well-formed Unicode, found a lone surrogate',
    ],
    [
      { meta: { ...meta, expiresAt: new Date(0) } },
      'data.meta.expiresAt: expected an integer from 0 to 253402300799999, found an object of a class',
    ],
  ])('refuses to write %o', (data, message) => {
    expect(() => encodeEvent(writing(data))).toThrow(refusal('INVALID', message))
  })

  it.each([
    [{ keyId: Buffer.alloc(33) }, 'data.keyId: expected at most 32 bytes, found 33'],
    [
      { box: Buffer.alloc(2 * 1024 * 1024 + 1) },
      'data.box: expected at most 2097152 bytes, found 2097153',
    ],
    [
      { meta: { ...meta, description: 'é'.repeat(2049) } },
      'data.meta.description: expected at most 4096 bytes, found 4098',
    ],
    [
      { meta: { ...meta, tags: { team: 'x'.repeat(513) } } },
      'data.meta.tags.team: expected at most 512 bytes, found 513',
    ],
    [
      { meta: { ...meta, tags: { ['x'.repeat(129)]: '' } } },
      `data.meta.tags."${'x'.repeat(63)}…": expected at most 128 bytes, found 129`,
    ],
    [
      {
        meta: {
          ...meta,
          tags: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`t${i}`, ''])),
        },
      },
      'data.meta.tags: expected at most 64 keys, found 65',
    ],
  ])('refuses what is too large', (data, message) => {
    expect(() => encodeEvent(writing(data))).toThrow(refusal('TOO_LARGE', message))
  })

  it('bounds the actor, the context and the event as a whole', () => {
    expect(() => encodeEvent(careless({ actor: 'a'.repeat(513) }))).toThrow(
      refusal('TOO_LARGE', 'actor: expected at most 512 bytes, found 513'),
    )
    const context = { reason: 'r'.repeat(2000), source: 's'.repeat(2100) }
    expect(() => encodeEvent(careless({ context }))).toThrow(
      refusal('TOO_LARGE', 'context: expected at most 4096 bytes, found 4121'),
    )
    const versions = Array.from({ length: 100_000 }, () => ({
      version: 1,
      keyId: Buffer.alloc(32),
    }))
    const purge = careless({ type: 'secret.destroyed', data: { versions, cause: 'purge' } })
    expect(() => encodeEvent(purge)).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE', expected: 4 * 1024 * 1024 }),
    )
  })
})

describe('encodeEventInto', () => {
  it('appends, through the growth of the buffer', () => {
    const writer = createWriter(8)
    for (let i = 0; i < 50; i++) encodeEventInto(writer, draft)
    const once = encodeEvent(draft)
    expect(writer.bytes.subarray(0, writer.length)).toEqual(Buffer.concat(Array(50).fill(once)))
  })

  it('leaves no part of an event that it refuses', () => {
    const writer = createWriter(8)
    encodeEventInto(writer, draft)
    const { length } = writer
    expect(() => encodeEventInto(writer, careless({ data: {} }))).toThrow('data.operation')
    expect(writer.length).toBe(length)
  })
})

describe('writeValue', () => {
  it.each([
    [Number.NaN, 'v.0: expected an integer within ±(2^53 - 1), found another number'],
    [0.5, 'v.0: expected an integer within ±(2^53 - 1), found another number'],
    [-0, 'v.0: expected an integer within ±(2^53 - 1), found another number'],
    [2 ** 53, 'v.0: expected an integer within ±(2^53 - 1), found another number'],
    [undefined, 'v.0: expected another kind of value, found undefined'],
    [null, 'v.0: expected another kind of value, found null'],
    [1n, 'v.0: expected another kind of value, found a bigint'],
    [Symbol('x'), 'v.0: expected another kind of value, found a symbol'],
    [() => 1, 'v.0: expected another kind of value, found a function'],
    [new Map(), 'v.0: expected another kind of value, found an object of a class'],
    [new Set(), 'v.0: expected another kind of value, found an object of a class'],
    [new Date(), 'v.0: expected another kind of value, found an object of a class'],
    [new Float64Array(1), 'v.0: expected another kind of value, found an object of a class'],
    [{ ['__proto__']: 1 }, 'v.0.__proto__: expected another name for a field'],
    [{ a: [1, { b: undefined }] }, 'v.0.a.1.b: expected another kind of value, found undefined'],
  ])('refuses %o', (value, message) => {
    expect(() => writeValue(createWriter(64), [value], 'v')).toThrow(refusal('INVALID', message))
  })

  it.each([
    ['lists', (inner: unknown) => [inner], `${'91'.repeat(8)}01`, 'v.0.0.0.0.0.0.0.0'],
    ['maps', (inner: unknown) => ({ a: inner }), `${'81a161'.repeat(8)}01`, 'v.a.a.a.a.a.a.a.a'],
  ])('writes eight levels of %s and no more', (_, wrap, bytes, field) => {
    const nest = (levels: number): unknown => (levels === 0 ? 1 : wrap(nest(levels - 1)))
    const writer = createWriter(64)
    writeValue(writer, nest(8), 'v')
    expect(writer.bytes.toString('hex', 0, writer.length)).toBe(bytes)
    expect(() => writeValue(writer, nest(9), 'v')).toThrow(
      refusal('INVALID', `${field}: expected at most 8 levels of lists and maps`),
    )
  })
})
