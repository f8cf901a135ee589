import { describe, expect, it } from 'vitest'
import type { Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const mount = 'secret'
const path = 'prod/db'
const hour = 3_600_000

/** Writes so many versions over the wire: of `{ n: 1 }`, `{ n: 2 }` and so on. */
async function putMany(vault: Vault, count: number, to = path): Promise<void> {
  for (let n = 1; n <= count; n++) await vault.kv.put(to, { n }, { mount })
}

async function versionsOf(vault: Vault, of = path): Promise<readonly number[]> {
  return (await vault.kv.metadata(of)).versions.map(({ version }) => version)
}

describe('a put over the wire', () => {
  it('is written first, rotated where the value changes, written where it does not', async () => {
    const { vault } = await testVault()
    const types = await appendedBy(vault, async () => {
      await vault.kv.put(path, { a: 1, b: 2 }, { mount })
      await vault.kv.put(path, { a: 2 }, { mount })
      await vault.kv.put(path, { a: 2 }, { mount })
    })
    expect(types.slice(0, 3)).toEqual(['secret.written', 'secret.rotated', 'secret.written'])
    const [rotated] = await eventsOf(vault, { type: 'secret.rotated' })
    expect(rotated?.data).toMatchObject({ trigger: 'wire', version: 2, changed: true })
    expect(await vault.describe(path)).toMatchObject({ version: 3, rotationCount: 1 })
  })

  it('is written over a version that was deleted or destroyed, and keeps the numbers', async () => {
    const { vault } = await testVault()
    await putMany(vault, 1)
    await vault.kv.deleteVersions(path, undefined)
    await vault.kv.put(path, { n: 2 }, { mount })
    await vault.kv.destroy(path, [2])
    const { written, version } = await vault.kv.put(path, { n: 3 }, { mount })
    expect(written).toMatchObject({ path, version: 3, changed: true })
    expect(version).toMatchObject({ version: 3, state: 'live', createdBy: 'test' })
    expect(await eventsOf(vault, { type: 'secret.rotated' })).toEqual([])
  })

  it('gives the time and the tags of what it wrote', async () => {
    const { vault, clock } = await testVault()
    await vault.kv.annotate(path, { tags: { team: 'pay' } })
    clock.advance(1000)
    const { version, tags } = await vault.kv.put(path, { a: 1 }, { mount })
    expect(version.createdAt).toEqual(new Date(clock.now()))
    expect(version.deletedAt).toBeUndefined()
    expect(tags).toEqual({ team: 'pay' })
  })

  it('compares with ifVersion, of which 0 is no secret', async () => {
    const { vault } = await testVault()
    await vault.kv.put(path, { n: 1 }, { mount, ifVersion: 0 })
    const lost = vault.kv.put(path, { n: 2 }, { mount, ifVersion: 0 })
    await expect(lost).rejects.toMatchObject({ code: 'CONFLICT', expected: 0, found: 1 })
    await vault.kv.put(path, { n: 2 }, { mount, ifVersion: 1 })
    await vault.kv.deleteVersions(path, undefined)
    const deleted = vault.kv.put(path, { n: 3 }, { mount, ifVersion: 0 })
    await expect(deleted).rejects.toMatchObject({ code: 'CONFLICT', found: 2 })
    await vault.kv.remove(path)
    await vault.kv.put(path, { n: 1 }, { mount, ifVersion: 0 })
  })

  it('requires ifVersion where the secret, what was declared of it, or its mount says so', async () => {
    const { vault } = await testVault()
    const missing = { code: 'INVALID', expected: 'ifVersion', path }
    await vault.kv.annotate(path, { casRequired: true })
    await expect(vault.kv.put(path, { n: 1 }, { mount })).rejects.toMatchObject(missing)
    await expect(vault.write(path, 'x')).rejects.toMatchObject(missing)
    await vault.kv.put(path, { n: 1 }, { mount, ifVersion: 0 })
    await expect(vault.kv.put(path, { n: 2 }, { mount })).rejects.toMatchObject(missing)
    await vault.kv.annotate(path, { casRequired: false })
    await vault.kv.put(path, { n: 2 }, { mount })
    await vault.kv.configure(mount, { casRequired: true })
    await expect(vault.kv.put(path, { n: 3 }, { mount })).rejects.toMatchObject(missing)
    await vault.kv.put(path, { n: 3 }, { mount: 'other' })
    await vault.kv.put(path, { n: 4 }, { mount, ifVersion: 3 })
  })

  it('takes nothing but fields, a path and a mount', async () => {
    const { vault } = await testVault()
    const invalid = { code: 'INVALID' }
    for (const value of ['x', Buffer.from('x'), [1], 7, null, undefined, new Map()]) {
      await expect(vault.kv.put(path, value as never, { mount })).rejects.toMatchObject(invalid)
    }
    await expect(vault.kv.put('a//b', { a: 1 }, { mount })).rejects.toMatchObject(invalid)
    await expect(vault.kv.put(path, { a: 1 }, { mount: '' })).rejects.toMatchObject(invalid)
    const long = { mount: 'm'.repeat(128) }
    await vault.kv.put(path, { a: 1 }, long)
    const longer = { mount: `${long.mount}/m` }
    await expect(vault.kv.put(path, { a: 1 }, longer)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: 'mount: expected at most 128 bytes, found 130',
    })
  })
})

