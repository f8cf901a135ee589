import { describe, expect, it } from 'vitest'
import { metaOfNewValue } from '../../src/decide/meta.ts'
import { testVault } from '../../src/testing.ts'

const path = 'prod/db'
const hour = 3_600_000

describe('expireAfter', () => {
  it('dates each new value of a secret, from the moment it is written', async () => {
    const { vault, clock } = await testVault()
    const expiresAt = async () => (await vault.describe(path)).expiresAt
    await vault.write(path, 'a', { expireAfter: hour })
    expect(await expiresAt()).toEqual(new Date(clock.now() + hour))
    clock.advance(hour)
    await expect(vault.read(path)).rejects.toMatchObject({ code: 'EXPIRED' })
    await vault.rotate(path, 'b')
    expect(await expiresAt()).toEqual(new Date(clock.now() + hour))
    clock.advance(hour / 2)
    await vault.write(path, 'b')
    expect(await expiresAt()).toEqual(new Date(clock.now() + hour))
    expect((await vault.read(path)).text()).toBe('b')
  })

  it('gives way to what the caller says of one value, and comes back with the next', async () => {
    const { vault, clock } = await testVault()
    const [own, counted] = [new Date(clock.now() + 7 * hour), new Date(clock.now() + hour)]
    await vault.write(path, 'a', { expireAfter: hour, expiresAt: own })
    expect((await vault.describe(path)).expiresAt).toEqual(own)
    await vault.rotate(path, 'b', { expiresAt: null })
    expect(await vault.describe(path)).not.toHaveProperty('expiresAt')
    await vault.rotate(path, 'c')
    expect((await vault.describe(path)).expiresAt).toEqual(counted)
  })

  it('gives way to a date that stands in the value itself, such as that of a certificate', () => {
    const before = { type: 'certificate' as const, expireAfter: hour }
    const facts = { notBefore: 1, expiresAt: 2 * hour, fingerprint: 'SHA256:00' }
    expect(metaOfNewValue(before, { patch: {}, facts, now: 0 })).toEqual({ ...before, ...facts })
  })

  it('ends with the year 9999, as every date does', () => {
    const before = { type: 'generic' as const, expireAfter: hour }
    const now = Date.UTC(9999, 11, 31, 23, 59)
    const meta = metaOfNewValue(before, { patch: {}, facts: {}, now })
    expect(meta.expiresAt).toBe(253_402_300_799_999)
  })

  it('leaves the date of the value that is there, where it is annotated', async () => {
    const { vault, clock } = await testVault({ [path]: 'a' })
    await vault.annotate(path, { expireAfter: hour })
    expect(await vault.describe(path)).toMatchObject({ expireAfter: hour })
    expect(await vault.describe(path)).not.toHaveProperty('expiresAt')
    await vault.write(path, 'b')
    const expiresAt = new Date(clock.now() + hour)
    await vault.annotate(path, { expireAfter: null })
    const info = await vault.describe(path)
    expect(info.expiresAt).toEqual(expiresAt)
    expect(info).not.toHaveProperty('expireAfter')
    clock.advance(hour)
    await expect(vault.write(path, 'c')).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('expiresAt of the earlier value'),
    })
  })

  it('can be said, or taken away, with the value it is to hold for', async () => {
    const { vault, clock } = await testVault()
    await vault.write(path, 'a', { expireAfter: hour })
    await vault.write(path, 'b', { expireAfter: null, expiresAt: null })
    await vault.write(path, 'c')
    expect(await vault.describe(path)).not.toHaveProperty('expiresAt')
    await vault.write(path, 'd', { expireAfter: 2 * hour })
    expect((await vault.describe(path)).expiresAt).toEqual(new Date(clock.now() + 2 * hour))
  })

  it('stands in a diff, and what it was at any moment', async () => {
    const { vault } = await testVault()
    const { position } = await vault.write(path, 'a', { expireAfter: hour })
    await vault.annotate(path, { expireAfter: 2 * hour })
    await vault.kv.annotate('declared', { expireAfter: hour })
    const then = await vault.asOf({ position })
    expect((await then.describe(path)).expireAfter).toBe(hour)
    const { size } = await vault.health()
    const { secrets } = await vault.diff({ position }, { position: size - 1 })
    expect(secrets).toMatchObject([
      { path, fields: [{ field: 'expireAfter', before: hour, after: 2 * hour }] },
    ])
  })

  it('takes a number of milliseconds, up to 100 years', async () => {
    const { vault } = await testVault()
    const message = 'expireAfter must be an integer from 1 to 3162240000000'
    for (const expireAfter of [0, -1, 1.5, '1h', 3_162_240_000_001]) {
      const call = vault.write(path, 'a', { expireAfter: expireAfter as never })
      await expect(call).rejects.toMatchObject({ code: 'INVALID', message })
    }
    await vault.write(path, 'a', { expireAfter: 3_162_240_000_000 })
  })
})
