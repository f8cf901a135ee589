import { describe, expect, it } from 'vitest'
import { kdfBounds } from '../../src/crypto/kdf.ts'
import { measureKdf } from '../../src/keys/passphrase.ts'

const least = { memoryKiB: kdfBounds.memoryKiB[0], passes: 2, lanes: 1 } as const

describe('measuring a KDF', () => {
  it('takes the time of one derivation with these options', async () => {
    const begun = performance.now()
    const quick = await measureKdf(least)
    const slow = await measureKdf({ ...least, passes: 16 })
    const took = performance.now() - begun
    expect(quick).toBeGreaterThan(1)
    expect(slow).toBeGreaterThan(quick)
    expect(quick + slow).toBeLessThanOrEqual(took)
    expect(await measureKdf({ kdf: 'pbkdf2' })).toBeGreaterThan(1)
  })

  it('refuses options that no keyslot may have', async () => {
    await expect(measureKdf({ ...least, passes: 1 })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'argon2id passes: expected 2 to 16, found 1',
    })
  })
})
