import { inspect } from 'node:util'
import { fc, test } from '@fast-check/vitest'
import { beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../src/crypto/hash.ts'
import { randomKey } from '../../src/crypto/random.ts'
import { memoryStore, Vault, VaultError } from '../../src/index.ts'
import { decodeBase32, encodeBase32 } from '../../src/keys/base32.ts'
import { createKeyring, parseKeyring, sealKeyring } from '../../src/keys/keyring.ts'
import type { Root } from '../../src/keys/keyslot.ts'
import { encodeShare, parseShare, type Share } from '../../src/keys/share.ts'
import { addShare, combineShares, type ShareSet, shares } from '../../src/keys/shares.ts'
import { addSlot, type Credential, openSlots } from '../../src/keys/unlock.ts'
import { testClock } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

const prefix = 'MUNIMENT-SHARE-'
const root: Root = { role: 'owner', R: randomKey() }
const refusal = (message: string) => expect.objectContaining({ code: 'INVALID', message })
const keyOf = (credential: Credential) => credential.key({ kdf: credential.newKdf() })

function bareOf(text: string): string {
  return text.replace(prefix, '').replaceAll('-', '')
}

/** The text with other bytes in it, and a check that holds. */
function forged(text: string, change: (bytes: Buffer) => void): string {
  const bytes = decodeBase32(text, { prefix, length: 45, what: 'test' })
  change(bytes)
  bytes.set(
    sha256(Buffer.from('muniment/v1/share-check'), bytes.subarray(0, 41)).subarray(0, 4),
    41,
  )
  return encodeBase32(bytes, prefix)
}

function subsetsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: 2 ** items.length }, (_, bits) =>
    items.filter((_item, index) => (bits >> index) & 1),
  )
}

async function refusedOf(texts: readonly string[]): Promise<VaultError> {
  const error = await shares.parse(texts).catch((error: unknown) => error)
  if (error instanceof VaultError) return error
  throw new Error('expected a refusal')
}

describe('a set of shares', () => {
  it('opens with every subset that is large enough, and with no other', async () => {
    for (const [threshold, of] of [
      [2, 2],
      [2, 3],
      [3, 3],
      [2, 4],
      [3, 4],
      [4, 4],
    ] as const) {
      const { texts, credential } = await shares({ threshold, of })
      expect(texts).toHaveLength(of)
      const key = await keyOf(credential)
      for (const given of subsetsOf(texts)) {
        if (given.length >= threshold) {
          expect(await keyOf(await shares.parse(given))).toEqual(key)
        } else if (given.length > 0) {
          const was = given.length === 1 ? '1 was' : `${given.length} were`
          await expect(shares.parse(given)).rejects.toEqual(
            refusal(`this set needs ${threshold} shares, ${was} given`),
          )
        }
      }
    }
    await expect(shares.parse([])).rejects.toEqual(refusal('shares: none was given'))
  })

  const count = fc
    .integer({ min: 2, max: 16 })
    .chain((of) => fc.record({ threshold: fc.integer({ min: 2, max: of }), of: fc.constant(of) }))
  const typist = fc.constantFrom<(text: string) => string>(
    (text) => text,
    (text) => text.toLowerCase(),
    (text) => bareOf(text),
    (text) => ` ${bareOf(text).replaceAll(/.{4}/g, '$& ')}\n`,
    (text) => prefix + bareOf(text).replaceAll('0', 'o').replaceAll('1', 'l'),
    (text) => bareOf(text).toLowerCase().replaceAll('0', 'O').replaceAll('1', 'I'),
  )
  test.prop([count, fc.infiniteStream(fc.nat()), typist], { numRuns: 100 })(
    'opens with any of its shares, in any order, however they are typed',
    async ({ threshold, of }, random, typed) => {
      const { texts, credential } = await shares({ threshold, of })
      const shuffled = texts
        .map((text) => ({ text, rank: random.next().value ?? 0 }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ text }) => typed(text))
      const opened = await shares.parse(shuffled.slice(0, threshold))
      expect(await keyOf(opened)).toEqual(await keyOf(credential))
      const few = await refusedOf(shuffled.slice(0, threshold - 1))
      expect(few).toMatchObject({ code: 'INVALID', expected: threshold, found: threshold - 1 })
    },
  )

  it('is another each time', async () => {
    const [one, other] = [
      await shares({ threshold: 2, of: 2 }),
      await shares({ threshold: 2, of: 2 }),
    ]
    expect(await keyOf(one.credential)).not.toEqual(await keyOf(other.credential))
    expect(one.credential.newKdf()).not.toEqual(other.credential.newKdf())
  })

  it('has 2 to 16 shares, of which 2 at the least open', async () => {
    for (const [threshold, of] of [
      [1, 3],
      [4, 3],
      [2, 17],
      [2.5, 3],
      [Number.NaN, 3],
    ] as const) {
      await expect(shares({ threshold, of })).rejects.toEqual(
        refusal(`shares: expected 2 <= threshold <= of <= 16, found ${threshold} of ${of}`),
      )
    }
  })

  // Made once; the key was computed from the texts by a reader in another language, written from docs/format.md.
  it('of this format opens for ever', async () => {
    const texts = [
      'MUNIMENT-SHARE-07BF-8JQV-081G-37VN-PGXT-D5QP-DTYF-RNEN-DMQR-3FRH-0ZF5-93VB-Y0KR-32VK-3WT1-WZT5-6SHN-1MZJ',
      'MUNIMENT-SHARE-07BF-8JQV-081G-47KV-2XYX-4PTG-NGGF-FH8W-Y91X-EE7K-916N-AS6Z-WS6Q-FM70-83BN-XHZ9-33KJ-K0K1',
      'MUNIMENT-SHARE-07BF-8JQV-081G-73H3-QTM7-24VJ-CBF2-9H01-EM2M-TPN3-X4TR-PG0N-BFWK-TTWR-NSCQ-KWP6-VR5Y-VCVK',
    ]
    const key = '2af7505a512dba35c9e67cafcab6a4870f8623049ff7b608154444596054646d'
    for (const left of texts) {
      const credential = await shares.parse(texts.filter((text) => text !== left))
      expect((await keyOf(credential)).toString('hex')).toBe(key)
      expect(credential.newKdf()).toEqual({
        kdf: 'shares',
        threshold: 2,
        of: 3,
        setId: 'd6f44afb',
      })
    }
  })
})

