import { fc, test } from '@fast-check/vitest'
import { describe, expect, it, vi } from 'vitest'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { Credential } from '../../src/keys/unlock.ts'
import { HandedOutText } from '../../src/secret/handed-out-text.ts'
import { SecretValue } from '../../src/secret/value.ts'
import { type Lent, packed, unpacked, type Word, wordText } from '../../src/vault/control/words.ts'

/** Over the socket and back. */
async function sent(value: unknown): Promise<unknown> {
  return unpacked(JSON.parse(await wordText(value)))
}

const about = { path: 'prod/db', version: 3, position: 17, type: 'generic' }

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 40 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$date', '$', '__proto__')), tie('value'), {
      noNullPrototype: true,
    }),
    fc.array(fc.tuple(tie('value'), tie('value'))).map((entries) => new Map(entries)),
  ),
})).value

describe('what goes through a control socket', () => {
  test.prop([plain])('arrives as it was', async (value) => {
    expect(await sent(value)).toStrictEqual(value)
  })

  test.prop([plain])('is the same text, sliced or not', async (value) => {
    expect(JSON.parse(await wordText(value))).toStrictEqual(
      JSON.parse(JSON.stringify(packed(value))),
    )
  })

  it('keeps a list beyond what is written at once', async () => {
    const many = { items: Array.from({ length: 1000 }, (_, i) => ({ i, at: new Date(i) })) }
    expect(await sent(many)).toStrictEqual(many)
  })

  it('is the value of a secret, of any kind', async () => {
    const kinds = ['text', Buffer.from([0, 255]), { user: 'app', $date: [-0, 1.5] }]
    for (const content of kinds) {
      const secret = (await sent(new SecretValue(content, about))) as SecretValue
      expect(secret).toBeInstanceOf(SecretValue)
      const { path, version, position, type, kind } = secret
      expect({ path, version, position, type }).toEqual(about)
      const found =
        kind === 'string' ? secret.text() : kind === 'bytes' ? secret.bytes() : secret.fields()
      expect(found).toStrictEqual(content)
      expect(`${secret}`).toBe('[secret]')
    }
  })

  it('is a token that is handed out, which still does not show itself', async () => {
    const token = (await sent(new HandedOutText('hvs.1'))) as HandedOutText
    expect([token.text(), `${token}`]).toEqual(['hvs.1', '[secret]'])
  })

  it('is no function, no symbol and no object of a class, unless something stands for it', () => {
    class Own {}
    for (const [value, what] of [
      [() => 1, 'a function'],
      [Symbol('s'), 'a symbol'],
      [1n, 'a bigint'],
      [new Own(), 'an object of a class'],
      [AbortSignal.abort(), 'a signal'],
      [noKdf, 'a credential'],
    ] as const) {
      expect(() => packed([{ value }])).toThrow(
        expect.objectContaining({
          code: 'INVALID',
          message: `${what} cannot be sent through a control socket`,
        }),
      )
    }
  })
})

describe('what stands for something that cannot be sent', () => {
  const { signal } = new AbortController()
  const lent: Lent = {
    signal,
    progress: vi.fn(),
    key: vi.fn(async () => Buffer.from('the key')),
  }
  const unlocks: unknown[] = []
  const lender = {
    signal: () => undefined,
    progress: () => undefined,
    unlock: (unlock: unknown) => unlocks.push(unlock) - 1,
  }
  const through = (value: unknown) =>
    unpacked(JSON.parse(JSON.stringify(packed(value, lender))), lent) as Record<string, unknown>

  it('is the signal and the function of the other end', () => {
    const found = through({ signal: AbortSignal.abort(), onProgress: () => 1 })
    expect(found.signal).toBe(signal)
    expect(found.onProgress).toBe(lent.progress)
  })

  it('is a credential that asks for each key, and has what a new keyslot is made with', async () => {
    const { keep } = through({ keep: [noKdf, noKdf] }) as { keep: readonly Credential[] }
    const credential = keep[1]!
    expect(unlocks).toEqual([noKdf, noKdf])
    expect(credential.kinds).toEqual(['none'])
    expect(credential.newKdf()).toEqual({ kdf: 'none' })
    expect(await credential.key({ kdf: { kdf: 'recovery' } })).toEqual(Buffer.from('the key'))
    expect(lent.key).toHaveBeenCalledExactlyOnceWith(1, { kdf: 'recovery' })
  })

  it('is refused where there is nothing to stand for it', () => {
    const unlock = { $unlock: { id: 0, kinds: [] } }
    for (const word of [{ $signal: true }, { $progress: true }, unlock]) {
      expect(() => unpacked(word)).toThrow(expect.objectContaining({ code: 'INVALID' }))
    }
  })
})

describe('what is not of its form', () => {
  const malformed: readonly (readonly [Word, string])[] = [
    [{ $date: 'tomorrow' }, 'a date'],
    [{ $bytes: 7 }, 'bytes'],
    [{ $number: '1' }, 'a number'],
    [{ $map: [[1]] }, 'a map'],
    [{ $map: {} }, 'a map'],
    [{ $secret: { content: 'x' } }, 'a secret'],
    [{ $text: 1 }, 'a text'],
    [{ $object: [] }, 'an object'],
  ]

  it.each(malformed)('%j is refused', (word, what) => {
    expect(() => unpacked(word)).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: `what came through the control socket is not ${what}`,
      }),
    )
  })

  it('is of a later release where its name is not known', () => {
    for (const word of [{ $later: 1 }, { $date: 1, more: 2 }, { $toString: 1 }, { $: 1 }]) {
      expect(() => unpacked(word)).toThrow(
        expect.objectContaining({
          code: 'UNSUPPORTED',
          message: 'the other end of the socket is of another release',
        }),
      )
    }
  })
})
