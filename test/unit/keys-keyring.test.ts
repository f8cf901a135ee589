import { sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { privateKeyOf, publicKeyOf } from '../../src/crypto/ed25519.ts'
import { hkdfSha256 } from '../../src/crypto/hash.ts'
import { nonce24, randomKey } from '../../src/crypto/random.ts'
import { xaes } from '../../src/crypto/xaes.ts'
import { VaultError } from '../../src/errors.ts'
import type { Pending } from '../../src/keys/compartments.ts'
import {
  createKeyring,
  eraseKeyring,
  type OwnerKeyring,
  openKeyring,
  parseKeyring,
  sealKeyring,
} from '../../src/keys/keyring.ts'
import { encodeSlots, parseSlots } from '../../src/keys/keyslot.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { pack, unpack } from '../../src/keys/pack.ts'
import { addSlot, openSlots } from '../../src/keys/unlock.ts'

interface Fixture {
  readonly keyring: OwnerKeyring
  readonly R: Buffer
  readonly A: Buffer
  readonly bytes: Buffer
}

/** A keyring with an owner's slot and an auditor's, both of kind none. */
async function fixture(
  change: (keyring: OwnerKeyring) => OwnerKeyring = (same) => same,
): Promise<Fixture> {
  const R = randomKey()
  const created = createKeyring()
  const { A } = created.values
  const owner = {
    root: { role: 'owner', R },
    label: 'tests',
    createdAt: 1_767_225_600_000,
  } as const
  const auditor = { ...owner, root: { role: 'auditor', A } } as const
  const one = await addSlot(created, noKdf, owner)
  const two = await addSlot(one.keyring, noKdf, auditor)
  const keyring = change(two.keyring)
  return { keyring, R, A, bytes: sealKeyring(keyring, R) }
}

async function openAsOwner(bytes: Uint8Array) {
  const sealed = parseKeyring(bytes)
  const { root } = await openSlots(sealed, noKdf)
  return openKeyring(sealed, root)
}

const pending: Pending = {
  facts: [
    {
      type: 'keyslot.added',
      data: {
        slot: 'x',
        n: -7,
        big: 2 ** 40,
        half: 0.5,
        bytes: Buffer.of(1, 2),
        none: null,
        list: [true],
      },
    },
  ],
}

describe('a keyring', () => {
  it('gives an owner all of it', async () => {
    const { keyring, bytes } = await fixture()
    expect(await openAsOwner(bytes)).toEqual(keyring)
  })

  it('gives an auditor the log keys and no more', async () => {
    const { keyring, A, bytes } = await fixture()
    const opened = openKeyring(parseKeyring(bytes), { role: 'auditor', A })
    const { values, ...rest } = keyring
    expect(values).toBeDefined()
    expect(opened).toEqual(rest)
    expect(() => sealKeyring(opened, A)).toThrow(expect.objectContaining({ code: 'AUDITOR_ONLY' }))
  })

  it('begins at epoch 1 with keys that are all different', () => {
    const { generation, log, values, vaultId } = createKeyring()
    expect(generation).toBe(1)
    expect(vaultId).toHaveLength(16)
    expect(log.epochs).toMatchObject([{ epoch: 1, from: 0 }])
    const keys = [
      ...log.epochs.flatMap(({ logKey, blindKey }) => [logKey, blindKey]),
      ...[...values.wraps, ...values.appends].map(({ key }) => key),
      ...values.signing.map(({ seed }) => seed),
      values.A,
    ].map((key) => key.toString('hex'))
    expect(new Set(keys).size).toBe(6)
    expect(keys.every((key) => key.length === 64)).toBe(true)
  })

  it('signs with the seed whose public key auditors hold', () => {
    const { log, values } = createKeyring()
    const signature = sign(null, Buffer.from('checkpoint'), privateKeyOf(values.signing[0]!.seed))
    const publicKey = publicKeyOf(log.signers[0]!.publicKey)
    expect(verify(null, Buffer.from('checkpoint'), publicKey, signature)).toBe(true)
  })

  it('keeps several epochs, and a change that is not in the log yet', async () => {
    const { keyring, bytes } = await fixture((old) => {
      const { log, values } = old
      const key = randomKey()
      return {
        ...old,
        generation: 2 ** 40,
        log: {
          ...log,
          epochs: [...log.epochs, { epoch: 2, from: 2 ** 33, logKey: key, blindKey: key }],
        },
        values: { ...values, appends: [...values.appends, { epoch: 2, key }], pending },
      }
    })
    expect(await openAsOwner(bytes)).toEqual(keyring)
  })

  it('differs at every sealing, though its keys are the same', async () => {
    const { keyring, R, bytes } = await fixture()
    expect(sealKeyring(keyring, R).equals(bytes)).toBe(false)
  })

  it('refuses every changed byte, with a typed error', async () => {
    const { bytes } = await fixture()
    const codes = new Set<string>()
    for (let at = 0; at < bytes.length; at += 1) {
      for (const mask of [0x01, 0x80]) {
        const changed = Buffer.from(bytes)
        changed[at]! ^= mask
        const error: unknown = await openAsOwner(changed).then(
          () => `byte ${at} was changed and nothing was said`,
          (thrown) => thrown,
        )
        expect(error).toBeInstanceOf(VaultError)
        if (error instanceof VaultError) codes.add(error.code)
      }
    }
    expect([...codes].sort()).toEqual(['INTEGRITY', 'UNSUPPORTED', 'WRONG_KEY'])
  })

  it('refuses to be cut anywhere, and to be longer', async () => {
    const { bytes } = await fixture()
    const refused = expect.objectContaining({ code: 'INTEGRITY' })
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => parseKeyring(bytes.subarray(0, length))).toThrow(refused)
    }
    expect(() => parseKeyring(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(
      expect.objectContaining({ code: 'INTEGRITY', message: 'keyring: bytes follow its end' }),
    )
  })

  it('shows an auditor no change of the value compartment, and an owner every one', async () => {
    const { A, R, bytes } = await fixture()
    bytes[bytes.length - 1]! ^= 1
    const sealed = parseKeyring(bytes)
    expect(openKeyring(sealed, { role: 'auditor', A }).log.epochs).toHaveLength(1)
    expect(() => openKeyring(sealed, { role: 'owner', R })).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'keyring: its values compartment does not open: the file was changed',
      }),
    )
  })

  it('refuses compartments of two generations put together', async () => {
    const { keyring, R, bytes } = await fixture()
    const other = sealKeyring({ ...keyring, generation: 2 }, R)
    const at = parseKeyring(bytes).values.before.length
    const spliced = Buffer.concat([bytes.subarray(0, at), other.subarray(at)])
    await expect(openAsOwner(spliced)).rejects.toThrow(
      expect.objectContaining({ code: 'INTEGRITY' }),
    )
  })

  it('refuses bytes behind its last keyslot', async () => {
    const { keyring } = await fixture()
    expect(() => parseSlots(Buffer.concat([encodeSlots(keyring.slots), Buffer.of(0)]))).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'keyring: bytes follow the last keyslot',
      }),
    )
  })

  it('names the version of a later one', async () => {
    const { bytes } = await fixture()
    bytes.writeUInt32BE(2, 4)
    expect(() => parseKeyring(bytes)).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'keyring: expected version 1, found 2',
        found: 2,
      }),
    )
  })

  it('is not sealed without a keyslot', () => {
    expect(() => sealKeyring(createKeyring(), randomKey())).toThrow(
      expect.objectContaining({ code: 'INVALID', message: 'expected 1 to 16 keyslots, found 0' }),
    )
  })

  it('is all zeros once erased', async () => {
    const { keyring } = await fixture()
    const { log, values } = keyring
    eraseKeyring(keyring)
    const zero = Buffer.alloc(32)
    expect(log.epochs).toEqual([{ epoch: 1, from: 0, logKey: zero, blindKey: zero }])
    const { wraps, appends, signing, A } = values
    expect([wraps, appends]).toEqual([[{ epoch: 1, key: zero }], [{ epoch: 1, key: zero }]])
    expect([signing, A]).toEqual([[{ epoch: 1, seed: zero }], zero])
  })
})

