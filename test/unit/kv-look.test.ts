import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/index.ts'
import { faultStore, testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const mount = 'secret'
const path = 'prod/db'
const hour = 3_600_000

describe('a read over the wire', () => {
  it('gives the value, its version and the tags, by one audited read', async () => {
    const { vault, clock } = await testVault()
    await vault.kv.annotate(path, { tags: { team: 'pay' } })
    await vault.kv.put(path, { a: 1 }, { mount, actor: 'user/ana' })
    const createdAt = new Date(clock.now())
    clock.advance(hour)
    let read: Awaited<ReturnType<typeof vault.kv.read>> | undefined
    const types = await appendedBy(vault, async () => {
      read = await vault.kv.read(path, {}, { reason: 'start-up' })
    })
    expect(types).toEqual(['secret.accessed'])
    expect(read?.secret?.fields()).toEqual({ a: 1 })
    expect(read?.version).toEqual({ version: 1, state: 'live', createdAt, createdBy: 'user/ana' })
    expect(read?.tags).toEqual({ team: 'pay' })
    const [accessed] = await eventsOf(vault, { type: 'secret.accessed' })
    expect(accessed?.context.reason).toBe('start-up')
  })

  it('tells who wrote the newest version, and when, whatever came after it', async () => {
    const { vault, clock } = await testVault()
    await vault.kv.configure(mount, { maxVersions: 1 })
    for (let n = 1; n <= 3; n++) {
      await vault.kv.put(path, { n }, { mount, actor: `user/${n}` })
      clock.advance(hour)
    }
    const written = { version: 3, state: 'live', createdBy: 'user/3' }
    const createdAt = new Date(clock.now() - hour)
    expect((await vault.kv.read(path)).version).toEqual({ ...written, createdAt })
    await vault.annotate(path, { owner: 'team' })
    expect((await vault.kv.read(path)).version).toEqual({ ...written, createdAt })
    await vault.kv.deleteVersions(path, undefined)
    await vault.kv.undelete(path, [3])
    expect((await vault.kv.read(path)).version).toEqual({ ...written, createdAt })
  })

  it('takes no look at the log of its own', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({}, { store })
    for (let n = 1; n <= 12; n++) await vault.kv.put(path, { n }, { mount })
    await vault.kv.put('one', { a: 1 }, { mount })
    await vault.read('one')
    store.faults.fail('read')
    await vault.kv.read('one')
    // Of a secret that was changed since, the first read finds out what the next ones know.
    await expect(vault.kv.read(path)).rejects.toMatchObject({ code: 'FAILED' })
    await vault.kv.read(path)
    await vault.kv.metadata(path)
    store.faults.fail('read')
    await vault.kv.read(path)
    await vault.kv.metadata(path)
  })

  it('gives an older version, as it is by now', async () => {
    const { vault, clock } = await testVault()
    for (let n = 1; n <= 3; n++) await vault.kv.put(path, { n }, { mount })
    clock.advance(hour)
    await vault.kv.deleteVersions(path, [2], { actor: 'user/ana' })
    const first = await vault.kv.read(path, { version: 1 })
    expect([first.secret?.fields(), first.version.version]).toEqual([{ n: 1 }, 1])
    const second = await vault.kv.read(path, { version: 2 })
    expect(second.secret).toBeUndefined()
    expect(second.version).toMatchObject({
      version: 2,
      state: 'deleted',
      deletedAt: new Date(clock.now()),
      deletedBy: 'user/ana',
    })
    await vault.kv.destroy(path, [1])
    const destroyed = await vault.kv.read(path, { version: 1 })
    expect(destroyed.secret).toBeUndefined()
    expect(destroyed.version).toMatchObject({ version: 1, state: 'destroyed' })
    expect(destroyed.version).not.toHaveProperty('deletedAt')
    const denied = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied.map(({ data }) => data)).toMatchObject([
      { operation: 'read', cause: 'deleted', version: 2 },
      { operation: 'read', cause: 'destroyed', version: 1 },
    ])
  })

  it('knows nothing of what was never there, is only declared, or was dropped', async () => {
    const { vault } = await testVault()
    await vault.kv.configure(mount, { maxVersions: 1 })
    await vault.kv.annotate('declared', { tags: { a: 'b' } })
    for (let n = 1; n <= 3; n++) await vault.kv.put(path, { n }, { mount })
    const reads = [
      () => vault.kv.read('none'),
      () => vault.kv.read('declared'),
      () => vault.kv.read(path, { version: 4 }),
      () => vault.kv.read(path, { version: 2 }),
    ]
    for (const read of reads) await expect(read()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await eventsOf(vault, { type: 'secret.denied' })).toHaveLength(4)
    await expect(vault.kv.read(path, { version: 0 })).rejects.toMatchObject({ code: 'INVALID' })
  })

  it('hands out text and bytes as they are, and waits for a value to begin', async () => {
    const { vault, clock } = await testVault({ text: 'x', bytes: Buffer.from('y') })
    expect((await vault.kv.read('text')).secret?.text()).toBe('x')
    expect((await vault.kv.read('bytes')).secret?.kind).toBe('bytes')
    await vault.write('later', { a: 1 }, { notBefore: new Date(clock.now() + hour) })
    await expect(vault.kv.read('later')).rejects.toMatchObject({ code: 'NOT_YET_VALID' })
  })

  it('is over with when its record cannot be written', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({ [path]: { a: 1 } }, { store })
    store.faults.fail('commit')
    await expect(vault.kv.read(path)).rejects.toMatchObject({ code: 'UNCERTAIN' })
  })
})

