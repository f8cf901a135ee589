import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/errors.ts'
import { decodeEvent, plainEvent } from '../../src/events/decode.ts'
import { encodeEvent } from '../../src/events/encode.ts'
import { uuidBytes } from '../../src/events/uuid.ts'
import { type Reader, readValue, skipValue } from '../../src/events/value-reader.ts'
import { createWriter, type Value, writeValue } from '../../src/events/value-writer.ts'
import { bytes, draftEvent, key, natural, unicode } from '../fixtures/event-arbitraries.ts'

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true, int64AsType: 'number' })

/** What msgpackr has to be given so that it writes integers beyond 32 bits as integers. */
function forPackr(value: unknown): unknown {
  if (typeof value === 'number')
    return value > 0xffffffff || value < -0x80000000 ? BigInt(value) : value
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(forPackr)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, forPackr(field)]))
}

/** What msgpackr decodes, with bytes as plain arrays of bytes. */
function fromPackr(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(fromPackr)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, fromPackr(field)]))
}

function write(value: unknown): Buffer {
  const writer = createWriter(16)
  writeValue(writer, value, 'value')
  return Buffer.from(writer.bytes.subarray(0, writer.length))
}

function readerOf(bytes: Buffer): Reader {
  return { bytes, at: 0, end: bytes.length, position: 0 }
}

/** What decoding gives, or the error that the specification allows it to throw. */
function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    expect(error).toBeInstanceOf(VaultError)
    expect(['INTEGRITY', 'UNSUPPORTED']).toContain((error as VaultError).code)
    return undefined
  }
}

/** Whether a map has keys that JavaScript moves to the front, so that it is written in another order than it was read. */
function movesKeys(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  const indexes = Array.isArray(value) ? [] : Object.keys(value).filter((key) => /^\d+$/.test(key))
  return indexes.length > 0 || Object.values(value).some(movesKeys)
}

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'small' },
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 300 }),
    unicode,
    fc.nat({ max: 300 }).map((size) => 'x'.repeat(size)),
    bytes(0, 300),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(key, tie('value'), { maxKeys: 20, noNullPrototype: true }),
  ),
}))

describe('events in bytes', () => {
  it('are what msgpackr writes', () => {
    fc.assert(
      fc.property(draftEvent, (event) => {
        const { schema, id, type, time, actor, subject, context, data } = event
        const array = [
          schema,
          uuidBytes(id),
          type,
          BigInt(time),
          actor,
          subject,
          forPackr(context),
          forPackr(data),
        ]
        expect(encodeEvent(event).toString('hex')).toBe(
          Buffer.from(packr.pack(array)).toString('hex'),
        )
      }),
      { numRuns: 500 },
    )
  })

  it('come back as they were', () => {
    fc.assert(
      fc.property(draftEvent, natural, (event, position) => {
        const encoded = encodeEvent(event)
        const buffer = Buffer.concat([encoded, encoded, encoded])
        const place = { start: encoded.length, end: 2 * encoded.length, position }
        expect(plainEvent(decodeEvent(buffer, place))).toStrictEqual({ position, ...event })
      }),
      { numRuns: 500 },
    )
  })

  it('are refused, or are the only bytes of what they say, however they are changed', () => {
    const change = fc.record({
      kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'insert'),
      at: fc.nat(),
      byte: fc.integer({ min: 0, max: 255 }),
    })
    const changes = fc.array(change, { minLength: 1, maxLength: 2 })
    let accepted = 0
    fc.assert(
      fc.property(draftEvent, changes, (event, edits) => {
        const changed = edits.reduce(edit, encodeEvent(event))
        const decoded = attempt(() =>
          plainEvent(decodeEvent(changed, { start: 0, end: changed.length, position: 0 })),
        )
        if (decoded === undefined || movesKeys(decoded)) return
        accepted++
        expect(encodeEvent(decoded).toString('hex')).toBe(changed.toString('hex'))
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  it('never pass for an event when they are noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const place = { start: 0, end: noise.length, position: 0 }
        expect(attempt(() => plainEvent(decodeEvent(noise, place)))).toBeUndefined()
      }),
    )
  })
})

function edit(bytes: Buffer, change: { kind: string; at: number; byte: number }): Buffer {
  const index = change.at % bytes.length
  const before = bytes.subarray(0, index)
  const after = bytes.subarray(change.kind === 'insert' ? index : index + 1)
  const inserted = change.kind === 'remove' ? [] : [change.byte]
  return Buffer.concat([before, Buffer.from(inserted), after])
}

function expectAsPackr(value: Value): void {
  const written = write(value)
  expect(written.equals(packr.pack(forPackr(value)))).toBe(true)
  const reader = readerOf(written)
  const read = readValue(reader)
  expect(isDeepStrictEqual(read, value)).toBe(true)
  expect(isDeepStrictEqual(read, fromPackr(unpackr.unpack(written)))).toBe(true)
  expect(reader.at).toBe(written.length)
}

describe('values in bytes', () => {
  it('are what msgpackr writes, and come back as it reads them', () => {
    fc.assert(fc.property(value, expectAsPackr), { numRuns: 500 })
  })

  it('are in the shortest form on both sides of each width', () => {
    const edges = [5, 7, 8, 15, 16, 31, 32].flatMap((bits) => [2 ** bits, -(2 ** bits)])
    const integers = [...edges, 2 ** 53 - 1, -(2 ** 53) + 1].flatMap((n) => [n - 1, n, n + 1])
    for (const integer of integers.filter(Number.isSafeInteger)) expectAsPackr(integer)
    for (const size of [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
      expectAsPackr('x'.repeat(size))
      expectAsPackr(`é${'x'.repeat(size)}`)
      expectAsPackr(new Uint8Array(size))
      expectAsPackr(new Array(size).fill(7))
    }
    for (const size of [15, 16, 65_535, 65_536]) {
      expectAsPackr(Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, 7])))
    }
  })

  it('are skipped as far as they are read', () => {
    fc.assert(
      fc.property(value, (value) => {
        const reader = readerOf(write(value))
        skipValue(reader)
        expect(reader.at).toBe(reader.end)
      }),
    )
  })

  it('are refused, or read as msgpackr reads them, when they are noise', () => {
    const heads = fc.constantFrom(...Buffer.from('0181829192a1c2c4ccd0d3d9e0', 'hex'))
    const noise = fc.array(fc.oneof(heads, fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 24,
    })
    let accepted = 0
    fc.assert(
      fc.property(noise, (noise) => {
        const reader = readerOf(Buffer.from(noise))
        const read = attempt(() => readValue(reader))
        if (read === undefined) return
        accepted++
        const used = reader.bytes.subarray(0, reader.at)
        expect(read).toStrictEqual(fromPackr(unpackr.unpack(used)))
        if (!movesKeys(read)) expect(write(read).toString('hex')).toBe(used.toString('hex'))
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(300)
  })
})