describe('the keys in a keyring', () => {
  const key = Buffer.alloc(32, 1)
  const epochs = [[1, 0, key, key]]
  const signers = [[1, key]]
  const malformed = 'keyring: malformed msgpack'

  it.each<[string, unknown]>([
    ['keyring: expected 2 fields', [epochs]],
    ['keyring: expected 2 fields', { epochs, signers }],
    ['keyring: expected a list of 1 to 50000', [[], signers]],
    ['keyring: expected 4 fields', [[[1, 0, key]], signers]],
    ['keyring: expected a key of 32 bytes', [[[1, 0, key, key.subarray(1)]], signers]],
    ['keyring: expected a key of 32 bytes', [epochs, [[1, 'x'.repeat(32)]]]],
    ['keyring: expected an integer', [[[1.5, 0, key, key]], signers]],
    ['keyring: expected an integer', [[[1, -1, key, key]], signers]],
    ['keyring: its keys are not in order', [[...epochs, [1, 9, key, key]], signers]],
    ['keyring: its keys are not in order', [[...epochs, [2, 0, key, key]], signers]],
    ['keyring: the first log key does not begin at position 0', [[[1, 5, key, key]], signers]],
    [malformed, Buffer.of(0xc1)],
    [malformed, Buffer.concat([pack([epochs, signers]), Buffer.of(0xc0)])],
    [malformed, Buffer.of(0x91, 0xcc, 0x01)],
    [malformed, Buffer.of(0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02)],
    [malformed, Buffer.of(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01)],
    [malformed, Buffer.of(0x91, 0xa1, 0xff)],
  ])('are refused where %s: %o', async (message, content) => {
    const { A, bytes } = await fixture()
    const sealed = parseKeyring(bytes)
    const plain = Buffer.isBuffer(content) ? content : pack(content)
    const log = { ...sealed.log, sealed: sealLog(plain, A, sealed.log.before) }
    expect(() => openKeyring({ ...sealed, log }, { role: 'auditor', A })).toThrow(
      expect.objectContaining({ code: 'INTEGRITY', message }),
    )
  })

  it('are refused where an epoch has no append key, or a public key is not that of its seed', async () => {
    const lacking = await fixture(({ values, ...rest }) => ({
      ...rest,
      values: { ...values, appends: [{ epoch: 2, key }] },
    }))
    await expect(openAsOwner(lacking.bytes)).rejects.toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'keyring: its log keys and append keys are not of the same epochs',
      }),
    )
    const swapped = await fixture(({ log, ...rest }) => ({
      ...rest,
      log: { ...log, signers: [{ epoch: 1, publicKey: key }] },
    }))
    await expect(openAsOwner(swapped.bytes)).rejects.toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'keyring: its signing key of epoch 1 is not that of its public key',
      }),
    )
  })

  it('are encoded with integers as integers, however large', () => {
    for (const value of [
      0,
      127,
      2 ** 32 - 1,
      2 ** 32,
      1_767_225_600_000,
      2 ** 53 - 1,
      -(2 ** 40),
    ]) {
      const bytes = pack(value)
      // 0xca and 0xcb begin a float.
      expect([0xca, 0xcb]).not.toContain(bytes[0])
      expect(unpack(bytes, 'test')).toBe(value)
    }
  })

  it.each<[string, unknown]>([
    ['undefined', { a: undefined }],
    ['a map', new Map()],
    ['NaN', [Number.NaN]],
    ['half a surrogate pair', '\ud800'],
    ['nested too deep', [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]],
  ])('are not encoded with %s', (_what, value) => {
    expect(() => pack(value)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(/cannot encode/) }),
    )
  })
})

/** A LOG compartment of any content, under the grammar of `keys/keyring.ts` written out once more. */
function sealLog(plain: Uint8Array, A: Uint8Array, before: Uint8Array): Buffer {
  const nonce = nonce24()
  const aad = Buffer.concat([Buffer.from('muniment/v1/log'), before])
  return Buffer.concat([nonce, xaes(hkdfSha256(A, 'muniment/v1/log')).seal(nonce, plain, aad)])
}
