import { describe, expect, it } from 'vitest'
import { randomKey } from '../../src/crypto/random.ts'
import { memoryStore, passphrase, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { slotsChange } from '../../src/vault/keyring-change.ts'
import { eventsOf } from '../fixtures/events.ts'

const actor = 'host'
const host = passphrase('host-secret', { kdf: 'pbkdf2' })
const leaver = passphrase('leaver-secret', { kdf: 'pbkdf2' })

/** A vault, and two scopes that may change its keys. */
async function handles(unlock = noKdf) {
  const store = memoryStore()
  const vault = await Vault.create({ store, unlock, actor, timeout: 30_000 })
  await vault.write('a', 'x')
  await vault.policies.write('k', {
    rules: [{ effect: 'allow', capabilities: ['keys'], paths: ['**'] }],
  })
  await vault.roles.write('k', { policies: ['k'] })
  const eve = vault.as({ actor: 'user/eve', roles: ['k'] })
  const bob = vault.as({ actor: 'user/bob', roles: ['k'] })
  return { store, vault, eve, bob }
}

const labels = (vault: Vault) => vault.keyslots.list().map(({ label }) => label)

describe('changes of keys from several handles at once', () => {
  it('bring back no keyslot that was removed', async () => {
    const { store, vault, eve } = await handles(host)
    const gone = await vault.keyslots.add(leaver, { label: 'leaver' })
    const other = await vault.keyslots.add(host, { label: 'other' })
    await Promise.all([
      vault.keyslots.remove(gone.id),
      eve.keyslots.remove(other.id),
      eve.keyslots.add(host, { label: 'mine' }),
    ])
    expect(labels(vault)).toEqual([expect.any(String), 'mine'])
    const events = await eventsOf(vault, { type: ['keyslot.added', 'keyslot.removed'] })
    const generations = events.map(({ data }) => ('generation' in data ? data.generation : 0))
    expect(generations).toEqual([3, 5, 7, 9, 11])
    expect((await vault.verify()).problems).toEqual([])
    await vault.close()
    await expect(Vault.open({ store, unlock: leaver, actor })).rejects.toMatchObject({
      code: 'WRONG_KEY',
    })
    const opened = await Vault.open({ store, unlock: host, actor })
    expect((await opened.read('a')).text()).toBe('x')
    await opened.close()
  })

  it('leave a vault that opens, and all that it holds', async () => {
    const { store, vault, eve, bob } = await handles()
    const results = await Promise.allSettled([
      bob.keys.rotate(),
      eve.keys.shred(),
      vault.keys.rotate(),
      eve.keyslots.addRecovery(),
      bob.keys.rotateSigning(),
    ])
    expect(results.map(({ status }) => status)).toEqual(Array(5).fill('fulfilled'))
    expect((await vault.read('a')).text()).toBe('x')
    expect((await vault.verify()).problems).toEqual([])
    await vault.close()
    const opened = await Vault.open({ store, unlock: noKdf, actor })
    expect((await opened.read('a')).text()).toBe('x')
    await opened.close()
  })

  it('wait for each other from before they look at what is there', async () => {
    const { vault, eve } = await handles(host)
    const rotated = vault.keys.rotateRoot({ keep: [host] })
    const added = eve.keyslots.add(noKdf, { label: 'later' })
    expect((await rotated).removed).toEqual([])
    await added
    expect(labels(vault).slice(1)).toEqual(['later'])
    expect((await vault.verify()).problems).toEqual([])
    await vault.close()
  })

  it('wait for each other across a reopen', async () => {
    const { vault, eve } = await handles()
    await vault.reopen()
    const added = [
      vault.keyslots.add(noKdf, { label: 'one' }),
      eve.keyslots.add(noKdf, { label: 'two' }),
    ]
    await Promise.all(added)
    expect(labels(vault).slice(1)).toEqual(['one', 'two'])
    await vault.close()
  })
})

describe('a change of keyslots', () => {
  it('is made of those that the keyring has by then', async () => {
    const { vault } = await handles()
    const [slot] = vault.keyslots.list()
    const added = { id: 'later', role: 'owner' }
    const change = slotsChange(
      (slots) => slots.filter(({ id }) => id !== slot?.id),
      () => [],
    )
    const keyring = { slots: [slot, added], values: { A: randomKey() } }
    expect(change.begin(keyring as never).slots).toEqual([slot, added])
    await vault.close()
  })
})