describe('a share', () => {
  let set: ShareSet
  let [one, two, three] = ['', '', '']
  beforeAll(async () => {
    set = await shares({ threshold: 2, of: 3 })
    ;[one = '', two = '', three = ''] = set.texts
  })

  it('is text in groups, of which the first two are alike on all of a set', () => {
    const groups = set.texts.map((text) => text.replace(prefix, '').split('-'))
    for (const text of set.texts)
      expect(text).toMatch(/^MUNIMENT-SHARE(-[0-9A-HJKMNP-TV-Z]{4}){18}$/)
    expect(new Set(groups.map((found) => found.slice(0, 2).join())).size).toBe(1)
  })

  it('tells where its one mistyped character is', async () => {
    const bare = bareOf(two)
    for (let at = 0; at < bare.length; at += 1) {
      const mistyped = bare.slice(0, at) + (bare[at] === 'Z' ? '7' : 'Z') + bare.slice(at + 1)
      const place = `character ${(at % 4) + 1} of group ${Math.floor(at / 4) + 1}`
      await expect(shares.parse([one, mistyped])).rejects.toEqual(
        refusal(`share text 2: its check fails, so ${place} is mistyped`),
      )
    }
  })

  it('tells which it is that is damaged beyond that', async () => {
    const bare = bareOf(one)
    const other = (at: number) => (bare[at] === 'Z' ? '7' : 'Z')
    const damages = {
      [other(0) + other(1) + bare.slice(2)]:
        'its check fails, so more than one character is mistyped',
      [bare.slice(1)]: 'expected 72 characters, found 71',
      [`${bare}0`]: 'expected 72 characters, found 73',
      '': 'expected 72 characters, found 0',
      [`${bare.slice(0, 6)}U${bare.slice(7)}`]: 'character 3 of group 2 is none of its alphabet',
    }
    for (const [damaged, message] of Object.entries(damages)) {
      await expect(shares.parse([damaged, two])).rejects.toEqual(
        refusal(`share text 1: ${message}`),
      )
      await expect(shares.parse([two, damaged])).rejects.toEqual(
        refusal(`share text 2: ${message}`),
      )
    }
  })

  it('of another set, or given twice, is named', async () => {
    const [stranger = ''] = (await shares({ threshold: 2, of: 3 })).texts
    await expect(shares.parse([one, two, stranger])).rejects.toEqual(
      refusal('share text 3 and share text 1 are of different sets: their first two groups differ'),
    )
    await expect(shares.parse([two, one, two.toLowerCase()])).rejects.toEqual(
      refusal('share text 3 and share text 1 are both share 2 of their set'),
    )
  })

  it('with forged numbers opens nothing', async () => {
    const setByte = (text: string, at: number, value: number) =>
      forged(text, (bytes) => bytes.writeUInt8(value, at))
    await expect(shares.parse([one, setByte(two, 5, 3)])).rejects.toEqual(
      refusal('share text 2 and share text 1 do not agree: one says 3 of 3, the other 2 of 3'),
    )
    await expect(shares.parse([one, setByte(two, 6, 4)])).rejects.toEqual(
      refusal('share text 2 and share text 1 do not agree: one says 2 of 4, the other 2 of 3'),
    )
    await expect(shares.parse([setByte(one, 5, 1)])).rejects.toEqual(
      refusal('share text 1: expected 2 <= threshold <= of <= 16, found 1 of 3'),
    )
    await expect(shares.parse([setByte(one, 7, 4)])).rejects.toEqual(
      refusal('share text 1: expected share 1 to 3, found 4'),
    )
    await expect(shares.parse([one, setByte(one, 7, 2)])).rejects.toEqual(
      refusal('share text 2 and share text 1 hold the same point: one is forged'),
    )
    await expect(shares.parse([setByte(one, 0, 2)])).rejects.toEqual(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'share text 1: expected version 1, found 2',
      }),
    )
  })

  it('with a forged point opens nothing, and neither do too few that ask for less', async () => {
    const apart = refusal('these shares do not belong together, or one of them is forged')
    const flipped = (at: number) =>
      forged(two, (bytes) => bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at))
    for (let at = 8; at < 40; at += 1) {
      await expect(shares.parse([one, flipped(at)])).rejects.toEqual(apart)
      await expect(shares.parse([one, flipped(at), three])).rejects.toEqual(apart)
    }
    const strict = await shares({ threshold: 3, of: 3 })
    const eased = strict.texts.map((text) => forged(text, (bytes) => bytes.writeUInt8(2, 5)))
    await expect(shares.parse(eased.slice(1))).rejects.toEqual(apart)
  })

  it('can be added one by one, and a refused one changes nothing', async () => {
    const first = addShare([], one)
    expect(first).toMatchObject([{ threshold: 2, of: 3, number: 1 }])
    expect(() => addShare(first, one)).toThrow(
      refusal('share text 2 and share text 1 are both share 1 of their set'),
    )
    await expect(combineShares(first)).rejects.toEqual(
      refusal('this set needs 2 shares, 1 was given'),
    )
    const enough = addShare(first, three)
    expect(await keyOf(await combineShares(enough))).toEqual(await keyOf(set.credential))
    expect(first).toHaveLength(1)
  })

  it('is not printed, nor is any part of it in an error', async () => {
    const held = [one, two].map((text) => parseShare(text, 'share'))
    const bare = bareOf(one)
    const stranger = encodeShare({ ...(held[0] as Share), setId: '00000000' })
    const refused = [
      await refusedOf([one]),
      await refusedOf([one, one]),
      await refusedOf([one, two, stranger]),
      await refusedOf([bare.slice(2)]),
      await refusedOf([`${bare.slice(0, 30)}U${bare.slice(31)}`]),
      await refusedOf([`${bare.slice(0, 30)}${bare[31]}${bare[30]}${bare.slice(32)}`, two, 'x']),
      await refusedOf([one, forged(two, (bytes) => bytes.fill(7, 8, 40))]),
    ]
    const printed = inspect([refused, held, set.credential], { showHidden: true, depth: 9 })
    const said = printed.toUpperCase().replaceAll('-', '')
    // The first groups are the set's and not secret.
    for (const text of set.texts.map(bareOf)) {
      for (let at = 12; at <= text.length - 8; at += 1) {
        expect(said.includes(text.slice(at, at + 8))).toBe(false)
      }
    }
    for (const { point } of held) {
      const hex = Buffer.from(point()).toString('hex', 0, 8).toUpperCase()
      for (const form of [hex, point().subarray(0, 8).join()]) {
        expect(said.replaceAll(/\s/g, '').includes(form)).toBe(false)
      }
    }
  })
})

