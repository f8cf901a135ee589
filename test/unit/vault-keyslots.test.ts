import { describe, expect, it } from 'vitest'
import type { StoredCommit } from '../../src/index.ts'
import { memoryStore, recoveryKey, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

async function withStore() {
  const store = memoryStore()
  return testVault({ a: 'x' }, { store })
}

const actor = 'test'

describe('keyslots', () => {
  it('can be several, each of which opens the vault', async () => {
    const { vault, store, clock } = await withStore()
    const { text } = await vault.keyslots.addRecovery({ label: 'safe' })
    const second = recoveryKey()
    await vault.keyslots.add(second.credential)
    expect(vault.keyslots.list().map(({ kind, label, current }) => [kind, label, current])).toEqual(
      [
        ['none', 'none', true],
        ['recovery', 'safe', false],
        ['recovery', 'recovery', false],
      ],
    )
    await vault.close()
    // A keyslot that protects nothing keeps every real credential out: it is removed first.
    const cheap = await Vault.open({ store, unlock: noKdf, actor, clock })
    const [none] = cheap.keyslots.list()
    await cheap.keyslots.remove(none?.id ?? '')
    await cheap.close()
    for (const unlock of [recoveryKey.parse(text.toLowerCase()), second.credential]) {
      const opened = await Vault.open({ store, unlock, actor, clock })
      expect((await opened.read('a')).text()).toBe('x')
      await opened.close()
    }
  })

  it('are changed without touching the data, and every change is an event', async () => {
    const { vault, store, clock } = await withStore()
    const key = recoveryKey()
    const added = await vault.keyslots.add(key.credential, { label: 'first', reason: 'ticket 7' })
    const other = recoveryKey()
    const replaced = await vault.keyslots.replace(added.id, other.credential)
    expect(replaced).toMatchObject({ label: 'first', kind: 'recovery' })
    const [none] = vault.keyslots.list().filter(({ kind }) => kind === 'none')
    await vault.keyslots.remove(none?.id ?? '')
    const events = await eventsOf(vault, { type: ['keyslot.added', 'keyslot.removed'] })
    expect(events.map(({ type, data }) => [type, 'label' in data && data.label])).toEqual([
      ['keyslot.added', 'first'],
      ['keyslot.added', 'first'],
      ['keyslot.removed', 'first'],
      ['keyslot.removed', 'none'],
    ])
    expect(events[0]?.context.reason).toBe('ticket 7')
    await vault.close()
    await expect(Vault.open({ store, unlock: key.credential, actor, clock })).rejects.toMatchObject(
      {
        code: 'WRONG_KEY',
      },
    )
    const opened = await Vault.open({ store, unlock: other.credential, actor, clock })
    expect((await opened.read('a')).text()).toBe('x')
    const [failed] = await eventsOf(opened, { type: 'auth.failed' })
    expect(failed).toMatchObject({ data: { method: 'keyslot', count: 1, triedAt: clock.now() } })
    expect((await opened.health()).failedUnlocks).toBe(1)
  })

  it('cannot be taken away to the last, nor be more than sixteen', async () => {
    const { vault } = await withStore()
    const [only] = vault.keyslots.list()
    await expect(vault.keyslots.remove(only?.id ?? '')).rejects.toMatchObject({
      code: 'INVALID',
      message: 'this is the last keyslot that opens the vault: add another first',
    })
    await expect(vault.keyslots.remove('x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await Promise.all(Array.from({ length: 15 }, () => vault.keyslots.addRecovery()))
    await expect(vault.keyslots.addRecovery()).rejects.toMatchObject({
      code: 'TOO_LARGE',
      expected: 16,
    })
    expect(vault.keyslots.list()).toHaveLength(16)
  })

  it('count failed unlocks without growing at the will of whoever guesses', async () => {
    const { vault, store, clock } = await withStore()
    const key = recoveryKey()
    await vault.keyslots.add(key.credential)
    const [none] = vault.keyslots.list()
    await vault.keyslots.remove(none?.id ?? '')
    await vault.close()
    for (let i = 0; i < 70; i++) {
      const wrong = recoveryKey().credential
      await expect(Vault.open({ store, unlock: wrong, actor, clock })).rejects.toMatchObject({
        code: 'WRONG_KEY',
      })
    }
    const opened = await Vault.open({ store, unlock: key.credential, actor, clock })
    const failed = await eventsOf(opened, { type: 'auth.failed' })
    expect(failed).toHaveLength(64)
    expect((await opened.health()).failedUnlocks).toBe(70)
    await opened.reopen()
    expect(await eventsOf(opened, { type: 'auth.failed' })).toHaveLength(64)
  })
})

it('a log of before a keyslot change does not go with the keyring of after it', async () => {
  const { vault, store, clock } = await withStore()
  await vault.close()
  const older = await store.open()
  const commits: StoredCommit[] = []
  for await (const batch of older.read({ from: 0 })) commits.push(...batch)
  await older.close()

  const changed = await Vault.open({ store, unlock: noKdf, actor, clock })
  await changed.keyslots.addRecovery()
  await changed.close()
  const newer = await store.open()
  const keyring = await newer.files.read('keyring')
  await newer.close()

  const rolledBack = memoryStore()
  const target = await rolledBack.create()
  await target.files.replace('keyring', keyring ?? new Uint8Array())
  for (const commit of commits) await target.commit(commit)
  await target.close()
  await expect(
    Vault.open({ store: rolledBack, unlock: noKdf, actor, clock }),
  ).rejects.toMatchObject({
    code: 'INTEGRITY',
    message: expect.stringMatching(/the log is an older one/),
  })
})
