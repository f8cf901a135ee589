import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { DraftEvent, EventOf, VaultEvent } from '../../src/events/catalogue.ts'
import { decodeEvent, peekTime, plainEvent } from '../../src/events/decode.ts'
import { encodeEvent } from '../../src/events/encode.ts'
import { readText } from '../../src/events/value-reader.ts'

const draft: DraftEvent = {
  schema: 1,
  id: '0198c1d2-5f3e-7a41-9c77-2b1f0e6d5a34',
  type: 'secret.written',
  time: 1_755_600_000_000,
  actor: 'svc/billing',
  subject: 'prod/größe',
  context: { reason: 'start-up', auth: { method: 'claimed', id: 'slot' } },
  data: {
    version: 1,
    changed: true,
    meta: { type: 'generic', tags: { team: 'pay' }, expiresAt: 2 ** 40 },
    keyId: new Uint8Array(32).fill(1),
    box: new Uint8Array(80).fill(2),
  },
}

function decode(bytes: Uint8Array, position = 12): VaultEvent {
  return decodeEvent(bytes, { start: 0, end: bytes.length, position })
}

const hex = (text: string): string => Buffer.from(text).toString('hex')
const text = (value: string): string => (0xa0 + Buffer.byteLength(value)).toString(16) + hex(value)

/** An event in hexadecimal, each part of which a test may replace. */
function raw(parts: Record<string, string> = {}): Buffer {
  const whole = {
    array: '98',
    schema: '01',
    id: 'c4100198c1d25f3e7a419c772b1f0e6d5a34',
    type: text('secret.accessed'),
    time: 'd300000198c1ea1400',
    actor: text('svc/billing'),
    subject: text('prod/db'),
    context: '80',
    data: `82${text('operation')}${text('read')}${text('version')}03`,
    ...parts,
  }
  return Buffer.from(Object.values(whole).join(''), 'hex')
}

function refusal(code: string, message: string): unknown {
  return expect.objectContaining({ name: 'VaultError', code, message })
}

