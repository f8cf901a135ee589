import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/index.ts'
import { faultStore, type TestVault as Made, testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

const path = 'prod/db/password'

describe('a watch', () => {
  it('gives the current value, then each newest, every delivery audited', async () => {
    const { vault } = await testVault({ [path]: 'one' })
    const watching = vault.watch(path)
    expect((await watching.next()).value?.text()).toBe('one')
    const next = watching.next()
    await vault.rotate(path, 'two')
    expect((await next).value?.text()).toBe('two')
    await watching.return()
    const deliveries = await eventsOf(vault, { type: 'secret.accessed' })
    expect(deliveries.map(({ data }) => data)).toEqual([
      { operation: 'watch', version: 1 },
      { operation: 'watch', version: 2 },
    ])
  })

  it('passes over what was replaced before anyone asked', async () => {
    const { vault } = await testVault({ [path]: 'one' })
    const watching = vault.watch(path)
    await watching.next()
    for (const value of ['two', 'three', 'four']) await vault.rotate(path, value)
    expect((await watching.next()).value?.version).toBe(4)
  })

  it('gives the value of a secret that was purged and written again meanwhile', async () => {
    const { vault } = await testVault({ [path]: 'one' })
    const watching = vault.watch(path)
    await watching.next()
    await vault.purge(path)
    await vault.write(path, 'new')
    const next = (await watching.next()).value
    expect([next?.version, next?.text()]).toEqual([1, 'new'])
  })

  it('ends with what a failing read says, and does not try again at once', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({ [path]: 'one' }, { store })
    const { size } = await vault.health()
    store.faults.fail('keys.get')
    await expect(vault.watch(path).next()).rejects.toMatchObject({ code: 'FAILED' })
    expect((await vault.health()).size).toBe(size + 1)
  })

  it('does not wake for other secrets or for metadata', async () => {
    const { vault } = await testVault({ [path]: 'one', other: 'x' })
    const watching = vault.watch(path)
    await watching.next()
    const next = watching.next()
    await vault.write('other', 'y')
    await vault.annotate(path, { owner: 'team' })
    await vault.rotate(path, 'two')
    expect((await next).value?.version).toBe(2)
    expect(await eventsOf(vault, { type: 'secret.accessed' })).toHaveLength(2)
  })

  it.each([
    ['DELETED', (v: Made) => v.vault.delete(path)],
    ['DESTROYED', (v: Made) => v.vault.destroy(path, { versions: [1] })],
    ['NOT_FOUND', (v: Made) => v.vault.purge(path)],
  ] as const)('ends with %s, recorded', async (code, end) => {
    const made = await testVault({ [path]: 'one' })
    const watching = made.vault.watch(path)
    await watching.next()
    const next = watching.next()
    await end(made)
    await expect(next).rejects.toMatchObject({ code })
    const [denied] = await eventsOf(made.vault, { outcome: 'denied' })
    expect(denied).toMatchObject({ type: 'secret.denied', data: { operation: 'watch' } })
  })

  it('ends with EXPIRED when its time comes, though nothing is appended', async () => {
    const { vault, clock } = await testVault()
    await vault.write(path, 'one', { expiresAt: new Date(clock.now() + 20) })
    const watching = vault.watch(path)
    await watching.next()
    const next = watching.next()
    clock.advance(30)
    await expect(next).rejects.toMatchObject({ code: 'EXPIRED' })
  })

  it('goes on across a failure and a reopen without missing the newest', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({ [path]: 'one' }, { store })
    const watching = vault.watch(path)
    await watching.next()
    const next = watching.next()
    store.faults.fail('commit', { when: 'after' })
    await expect(vault.rotate(path, 'two')).rejects.toMatchObject({ code: 'UNCERTAIN' })
    await vault.reopen()
    expect((await next).value?.text()).toBe('two')
  })

  it('ends with ABORTED and with CLOSED', async () => {
    const { vault } = await testVault({ [path]: 'one' })
    const abort = new AbortController()
    const aborted = vault.watch(path, { signal: abort.signal })
    const closed = vault.watch(path)
    await Promise.all([aborted.next(), closed.next()])
    const ends = Promise.allSettled([aborted.next(), closed.next()])
    abort.abort()
    await vault.close()
    expect(await ends).toMatchObject([
      { status: 'rejected', reason: { code: 'ABORTED' } },
      { status: 'rejected', reason: { code: 'CLOSED' } },
    ])
  })
})