describe('the versions that the wire keeps', () => {
  it('are all where nobody says how many, and the newest 10 are shown', async () => {
    const { vault } = await testVault()
    await putMany(vault, 12)
    const shown = await vault.kv.metadata(path, { mount })
    expect(shown.versions.map(({ version }) => version)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect(shown).toMatchObject({ currentVersion: 12, oldestVersion: 3, maxVersions: 0 })
    await expect(vault.kv.read(path, { mount, version: 2 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    // It is kept: only the wire does not tell of it.
    expect(denied?.data).toEqual({ operation: 'read', cause: 'hidden', version: 2 })
    expect((await vault.kv.read(path, { mount, version: 3 })).secret?.fields()).toEqual({ n: 3 })
    // Nobody asked for the others to be destroyed.
    expect(await eventsOf(vault, { type: 'secret.destroyed' })).toEqual([])
    expect((await vault.read(path, { version: 1 })).fields()).toEqual({ n: 1 })
    await vault.kv.configure(mount, { maxVersions: 11 })
    expect((await vault.kv.read(path, { mount, version: 2 })).secret?.fields()).toEqual({ n: 2 })
  })

  it('are as many as the secret or its mount says, whichever says more', async () => {
    const { vault } = await testVault()
    await vault.kv.configure(mount, { maxVersions: 2 })
    await putMany(vault, 4)
    expect(await versionsOf(vault)).toEqual([3, 4])
    await vault.kv.annotate(path, { maxVersions: 3 })
    await putMany(vault, 1)
    await vault.kv.put(path, { n: 6 }, { mount: 'other' })
    expect(await versionsOf(vault)).toEqual([4, 5, 6])
    await vault.kv.configure(mount, { maxVersions: 4 })
    await putMany(vault, 2)
    expect(await versionsOf(vault)).toEqual([5, 6, 7, 8])
    await vault.kv.configure(mount, { maxVersions: 0 })
    await putMany(vault, 1)
    expect(await versionsOf(vault)).toEqual([7, 8, 9])
  })

  it('leave the library its own bound: a plain write prunes by the secret alone', async () => {
    const { vault } = await testVault()
    await vault.kv.configure(mount, { maxVersions: 1 })
    for (let n = 0; n < 12; n++) await vault.write(path, `v${n}`)
    expect(await versionsOf(vault)).toHaveLength(12)
  })
})

describe('the expiry of a value', () => {
  it('comes after expireAfter of the secret or its mount, whichever is sooner', async () => {
    const { vault, clock } = await testVault()
    const ends = async (expected: number | undefined) => {
      const { version } = await vault.kv.put(path, { at: clock.now() }, { mount })
      const end = expected === undefined ? undefined : new Date(clock.now() + expected)
      expect(version.deletedAt).toEqual(end)
      expect((await vault.describe(path)).expiresAt).toEqual(end)
      clock.advance(1)
    }
    await ends(undefined)
    await vault.kv.configure(mount, { expireAfter: 2 * hour })
    await ends(2 * hour)
    await vault.kv.annotate(path, { expireAfter: hour })
    await ends(hour)
    await vault.kv.configure(mount, { expireAfter: hour / 2 })
    await ends(hour / 2)
    await vault.kv.configure(mount, { expireAfter: 0 })
    await ends(hour)
    await vault.kv.annotate(path, { expireAfter: 0 })
    await ends(undefined)
  })

  it('is not that of the value before, nor is the date that one began at', async () => {
    const { vault, clock } = await testVault()
    const [notBefore, expiresAt] = [new Date(clock.now() + hour), new Date(clock.now() + 2 * hour)]
    await vault.write(path, 'x', { notBefore, expiresAt })
    await vault.kv.put(path, { a: 1 }, { mount })
    const { secret, version } = await vault.kv.read(path)
    expect([secret?.fields(), version.deletedAt]).toEqual([{ a: 1 }, undefined])
    expect(await vault.describe(path)).not.toHaveProperty('notBefore')
  })

  it('leaves the version without its value', async () => {
    const { vault, clock } = await testVault()
    await vault.kv.annotate(path, { expireAfter: hour })
    await vault.kv.put(path, { a: 1 }, { mount })
    const { version } = await vault.kv.read(path)
    expect(version).toMatchObject({ state: 'live', deletedAt: new Date(clock.now() + hour) })
    clock.advance(hour)
    const read = await vault.kv.read(path)
    expect(read.secret).toBeUndefined()
    expect(read.version).toMatchObject({ state: 'deleted', deletedAt: new Date(clock.now()) })
    expect(read.version.deletedBy).toBeUndefined()
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied?.data).toMatchObject({ operation: 'read', cause: 'expired', version: 1 })
    await expect(vault.kv.patch(path, { a: 2 }, { mount })).rejects.toMatchObject({
      code: 'EXPIRED',
    })
    await vault.kv.put(path, { a: 2 }, { mount, ifVersion: 1 })
    expect((await vault.kv.read(path)).secret?.fields()).toEqual({ a: 2 })
  })
})

describe('a patch over the wire', () => {
  it('is merged into the newest version, as the next', async () => {
    const { vault } = await testVault()
    await vault.kv.put(path, { user: 'app', old: 1, more: { a: 1, b: 2 } }, { mount })
    const patch = { old: null, more: { b: null, c: [null] }, port: 5432 }
    const { written, version } = await vault.kv.patch(path, patch, { mount })
    expect([written.changed, version.version]).toEqual([true, 2])
    const { secret } = await vault.kv.read(path)
    expect(secret?.fields()).toEqual({ user: 'app', more: { a: 1, c: [null] }, port: 5432 })
    const [rotated] = await eventsOf(vault, { type: 'secret.rotated' })
    expect(rotated?.data).toMatchObject({ version: 2, trigger: 'wire' })
    expect(await eventsOf(vault, { type: 'secret.accessed' })).toHaveLength(1)
  })

  it('that changes nothing is a version all the same', async () => {
    const { vault } = await testVault({ [path]: { a: 1 } })
    const { written } = await vault.kv.patch(path, { b: null }, { mount })
    expect(written).toMatchObject({ version: 2, changed: false })
    expect(await eventsOf(vault, { type: 'secret.rotated' })).toEqual([])
  })

  it('loses nothing of others that are under way', async () => {
    const { vault } = await testVault({ [path]: {} })
    const numbers = Array.from({ length: 20 }, (_, i) => i)
    await Promise.all(numbers.map((i) => vault.kv.patch(path, { [`f${i}`]: i }, { mount })))
    const { secret } = await vault.kv.read(path)
    expect(secret?.fields()).toEqual(Object.fromEntries(numbers.map((i) => [`f${i}`, i])))
    expect(secret?.version).toBe(21)
  })

  it('compares, and is required to', async () => {
    const { vault } = await testVault({ [path]: { a: 1 } })
    const lost = vault.kv.patch(path, { a: 2 }, { mount, ifVersion: 7 })
    await expect(lost).rejects.toMatchObject({ code: 'CONFLICT', expected: 7, found: 1 })
    await vault.kv.configure(mount, { casRequired: true })
    const unsaid = vault.kv.patch(path, { a: 2 }, { mount })
    await expect(unsaid).rejects.toMatchObject({ code: 'INVALID', expected: 'ifVersion' })
    await vault.kv.patch(path, { a: 2 }, { mount, ifVersion: 1 })
  })

  it('takes a live version of fields', async () => {
    const { vault } = await testVault({ text: 'x', bytes: Buffer.from('x'), [path]: { a: 1 } })
    const patch = (to: string) => vault.kv.patch(to, { a: 2 }, { mount })
    for (const to of ['text', 'bytes']) {
      await expect(patch(to)).rejects.toMatchObject({
        code: 'INVALID',
        message: `${to} holds no fields that a patch could be merged into`,
      })
    }
    await vault.kv.annotate('declared', {})
    for (const to of ['none', 'declared']) {
      await expect(patch(to)).rejects.toMatchObject({ code: 'NOT_FOUND', path: to })
    }
    await vault.kv.deleteVersions(path, undefined)
    await expect(patch(path)).rejects.toMatchObject({ code: 'DELETED' })
    await vault.kv.destroy(path, [1])
    await expect(patch(path)).rejects.toMatchObject({ code: 'DESTROYED' })
    const denied = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied.map(({ data }) => data)).toEqual([
      { operation: 'write', cause: 'absent' },
      { operation: 'write', cause: 'absent' },
      { operation: 'write', cause: 'deleted', version: 1 },
      { operation: 'write', cause: 'destroyed', version: 1 },
    ])
  })

  it('is held to the bounds of a value once it is merged', async () => {
    const { vault } = await testVault()
    const fields = (from: number) =>
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${from + i}`, i]))
    await vault.kv.put(path, fields(0), { mount })
    await expect(vault.kv.patch(path, fields(100), { mount })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'value: expected at most 256 fields, found 300',
    })
    const own = JSON.parse('{"__proto__":{"a":1}}')
    await expect(vault.kv.patch(path, own, { mount })).rejects.toMatchObject({ code: 'INVALID' })
    expect((await vault.kv.metadata(path)).currentVersion).toBe(1)
    await vault.kv.patch(path, fields(50), { mount })
  })

  it('is of what it was given, though its caller goes on to change that', async () => {
    const { vault } = await testVault({ [path]: { a: 1 } })
    const patch = { a: 2 }
    const options = { mount, ifVersion: 1 }
    const patched = vault.kv.patch(path, patch, options)
    patch.a = 3
    options.mount = ''
    await patched
    expect((await vault.kv.read(path)).secret?.fields()).toEqual({ a: 2 })
  })
})