describe('decodeEvent', () => {
  it('gives back what was encoded, from between its neighbours', () => {
    const bytes = encodeEvent(draft)
    const buffer = Buffer.concat([bytes, bytes, bytes])
    const place = { start: bytes.length, end: 2 * bytes.length, position: 3 }
    expect(plainEvent(decodeEvent(buffer, place))).toStrictEqual({ position: 3, ...draft })
    expect(peekTime(buffer, place)).toBe(draft.time)
  })

  it('reads any Uint8Array', () => {
    const bytes = new Uint8Array(encodeEvent(draft))
    expect(plainEvent(decode(bytes))).toStrictEqual({ position: 12, ...draft })
  })

  it('decodes each part once', () => {
    const event = decode(encodeEvent(draft))
    expect(event.data).toBe(event.data)
    expect(event.context).toBe(event.context)
  })

  it('gives context and data in any order', () => {
    const event = decode(encodeEvent(draft))
    expect(event.data).toStrictEqual(draft.data)
    expect(event.context).toStrictEqual(draft.context)
    expect(event.id).toBe(draft.id)
    expect(event.data).toStrictEqual(draft.data)
  })

  it('copies bytes out of the buffer', () => {
    const bytes = encodeEvent(draft)
    const { data } = decode(bytes) as EventOf<'secret.written'>
    bytes.fill(0)
    expect(data.box).toStrictEqual(new Uint8Array(80).fill(2))
    expect(data.box.buffer.byteLength).toBe(80)
  })

  it('shows all its fields in JSON, with bytes as base64, and to inspect', () => {
    const event = decode(encodeEvent({ ...draft, type: 'vault.closed', data: {} }))
    expect(JSON.parse(JSON.stringify(event))).toEqual({
      position: 12,
      ...draft,
      type: 'vault.closed',
      data: {},
    })
    const json = JSON.stringify(decode(encodeEvent(draft)))
    expect(json).toContain(`"keyId":"${Buffer.alloc(32, 1).toString('base64')}"`)
    expect(inspect(decode(encodeEvent(draft)))).toBe(inspect({ position: 12, ...draft }))
  })

  it('tells apart texts that share a slot of the table of known texts', () => {
    const subjects = Array.from({ length: 20_000 }, (_, i) => `p/${i}`)
    for (let round = 0; round < 2; round++) {
      const decoded = subjects.map((subject) => decode(raw({ subject: text(subject) })).subject)
      expect(decoded).toEqual(subjects)
    }
  })

  it('takes U+FFFD and a byte order mark for what they are', () => {
    expect(decode(raw({ subject: text('a\ufffdb') })).subject).toBe('a\ufffdb')
    expect(decode(raw({ subject: text('\ufeffa') })).subject).toBe('\ufeffa')
    expect(decode(raw({ subject: text('\ufeff\ufffd') })).subject).toBe('\ufeff\ufffd')
  })

  it.each([
    [{ type: text('secret.leaked') }, 'event 12: type is not known to this release'],
    [{ type: text('constructor') }, 'event 12: type is not known to this release'],
    [{ schema: '02' }, 'event 12: secret.accessed has schema 2, this release reads up to 1'],
  ])('leaves %o to a newer release', (parts, message) => {
    expect(() => decode(raw(parts))).toThrow(refusal('UNSUPPORTED', message))
  })

  it.each([
    [{ array: '97' }, 'event 12: expected an array of eight'],
    [{ array: 'dc0008' }, 'event 12: expected an array of eight'],
    [{ schema: '00' }, 'event 12: schema: expected an integer from 1'],
    [{ schema: 'a131' }, 'event 12: schema: expected an integer from 1'],
    [{ schema: 'cc01' }, 'event 12: expected each number and length in its shortest form'],
    [{ id: `c410${'00'.repeat(16)}` }, 'event 12: id: expected a UUID of version 7 in 16 bytes'],
    [{ id: `b0${'70'.repeat(16)}70` }, 'event 12: id: expected a UUID of version 7 in 16 bytes'],
    [{ type: '01' }, 'event 12: expected text'],
    [{ time: '00' }, 'event 12: time: expected an int64'],
    [{ time: 'cf00000198c1ea1400' }, 'event 12: time: expected an int64'],
    [
      { time: 'd3ffffffffffffffff' },
      'event 12: time: expected an integer from 0 to 253402300799999',
    ],
    [
      { time: 'd30000e677d21fdc00' },
      'event 12: time: expected an integer from 0 to 253402300799999',
    ],
    [{ time: 'd37fffffffffffffff' }, 'event 12: expected an integer within ±(2^53 - 1)'],
    [{ actor: 'a0' }, 'event 12: actor: expected at least 1 bytes, found fewer'],
    [{ actor: 'c403414141' }, 'event 12: expected text'],
    [
      { actor: `d903${hex('svc')}` },
      'event 12: expected each number and length in its shortest form',
    ],
    [{ subject: 'a2c328' }, 'event 12: expected text in well-formed UTF-8'],
    [{ subject: 'a1e9' }, 'event 12: expected text in well-formed UTF-8'],
    [{ subject: 'a2c080' }, 'event 12: expected text in well-formed UTF-8'],
    [{ subject: 'a3eda080' }, 'event 12: expected text in well-formed UTF-8'],
    [
      { subject: `da0201${'61'.repeat(513)}` },
      'event 12: subject: expected at most 512 bytes, found 513',
    ],
    [{ subject: 'bf61', context: '', data: '' }, 'event 12: expected more bytes'],
    [{ subject: '', context: '', data: '' }, 'event 12: expected more bytes'],
  ])('refuses an envelope with %o', (parts, message) => {
    expect(() => decode(raw(parts))).toThrow(refusal('INTEGRITY', message))
  })

  it.each([
    ['c0', 'event 12: expected no msgpack 0xc0'],
    ['80', 'event 12: data.operation: expected read | watch, found undefined'],
    ['90', 'event 12: data: expected a map, found a list'],
    ['01', 'event 12: data: expected a map, found an integer'],
    ['', 'event 12: expected more bytes'],
    ['8001', 'event 12: expected no bytes behind data'],
    ['de0000', 'event 12: expected each number and length in its shortest form'],
    ['df00000000', 'event 12: expected each number and length in its shortest form'],
    ['8101a0', 'event 12: expected text'],
    ['82a161a0a161a0', 'event 12: expected distinct keys'],
    [`81${text('__proto__')}80`, 'event 12: expected another key than __proto__'],
    ['81a161d40000', 'event 12: expected no msgpack 0xd4'],
    ['81a161c70100ff', 'event 12: expected no msgpack 0xc7'],
    ['81a161c1', 'event 12: expected no msgpack 0xc1'],
    ['81a161d6ff00000000', 'event 12: expected no msgpack 0xd6'],
    ['81a161ca00000000', 'event 12: expected no msgpack 0xca'],
    ['81a161cb0000000000000000', 'event 12: expected no msgpack 0xcb'],
    ['81a161cf0000000000000001', 'event 12: expected no msgpack 0xcf'],
    ['81a161d30000000000000001', 'event 12: expected each number and length in its shortest form'],
    ['81a161d3ffffffff80000000', 'event 12: expected each number and length in its shortest form'],
    ['81a161d30020000000000000', 'event 12: expected an integer within ±(2^53 - 1)'],
    ['81a161d000', 'event 12: expected each number and length in its shortest form'],
    ['81a161d1ff80', 'event 12: expected each number and length in its shortest form'],
    ['81a161d2ffff8000', 'event 12: expected each number and length in its shortest form'],
    ['81a161cd00ff', 'event 12: expected each number and length in its shortest form'],
    ['81a161ce0000ffff', 'event 12: expected each number and length in its shortest form'],
    ['81a161c50001ff', 'event 12: expected each number and length in its shortest form'],
    ['81a161dd0000000101', 'event 12: expected each number and length in its shortest form'],
    ['81a161ddffffffff', 'event 12: expected more bytes'],
    ['81a161c6ffffffff', 'event 12: expected more bytes'],
    [`${'81a161'.repeat(8)}80`, 'event 12: expected at most 8 levels of lists and maps'],
    [`${'91'.repeat(9)}01`, 'event 12: expected at most 8 levels of lists and maps'],
    [
      `83${text('operation')}${text('read')}${text('version')}03a16101`,
      'event 12: data.a: expected no such field, found an integer',
    ],
  ])('refuses the data %s when it is read', (data, message) => {
    const event = decode(raw({ data }))
    expect(event.subject).toBe('prod/db')
    expect(() => event.data).toThrow(refusal('INTEGRITY', message))
    expect(() => event.data).toThrow(refusal('INTEGRITY', message))
    expect(() => plainEvent(event)).toThrow(refusal('INTEGRITY', message))
  })

  it.each([
    ['90', 'event 12: context: expected a map, found a list'],
    ['81a161a162', 'event 12: context.a: expected no such field, found a string'],
    [`81${text('reason')}01`, 'event 12: context.reason: expected a string, found an integer'],
    [
      `82${text('source')}da0800${'61'.repeat(2048)}${text('traceId')}da0800${'61'.repeat(2048)}`,
      'event 12: context: expected at most 4096 bytes, found 4118',
    ],
  ])('refuses the context %s when it is read', (context, message) => {
    const event = decode(raw({ context }))
    expect(() => event.context).toThrow(refusal('INTEGRITY', message))
  })

  it('never reads past its end into a neighbour', () => {
    const bytes = raw()
    for (let end = 0; end < bytes.length; end++) {
      expect(() => plainEvent(decodeEvent(bytes, { start: 0, end, position: 5 }))).toThrow(
        refusal('INTEGRITY', 'event 5: expected more bytes'),
      )
    }
  })

  it('refuses an event beyond the largest size before looking at it', () => {
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 1)
    expect(() => decode(bytes)).toThrow(
      refusal('INTEGRITY', 'event 12: expected at most 4194304 bytes, found 4194305'),
    )
  })
})

describe('readText', () => {
  it('takes no text for another whose characters are its bytes', () => {
    // Enough pairs that some of them share a slot of the table of known texts.
    const mistaken: string[] = []
    for (let i = 0; i < 200_000; i++) {
      const utf8 = Buffer.from(`${i}é`)
      const twice = Buffer.from(utf8.toString('latin1'))
      read(twice)
      if (read(utf8) !== `${i}é`) mistaken.push(`${i}é`)
    }
    expect(mistaken).toEqual([])
  })

  function read(utf8: Buffer): string {
    const bytes = Buffer.from([0xa0 + utf8.length, ...utf8])
    return readText({ bytes, at: 0, end: bytes.length, position: 0 })
  }
})

describe('peekTime', () => {
  it('refuses bytes where no event begins', () => {
    const bytes = Buffer.alloc(64)
    expect(() => peekTime(bytes, { start: 0, end: 64, position: 7 })).toThrow(
      refusal('INTEGRITY', 'event 7: expected an array of eight'),
    )
  })
})