describe('a keyslot of shares', () => {
  const options = { root, label: 'board', createdAt: 1_767_225_600_000 }

  it('says in the file which shares open it', async () => {
    const { texts, credential } = await shares({ threshold: 3, of: 5 })
    const { keyring } = await addSlot(createKeyring(), credential, options)
    const parsed = parseKeyring(sealKeyring(keyring, root.R))
    const [share] = addShare([], texts[0] ?? '')
    expect(parsed.slots).toMatchObject([
      { kind: 'shares', kdf: { kdf: 'shares', threshold: 3, of: 5, setId: share?.setId } },
    ])
    expect((await openSlots(parsed, await shares.parse(texts.slice(1, 4)))).root).toEqual(root)
    const others = await shares({ threshold: 3, of: 5 })
    await expect(openSlots(parsed, others.credential)).rejects.toEqual(
      expect.objectContaining({
        code: 'WRONG_KEY',
        message: 'no keyslot opens: tried 1 of kind shares out of 1 in all',
      }),
    )
  })

  it('is damaged where its numbers are of no set, or changed', async () => {
    const { credential } = await shares({ threshold: 2, of: 3 })
    const { keyring } = await addSlot(createKeyring(), credential, options)
    const bytes = sealKeyring(keyring, root.R)
    // They follow the slot's head (20), the time (8), the label's length (1) and the label (5).
    const at = 32 + 4 + 1 + 20 + 8 + 1 + 5
    const changed = (place: number, value: number) => {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(value, place)
      return copy
    }
    expect(() => parseKeyring(changed(at, 1))).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'keyring: shares keyslot: expected 2 <= threshold <= of <= 16, found 1 of 3',
      }),
    )
    // A label of four bytes leaves seven for the parameters.
    expect(() => parseKeyring(changed(at - 6, 4))).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'keyring: shares parameters: expected 6 bytes, found 7',
      }),
    )
    for (const [place, value] of [
      [at, 3],
      [at + 1, 4],
      [at + 2, (bytes[at + 2] ?? 0) ^ 1],
    ] as const) {
      await expect(
        openSlots(parseKeyring(changed(place, value)), credential),
      ).rejects.toMatchObject({
        code: 'WRONG_KEY',
      })
    }
  })

  it('opens a vault, as its first or as one more', async () => {
    const store = memoryStore()
    const common = { store, actor: 'test', clock: testClock() }
    const first = await shares({ threshold: 2, of: 3 })
    const made = await Vault.create({ ...common, unlock: first.credential })
    await made.write('a', 'x')
    const second = await shares({ threshold: 3, of: 4 })
    await made.keyslots.add(second.credential, { label: 'board' })
    await made.close()

    for (const { texts } of [first, second]) {
      const vault = await Vault.open({ ...common, unlock: await shares.parse(texts.slice(1)) })
      expect((await vault.read('a')).text()).toBe('x')
      expect(vault.keyslots.list()).toMatchObject([
        { kind: 'shares', label: 'shares', role: 'owner', current: texts === first.texts },
        { kind: 'shares', label: 'board', role: 'owner', current: texts === second.texts },
      ])
      await vault.close()
    }
    const stranger = await shares({ threshold: 2, of: 2 })
    await expect(Vault.open({ ...common, unlock: stranger.credential })).rejects.toMatchObject({
      code: 'WRONG_KEY',
      message: 'no keyslot opens: tried 2 of kind shares out of 2 in all',
    })
    const vault = await Vault.open({ ...common, unlock: first.credential })
    expect(await eventsOf(vault, { type: 'keyslot.added' })).toMatchObject([
      { data: { kind: 'shares', label: 'board' } },
    ])
    expect(await eventsOf(vault, { type: 'auth.failed' })).toHaveLength(1)
    await vault.close()
  })
})
