import { pbkdf2Sync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  checkKdfParams,
  defaultArgon2id,
  defaultPbkdf2,
  deriveKey,
  type KdfParams,
  kdfBounds,
} from '../../src/crypto/kdf.ts'

const salt = Buffer.alloc(16, 0x5a)
const least = {
  kdf: 'argon2id',
  memoryKiB: kdfBounds.memoryKiB[0],
  passes: 2,
  lanes: 1,
  salt,
} as const
const passphrase = Buffer.from('correct horse')

describe('key derivation', () => {
  // Computed with an independent implementation, @noble/hashes 2.4.0.
  it.each([
    [2, 1, '073c47b82e76d1d29acda643d648f96634db0e2833d2fb0fac066f6b1b132190'],
    [3, 4, '16d8a0633c2c7a50a43a41309009c55a448b6e0704f4c4cf778200063d27c78d'],
  ])('is Argon2id, with %d passes and %d lanes', async (passes, lanes, expected) => {
    const key = await deriveKey(passphrase, { ...least, passes, lanes })
    expect(key.toString('hex')).toBe(expected)
  })

  it('is PBKDF2-HMAC-SHA256', async () => {
    const params = { kdf: 'pbkdf2', iterations: 600_000, salt } as const
    expect(await deriveKey(passphrase, params)).toEqual(
      pbkdf2Sync(passphrase, salt, 600_000, 32, 'sha256'),
    )
  })

  it('has defaults within its bounds, each with its own salt', () => {
    for (const make of [defaultArgon2id, defaultPbkdf2]) {
      expect(() => checkKdfParams(make())).not.toThrow()
      expect(make().salt).not.toEqual(make().salt)
      expect(make().salt).toHaveLength(16)
    }
    expect(defaultArgon2id()).toMatchObject({ memoryKiB: 65_536, passes: 3, lanes: 4 })
    expect(defaultPbkdf2()).toMatchObject({ iterations: 600_000 })
  })

  it.each<[KdfParams, string]>([
    [
      { ...least, memoryKiB: 19_455 },
      'argon2id memory in KiB: expected 19456 to 1048576, found 19455',
    ],
    [
      { ...least, memoryKiB: 2 ** 21 },
      'argon2id memory in KiB: expected 19456 to 1048576, found 2097152',
    ],
    [{ ...least, passes: 1 }, 'argon2id passes: expected 2 to 16, found 1'],
    [{ ...least, passes: 17 }, 'argon2id passes: expected 2 to 16, found 17'],
    [{ ...least, lanes: 0 }, 'argon2id lanes: expected 1 to 16, found 0'],
    [{ ...least, lanes: 17 }, 'argon2id lanes: expected 1 to 16, found 17'],
    [{ ...least, passes: 2.5 }, 'argon2id passes: expected 2 to 16, found 2.5'],
    [{ ...least, salt: Buffer.alloc(15) }, 'argon2id salt bytes: expected 16 to 64, found 15'],
    [
      { kdf: 'pbkdf2', iterations: 599_999, salt },
      'pbkdf2 iterations: expected 600000 to 10000000, found 599999',
    ],
    [
      { kdf: 'pbkdf2', iterations: 10_000_001, salt },
      'pbkdf2 iterations: expected 600000 to 10000000, found 10000001',
    ],
    [
      { kdf: 'pbkdf2', iterations: 600_000, salt: Buffer.alloc(65) },
      'pbkdf2 salt bytes: expected 16 to 64, found 65',
    ],
  ])('refuses %o before it runs', async (params, message) => {
    const refused = expect.objectContaining({ code: 'UNSUPPORTED', message })
    expect(() => checkKdfParams(params)).toThrow(refused)
    await expect(deriveKey(passphrase, params)).rejects.toEqual(refused)
  })

  it('runs one at a time, in order, and goes on after a refusal', async () => {
    const order: string[] = []
    const note = (name: string) => () => order.push(name)
    const slow = deriveKey(passphrase, {
      ...least,
      memoryKiB: 2 * kdfBounds.memoryKiB[0],
      passes: 4,
    })
    const refused = deriveKey(passphrase, { ...least, passes: 99 })
    const quick = deriveKey(passphrase, least)
    await Promise.all([
      slow.then(note('slow')),
      refused.catch(note('refused')),
      quick.then(note('quick')),
    ])
    expect(order).toEqual(['slow', 'refused', 'quick'])
  })
})
