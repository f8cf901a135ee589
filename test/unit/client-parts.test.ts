import { fc, it as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { at } from '../../src/client/at.ts'
import { base64Of, bytesFrom } from '../../src/client/base64.ts'
import { dated } from '../../src/client/dated.ts'
import { sentFields } from '../../src/client/json-fields.ts'
import { eventId } from '../../src/client.ts'
import type { SecretFields } from '../../src/index.ts'
import { encodeValue } from '../../src/keys/value.ts'

describe('a path of the API', () => {
  it('has each name in it as one segment', () => {
    expect(at`/secrets/${'prod/db ü?#%2F'}/value`).toBe(
      '/secrets/prod%2Fdb%20%C3%BC%3F%23%252F/value',
    )
  })

  property.prop([fc.string({ unit: 'binary', minLength: 1 }).filter((s) => !/^\.\.?$/.test(s))])(
    'gives every name back as it was',
    (name) => {
      const [, , segment = '', rest] = new URL(at`/a/${name}/b`, 'http://h').pathname.split('/')
      expect([decodeURIComponent(segment), rest]).toEqual([name, 'b'])
    },
  )

  it.each(['', '.', '..', 'a\ud800', undefined as unknown as string])(
    'takes no name that a URL would take for another: %j',
    (name) => {
      expect(() => at`/secrets/${name}`).toThrow(
        'a path must be well-formed text, and neither empty, "." nor ".."',
      )
    },
  )
})

describe('base64', () => {
  it.each([0, 1, 2, 3, 32_767, 32_768, 32_769, 100_000])(
    'is what Node makes of the same %d bytes, and comes back as them',
    (length) => {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 131) % 256)
      const text = base64Of(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64'))
      expect(Buffer.from(bytesFrom(text)).equals(bytes)).toBe(true)
    },
  )
})

describe('an id for an event', () => {
  it('is a UUID of version 7 with its time in it, and another each time', () => {
    const now = 1_775_001_600_123
    const id = eventId(now)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(now)
    expect(eventId(now)).not.toBe(id)
  })
})

describe('dates in an answer', () => {
  it('are dates where they are there, and nothing else is', () => {
    interface Known {
      readonly createdAt: Date
      readonly expiresAt?: Date
      readonly name: string
    }
    const said = { createdAt: '2026-04-01T00:00:00.000Z', name: '2026-04-01T00:00:00.000Z' }
    expect(dated<Known>(said, ['createdAt', 'expiresAt'])).toEqual({
      createdAt: new Date('2026-04-01T00:00:00.000Z'),
      name: '2026-04-01T00:00:00.000Z',
    })
  })
})

describe('fields on their way', () => {
  const holdsItself: Record<string, unknown> = {}
  holdsItself.self = holdsItself

  it.each([
    ['a number that is none', { n: Number.NaN }],
    ['infinity', { list: [1, Number.POSITIVE_INFINITY] }],
    ['a date', { at: new Date(0) }],
    ['bytes', { bytes: Uint8Array.of(1) }],
    ['nothing', { none: undefined }],
    ['a hole', { list: new Array(2) }],
    ['a function', { f: () => 1 }],
    ['a bigint', { n: 1n }],
    ['itself', holdsItself],
    ['a map for fields', new Map()],
    ['a list for fields', ['a']],
  ])('are refused where JSON would make something else of them, as in process: %s', (_, fields) => {
    const refused = expect.objectContaining({
      code: 'INVALID',
      message: expect.stringMatching(/^value: expected /),
    })
    for (const write of [sentFields, encodeValue]) {
      expect(() => write(fields as unknown as SecretFields)).toThrow(refused)
    }
  })

  it('are as they were otherwise', () => {
    const fields = { a: [null, true, 'x', { b: 1.5 }], o: {} }
    expect(sentFields(fields)).toBe(fields)
  })
})
