import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { memoryStore, versions } from '../../src/index.ts'
import { faultStore, testVault } from '../../src/testing.ts'
import type { TransferEntry } from '../../src/transfer/entry.ts'
import type { Export } from '../../src/vault/export.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

async function entriesOf({ entries }: Export): Promise<TransferEntry[]> {
  const all: TransferEntry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

/** What an export hands out, each value beside its path. */
async function valuesOf(exported: Export): Promise<Record<string, unknown[]>> {
  const entries = await entriesOf(exported)
  return Object.fromEntries(
    entries.map(({ path, versions }) => [path, versions.map(({ value }) => value)]),
  )
}

describe('an export', () => {
  it('is every live version below a prefix, by path, with what is known of it', async () => {
    const { vault, clock } = await testVault()
    const expiresAt = clock.now() + 1000
    const meta = {
      type: 'api_key',
      description: 'what for',
      owner: 'team/pay',
      tags: { team: 'pay' },
      rotateEvery: 1000,
      maxVersions: 5,
      casRequired: true,
    } as const
    await vault.write('prod/b', 'text', { ...meta, expiresAt: new Date(expiresAt), ifVersion: 0 })
    await vault.rotate('prod/b', { user: 'app' }, { expiresAt: null, ifVersion: 1 })
    await vault.write('prod/a', Buffer.from([0, 255]), { notBefore: new Date(expiresAt) })
    await vault.write('test/a', 'x')
    clock.advance(2000)
    const exported = await vault.export('prod/', { reason: 'move', actor: 'user/ana' })
    const [event] = await eventsOf(vault, { type: 'export.created' })
    expect(event).toMatchObject({
      position: exported.position,
      subject: 'prod',
      actor: 'user/ana',
      context: { reason: 'move' },
      data: { prefix: 'prod/', secrets: 2, versions: 3 },
    })
    expect(exported).toMatchObject({ secrets: 2, versions: 3 })
    expect(exported.vaultId).toMatch(/^[0-9a-f]{32}$/)
    expect(await entriesOf(exported)).toEqual([
      {
        path: 'prod/a',
        meta: { type: 'generic' },
        versions: [{ value: Buffer.from([0, 255]), notBefore: expiresAt }],
      },
      {
        path: 'prod/b',
        meta,
        versions: [{ value: 'text', expiresAt }, { value: { user: 'app' } }],
      },
    ])
    await vault.close()
  })

  it('leaves out what is deleted or destroyed, and a secret of which nothing is left', async () => {
    const { vault } = await testVault({ a: '1', b: '1', c: '1', d: '1' })
    for (const path of ['a', 'b', 'c', 'd']) {
      await vault.rotate(path, '2')
      await vault.rotate(path, '3')
    }
    await vault.delete('a', { versions: [1] })
    await vault.destroy('b', { versions: [2, 3] })
    await vault.delete('c', { versions: [1, 2, 3] })
    await vault.destroy('d', { versions: [1, 2] })
    await vault.purge('d')
    const exported = await vault.export()
    expect(exported).toMatchObject({ secrets: 2, versions: 3 })
    expect(await valuesOf(exported)).toEqual({ a: ['2', '3'], b: ['1'] })
  })

  it('is the state at its event: what comes later is not in it', async () => {
    const { vault } = await testVault({ a: '1', b: '1', c: '1' })
    const exported = await vault.export()
    await vault.rotate('a', '2')
    await vault.delete('b')
    await vault.write('d', '1')
    await vault.annotate('c', { type: 'api_key' })
    const entries = await entriesOf(exported)
    expect(entries).toEqual(
      ['a', 'b', 'c'].map((path) => ({
        path,
        meta: { type: 'generic' },
        versions: [{ value: '1' }],
      })),
    )
  })

  it('leaves out what is destroyed before its turn, other secrets of its path too', async () => {
    const { vault } = await testVault({ a: '1', b: '1', c: '1', d: '1', e: '1' })
    for (const path of ['b', 'c']) await vault.rotate(path, '2')
    const exported = await vault.export()
    const first = await exported.entries.next()
    expect(first.value).toMatchObject({ path: 'a' })
    await vault.destroy('b', { versions: [1] })
    await vault.purge('c')
    await vault.write('c', 'another')
    await vault.purge('d')
    expect(await valuesOf(exported)).toEqual({ b: ['2'], e: ['1'] })
  })

  it('has in it what landed between its first look and its event', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({ a: '1', b: '1', c: '1' }, { store })
    await vault.rotate('c', '2')
    let exporting: Promise<Export> | undefined
    store.faults.onStep = (step) => {
      if (step === 'commit') exporting ??= vault.export()
    }
    await Promise.all([
      vault.rotate('a', '2'),
      vault.delete('b'),
      vault.destroy('c', { versions: [1] }),
      vault.write('d', '1'),
    ])
    const exported = await exporting
    if (exported === undefined) throw new Error('no commit came')
    expect(exported).toMatchObject({ secrets: 3, versions: 4 })
    expect(await valuesOf(exported)).toEqual({ a: ['1', '2'], c: ['2'], d: ['1'] })
  })

  it('is true at its position while others write, and so many histories take one pass', async () => {
    const paths = Array.from({ length: 260 }, (_, i) => `s/${i}`)
    const { vault } = await testVault()
    for (const value of ['1', '2']) await Promise.all(paths.map((path) => vault.write(path, value)))
    let stop = false
    const writing = (async () => {
      for (let i = 0; !stop; i++) {
        await vault.rotate(`s/${i % 260}`, `later ${i}`)
        await vault.destroy(`s/${(i + 130) % 260}`, { versions: [1] })
      }
    })()
    const before = (await vault.health()).size
    const exported = await vault.export('s/')
    stop = true
    await writing
    expect(exported.position).toBeGreaterThan(before)
    const at = { position: exported.position }
    const { view } = await vault.replay(versions, { at })
    const live = [...view.values()].flat().filter(({ state }) => state === 'live')
    expect(exported).toMatchObject({ secrets: 260, versions: live.length })
    const values = await valuesOf(exported)
    const then = await vault.asOf(at)
    for (const path of paths.slice(0, 10)) {
      expect(values[path]?.at(-1)).toBe((await then.read(path)).text())
    }
    await vault.close()
  })

  it('hands out nothing before its event is on disk', async () => {
    const { vault } = await testVault({ a: '1' })
    const types = await appendedBy(vault, () => vault.export('', { signal: AbortSignal.abort() }))
    expect(types).toEqual([])
    await expect(vault.export('', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    await expect(vault.export('a//')).rejects.toMatchObject({ code: 'INVALID' })
    expect(await appendedBy(vault, () => vault.export('none/'))).toEqual(['export.created'])
  })

  it('stops where its caller aborts, or the vault is closed; a reopen it survives', async () => {
    const { vault } = await testVault({ a: '1', b: '1', c: '1' }, { store: memoryStore() })
    const stop = new AbortController()
    const aborted = await vault.export('', { signal: stop.signal })
    await aborted.entries.next()
    stop.abort()
    await expect(aborted.entries.next()).rejects.toMatchObject({ code: 'ABORTED' })
    const exported = await vault.export()
    await exported.entries.next()
    await vault.reopen()
    expect((await exported.entries.next()).value).toMatchObject({ versions: [{ value: '1' }] })
    await vault.close()
    await expect(exported.entries.next()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it.each(['before', 'after'] as const)(
    'leaves out what is destroyed while it is opened, %s its key was found',
    async (when) => {
      const store = faultStore(memoryStore())
      const { vault } = await testVault({ a: '1', b: '1' }, { store })
      await vault.rotate('a', '2')
      const exported = await vault.export()
      const release = store.faults.hang('keys.get', { when })
      const values = valuesOf(exported)
      await vault.destroy('a', { versions: [1] })
      release()
      expect(await values).toEqual({ a: ['2'], b: ['1'] })
    },
  )

  it('leaves out what is destroyed on disk and not yet known to be', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({ a: '1', b: '1' }, { store })
    const exported = await vault.export()
    const release = store.faults.hang('commit', { when: 'after' })
    const storing = new Promise<void>((resolve) => {
      store.faults.onStep = (step) => {
        if (step === 'commit') resolve()
      }
    })
    const destroying = vault.destroy('a', { versions: [1] })
    await storing
    await turns(5)
    const values = valuesOf(exported)
    const ended = values.then(
      () => 'ended',
      () => 'ended',
    )
    // Until the commit is answered for, nothing can be said of the missing key.
    expect(await Promise.race([ended, turns(50)])).toBe('waiting')
    release()
    await destroying
    expect(await values).toEqual({ b: ['1'] })
  })

  it('lets others go first every few values', async () => {
    const secrets = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`s/${i}`, 'x']))
    const { vault } = await testVault(secrets)
    expect(await turnsDuring(async () => entriesOf(await vault.export()))).toBeGreaterThan(4)
  })
})

async function turns(count: number): Promise<string> {
  for (let i = 0; i < count; i++) await turn()
  return 'waiting'
}

/** How often other work of the process got its turn meanwhile. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let ended = false
  const count = () => {
    turns++
    if (!ended) setImmediate(count)
  }
  setImmediate(count)
  await work()
  ended = true
  return turns
}
