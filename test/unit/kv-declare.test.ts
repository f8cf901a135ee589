import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { memoryStore, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { testVault } from '../../src/testing.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const mount = 'secret'
const path = 'prod/db'
const hour = 3_600_000

describe('a secret that is declared', () => {
  it('has metadata and no version, and is no secret yet', async () => {
    const { vault, clock } = await testVault()
    const at = new Date(clock.now())
    await vault.kv.annotate(path, { maxVersions: 3, tags: { team: 'pay' } }, { actor: 'user/ana' })
    clock.advance(hour)
    await vault.kv.annotate(path, { expireAfter: hour }, { actor: 'user/bo' })
    expect(await vault.kv.metadata(path)).toEqual({
      path,
      currentVersion: 0,
      oldestVersion: 0,
      createdAt: at,
      createdBy: 'user/ana',
      updatedAt: at,
      maxVersions: 3,
      casRequired: false,
      expireAfter: hour,
      tags: { team: 'pay' },
      versions: [],
    })
    expect(await vault.exists(path)).toBe(false)
    expect((await vault.list()).items).toEqual([])
    await expect(vault.describe(path)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(vault.rotate(path, 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const declared = await eventsOf(vault, { type: 'secret.declared' })
    expect(declared.map(({ subject, data }) => [subject, data])).toEqual([
      [path, { meta: { type: 'generic', maxVersions: 3, tags: { team: 'pay' } } }],
      [
        path,
        { meta: { type: 'generic', maxVersions: 3, tags: { team: 'pay' }, expireAfter: hour } },
      ],
    ])
  })

  it.each([
    ['a put', (vault: Vault) => vault.kv.put(path, { a: 1 }, { mount, ifVersion: 0 })],
    ['a plain write', (vault: Vault) => vault.write(path, 'x', { ifVersion: 0 })],
  ])('is taken over by %s', async (_, write) => {
    const { vault, clock } = await testVault()
    await vault.kv.annotate(path, {
      casRequired: true,
      expireAfter: hour,
      maxVersions: 3,
      tags: { team: 'pay' },
    })
    await write(vault)
    expect(await vault.describe(path)).toMatchObject({
      version: 1,
      casRequired: true,
      expireAfter: hour,
      maxVersions: 3,
      tags: { team: 'pay' },
      expiresAt: new Date(clock.now() + hour),
    })
    await vault.kv.remove(path)
    await expect(vault.kv.metadata(path)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('leaves its writer the last word', async () => {
    const { vault } = await testVault()
    await vault.kv.annotate(path, { expireAfter: hour, tags: { team: 'pay' } })
    await vault.write(path, 'x', { type: 'api_key', expiresAt: null, tags: { team: 'ops' } })
    const info = await vault.describe(path)
    expect(info).toMatchObject({ type: 'api_key', tags: { team: 'ops' }, expireAfter: hour })
    expect(info).not.toHaveProperty('expiresAt')
  })

  it('is taken back, once', async () => {
    const { vault } = await testVault()
    await vault.kv.annotate(path, {})
    const types = await appendedBy(vault, async () => {
      await vault.kv.remove(path)
      await vault.kv.remove(path)
    })
    expect(types).toEqual(['secret.undeclared'])
    await expect(vault.kv.metadata(path)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('is there after a reopening, from a snapshot and from a replay', async () => {
    const store = memoryStore()
    const { vault, clock } = await testVault({}, { store })
    await vault.kv.configure(mount, { maxVersions: 2, casRequired: true, expireAfter: hour })
    await vault.kv.annotate('a/declared', { tags: { team: 'pay' } })
    await vault.kv.annotate('a/taken-back', {})
    await vault.kv.remove('a/taken-back')
    await vault.kv.annotate('a/written', { casRequired: true })
    await vault.kv.put('a/written', { a: 1 }, { mount, ifVersion: 0 })
    const look = async (opened: Vault) => [
      await opened.kv.settings(mount),
      await opened.kv.metadata('a/declared'),
      await opened.kv.metadata('a/written'),
      await opened.kv.children('a/').then(({ keys }) => keys),
    ]
    const before = await look(vault)
    expect(before[0]).toEqual({ maxVersions: 2, casRequired: true, expireAfter: hour })
    expect(before[3]).toEqual(['declared', 'written'])
    await vault.reopen()
    expect(await look(vault)).toEqual(before)
    await vault.close()
    const opened = await store.open()
    await opened.derived.clear()
    await opened.close()
    const again = await Vault.open({ store, unlock: noKdf, actor: 'test', clock })
    expect(await look(again)).toEqual(before)
    await again.close()
  })
})

describe('a vault on disk', () => {
  it('holds together to the byte, whatever was asked of it over the wire', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-kv-'))
    try {
      const place = { path: join(folder, 'vault'), unlock: noKdf, actor: 'test' }
      const vault = await Vault.create(place)
      await vault.kv.configure(mount, { maxVersions: 2, expireAfter: hour })
      for (const path of ['a', 'b/c']) {
        await vault.kv.annotate(path, { tags: { team: 'pay' } })
        for (let n = 1; n <= 4; n++) await vault.kv.put(path, { n }, { mount })
        await vault.kv.patch(path, { m: 1 }, { mount })
      }
      await vault.kv.deleteVersions('a', [4])
      await vault.kv.destroy('a', [4, 5])
      await vault.kv.remove('b/c')
      await vault.kv.annotate('d', {})
      await vault.kv.annotate('e', {})
      await vault.kv.remove('d')
      expect((await vault.kv.children('')).keys).toEqual(['a', 'e'])
      expect(await vault.verify()).toMatchObject({ ok: true })
      await vault.close()
      const { versions } = await checkVault(place.path)
      expect(versions.filter(({ state }) => state !== 'destroyed')).toEqual([])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('an annotation over the wire', () => {
  it('sets, and takes away with 0 and false', async () => {
    const { vault } = await testVault({ [path]: { a: 1 } })
    await vault.kv.annotate(path, { maxVersions: 3, casRequired: true, expireAfter: hour })
    expect(await vault.describe(path)).toMatchObject({
      maxVersions: 3,
      casRequired: true,
      expireAfter: hour,
    })
    await vault.kv.annotate(path, { maxVersions: 0, casRequired: false, expireAfter: 0 })
    const [, last] = await eventsOf(vault, { type: 'secret.annotated' })
    expect(last?.data).toMatchObject({ meta: { type: 'generic' } })
    expect(last?.data).not.toHaveProperty('meta.maxVersions')
    expect(last?.data).not.toHaveProperty('meta.casRequired')
    expect(last?.data).not.toHaveProperty('meta.expireAfter')
  })

  it('replaces all tags, or some of them', async () => {
    const { vault } = await testVault({ [path]: 'x' })
    const tags = async () => (await vault.kv.metadata(path)).tags
    await vault.kv.annotate(path, { tags: { a: '1', b: '2' } })
    await vault.kv.annotate(path, { patchTags: { b: null, c: '3', none: null } })
    expect(await tags()).toEqual({ a: '1', c: '3' })
    await vault.kv.annotate(path, { tags: { d: '4' }, patchTags: { e: '5' } })
    expect(await tags()).toEqual({ d: '4', e: '5' })
    await vault.kv.annotate(path, { tags: {} })
    expect(await tags()).toEqual({})
  })

  it('leaves no event where it changes nothing', async () => {
    const { vault } = await testVault({ [path]: 'x' })
    await vault.kv.annotate(path, { maxVersions: 3, tags: { a: '1' } })
    await vault.kv.annotate('declared', {})
    const types = await appendedBy(vault, async () => {
      await vault.kv.annotate(path, {})
      await vault.kv.annotate(path, { maxVersions: 3, casRequired: false, patchTags: { a: '1' } })
      await vault.kv.annotate(path, { patchTags: { none: null } })
      await vault.kv.annotate('declared', { tags: {}, expireAfter: 0 })
    })
    expect(types).toEqual([])
  })

  it('is of a secret that is there, where that is asked for', async () => {
    const { vault } = await testVault({ [path]: 'x' })
    await vault.kv.annotate(path, { maxVersions: 3 }, { mustExist: true })
    const absent = vault.kv.annotate('none', { maxVersions: 3 }, { mustExist: true })
    await expect(absent).rejects.toMatchObject({ code: 'NOT_FOUND', path: 'none' })
    await vault.kv.annotate('declared', {})
    await vault.kv.annotate('declared', { maxVersions: 3 }, { mustExist: true })
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied).toMatchObject({
      subject: 'none',
      data: { operation: 'annotate', cause: 'absent' },
    })
  })

  it('is refused, and named, where it is none', async () => {
    const { vault } = await testVault()
    const refusals: readonly [object, string][] = [
      [{ maxVersions: -1 }, 'maxVersions must be an integer from 0 to 1000000'],
      [{ maxVersions: 1.5 }, 'maxVersions must be an integer from 0 to 1000000'],
      [{ casRequired: 1 }, 'casRequired must be true or false'],
      [{ expireAfter: '1h' }, 'expireAfter must be an integer from 0 to 3162240000000'],
      [{ tags: { a: 1 } }, 'tags.a must be a string of well-formed text'],
      [{ patchTags: { a: 1 } }, 'tags.a must be a string of well-formed text'],
      [{ patchTags: ['a'] }, 'patchTags must be an object of strings and null'],
    ]
    for (const [annotation, message] of refusals) {
      const call = vault.kv.annotate(path, annotation)
      await expect(call).rejects.toMatchObject({ code: 'INVALID', message })
    }
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}`, 'x']))
    await vault.kv.annotate(path, { tags: many })
    const more = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`b${i}`, 'x']))
    await expect(vault.kv.annotate(path, { patchTags: more })).rejects.toMatchObject({
      code: 'TOO_LARGE',
      expected: 64,
      found: 80,
    })
  })
})

describe('the settings of a mount', () => {
  it('are none until somebody says some, change by what is named, and say nothing twice', async () => {
    const { vault } = await testVault()
    const none = { maxVersions: 0, casRequired: false, expireAfter: 0 }
    expect(await vault.kv.settings(mount)).toEqual(none)
    const types = await appendedBy(vault, async () => {
      await vault.kv.configure(mount, none)
      const { position } = await vault.kv.configure(mount, { maxVersions: 5, expireAfter: hour })
      expect(position).toBeGreaterThan(0)
      expect(await vault.kv.configure(mount, { maxVersions: 5 })).toEqual({})
      await vault.kv.configure(mount, { casRequired: true, expireAfter: 0 })
    })
    expect(types).toEqual(['mount.configured', 'mount.configured'])
    expect(await vault.kv.settings(mount)).toEqual({ ...none, maxVersions: 5, casRequired: true })
    expect(await vault.kv.settings('other')).toEqual(none)
    const [, last] = await eventsOf(vault, { type: 'mount.configured' })
    expect(last?.data).toEqual({ mount, maxVersions: 5, casRequired: true })
  })

  it('are refused, and named, where they are none', async () => {
    const { vault } = await testVault()
    const refusals: readonly [string, object, string][] = [
      [mount, { maxVersions: -1 }, 'maxVersions must be an integer from 0 to 1000000'],
      [mount, { casRequired: 'yes' }, 'casRequired must be true or false'],
      ['a//b', {}, 'mount "a//b": expected no empty segment'],
    ]
    for (const [name, settings, message] of refusals) {
      const call = vault.kv.configure(name, settings)
      await expect(call).rejects.toMatchObject({ code: 'INVALID', message })
    }
  })
})

describe('a change of versions over the wire', () => {
  it('is done to those that it can be done to', async () => {
    const { vault } = await testVault()
    for (let n = 1; n <= 4; n++) await vault.kv.put(path, { n }, { mount })
    await vault.kv.destroy(path, [1, 9])
    await vault.kv.deleteVersions(path, [1, 2, 3, 0, -7, 5_000_000])
    await vault.kv.undelete(path, [1, 3, 4])
    const states = async () => (await vault.kv.metadata(path)).versions.map(({ state }) => state)
    expect(await states()).toEqual(['destroyed', 'deleted', 'live', 'live'])
    await vault.kv.deleteVersions(path, undefined)
    await vault.kv.destroy(path, [2, 4])
    expect(await states()).toEqual(['destroyed', 'destroyed', 'live', 'destroyed'])
    await expect(vault.read(path, { version: 2 })).rejects.toMatchObject({ code: 'DESTROYED' })
    expect(await eventsOf(vault, { type: 'secret.denied' })).toHaveLength(1)
  })

  it('passes over what is not there or is so already, without an event', async () => {
    const { vault } = await testVault()
    await vault.kv.put(path, { n: 1 }, { mount })
    await vault.kv.deleteVersions(path, undefined)
    await vault.kv.annotate('declared', {})
    const types = await appendedBy(vault, async () => {
      for (const to of [path, 'none', 'declared']) {
        await vault.kv.deleteVersions(to, undefined)
        await vault.kv.deleteVersions(to, [1, 2])
        await vault.kv.undelete(to, [2])
        await vault.kv.destroy(to, [2])
      }
      await vault.kv.remove('none')
    })
    expect(types).toEqual([])
  })

  it('needs numbers', async () => {
    const { vault } = await testVault({ [path]: 'x' })
    const message = 'versions must be integers, at least one'
    for (const versions of [[], ['1'], [1.5], undefined]) {
      const call = vault.kv.destroy(path, versions as never)
      await expect(call).rejects.toMatchObject({ code: 'INVALID', message })
    }
    await expect(vault.kv.deleteVersions(path, [])).rejects.toMatchObject({ message })
    expect(await vault.exists(path)).toBe(true)
  })
})