describe('the metadata of a secret', () => {
  it('is that of its versions, and of the secret as a whole', async () => {
    const { vault, clock } = await testVault()
    const start = clock.now()
    for (let n = 1; n <= 4; n++) {
      await vault.kv.put(path, { n }, { mount, actor: `user/${n}` })
      clock.advance(hour)
    }
    await vault.kv.deleteVersions(path, [2], { actor: 'user/ana' })
    clock.advance(hour)
    await vault.kv.destroy(path, [2, 3])
    await vault.kv.annotate(path, {
      maxVersions: 7,
      casRequired: true,
      expireAfter: hour,
      tags: { team: 'pay' },
    })
    const created = (n: number) => ({
      version: n,
      createdAt: new Date(start + (n - 1) * hour),
      createdBy: `user/${n}`,
    })
    expect(await vault.kv.metadata(path)).toEqual({
      path,
      currentVersion: 4,
      oldestVersion: 0,
      createdAt: new Date(start),
      createdBy: 'user/1',
      updatedAt: new Date(start + 3 * hour),
      updatedBy: 'user/4',
      maxVersions: 7,
      casRequired: true,
      expireAfter: hour,
      tags: { team: 'pay' },
      versions: [
        { ...created(1), state: 'live' },
        {
          ...created(2),
          state: 'destroyed',
          deletedAt: new Date(start + 4 * hour),
          deletedBy: 'user/ana',
        },
        { ...created(3), state: 'destroyed' },
        { ...created(4), state: 'live' },
      ],
    })
  })

  it('leaves out what a bound on the versions dropped, and not what was destroyed on purpose', async () => {
    const { vault } = await testVault()
    for (let n = 1; n <= 4; n++) await vault.kv.put(path, { n }, { mount })
    await vault.kv.destroy(path, [1, 3])
    await vault.kv.annotate(path, { maxVersions: 3 })
    await vault.kv.put(path, { n: 5 }, { mount: 'm' })
    const metadata = await vault.kv.metadata(path)
    expect(metadata.oldestVersion).toBe(3)
    expect(metadata.versions.map(({ version, state }) => [version, state])).toEqual([
      [3, 'destroyed'],
      [4, 'live'],
      [5, 'live'],
    ])
    expect(metadata).not.toHaveProperty('createdBy')
  })

  it('costs what is kept, not what there was', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({}, { store })
    await vault.kv.configure(mount, { maxVersions: 2 })
    for (let n = 1; n <= 60; n++) await vault.kv.put(path, { n }, { mount })
    store.faults.fail('read', { nth: 10 })
    const { oldestVersion, versions } = await vault.kv.metadata(path)
    expect([oldestVersion, versions.length]).toEqual([59, 2])
  })

  it('is of this life of a path only', async () => {
    const { vault, clock } = await testVault()
    await vault.kv.put(path, { n: 1 }, { mount })
    await vault.kv.put(path, { n: 2 }, { mount })
    await vault.kv.remove(path)
    clock.advance(hour)
    await vault.kv.put(path, { n: 3 }, { mount })
    const metadata = await vault.kv.metadata(path)
    expect(metadata).toMatchObject({ currentVersion: 1, createdAt: new Date(clock.now()) })
    expect(metadata.versions).toHaveLength(1)
  })

  it('has the date that the newest version was given afterwards', async () => {
    const { vault, clock } = await testVault()
    const expiresAt = new Date(clock.now() + hour)
    await vault.kv.put(path, { n: 1 }, { mount })
    await vault.kv.put(path, { n: 2 }, { mount })
    await vault.annotate(path, { expiresAt: new Date(clock.now() + 7 * hour) })
    await vault.annotate(path, { expiresAt })
    await vault.kv.put(path, { n: 3 }, { mount })
    const { versions } = await vault.kv.metadata(path)
    expect(versions.map(({ deletedAt }) => deletedAt)).toEqual([undefined, expiresAt, undefined])
    clock.advance(hour)
    const later = await vault.kv.metadata(path)
    expect(later.versions.map(({ state }) => state)).toEqual(['live', 'deleted', 'live'])
  })

  it('is on record where looks are', async () => {
    const { vault } = await testVault({ [path]: { a: 1 } }, { inspections: true })
    const types = await appendedBy(vault, async () => {
      await vault.kv.metadata(path)
      await vault.kv.children('')
      await vault.kv.settings(mount)
      await vault.kv.metadata('none').catch(() => undefined)
    })
    expect(types).toEqual([...Array(3).fill('secret.inspected'), 'secret.denied', 'audit.read'])
  })
})
