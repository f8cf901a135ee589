import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  levelStore,
  memoryStore,
  passphrase,
  recoveryKey,
  rotations,
  Vault,
} from '../../src/index.ts'
import { parseKeyring } from '../../src/keys/keyring.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { parseNote } from '../../src/proofs/note.ts'
import { parseVkey } from '../../src/proofs/vkey.ts'
import type { KeyRow, Store, StoreOpener } from '../../src/store/port.ts'
import { testVault } from '../../src/testing.ts'
import { readKept } from '../../src/vault/checkpoint-files.ts'
import { checkStore, checkVault } from '../fixtures/check-vault.ts'
import { eventsOf } from '../fixtures/events.ts'
import { readVault } from '../fixtures/format-reader.ts'

const actor = 'test'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-keys-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function withStore<T>(opener: StoreOpener, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await opener.open()
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function rowsOf(store: Store): Promise<KeyRow[]> {
  const rows: KeyRow[] = []
  for await (const row of store.keys.entries()) rows.push(row)
  return rows
}

/** What is known of the keys of one purpose, oldest first. */
const known = (vault: Vault, purpose: string) =>
  vault.keys.list().filter((key) => key.purpose === purpose)

const states = (vault: Vault, purpose: string) =>
  known(vault, purpose).map(({ epoch, state }) => `${epoch} ${state}`)

describe('the keys of a vault', () => {
  it('are told by purpose, age and state, and none is shown', async () => {
    const { vault } = await testVault()
    const [signing] = known(vault, 'signing')
    expect(vault.keys.list().map(({ purpose, epoch, state }) => [purpose, epoch, state])).toEqual([
      ['log', 1, 'current'],
      ['blinding', 1, 'current'],
      ['append', 1, 'current'],
      ['wrapping', 1, 'current'],
      ['signing', 1, 'current'],
      ['auditors', 1, 'current'],
    ])
    expect(signing?.publicKey).toBe(vault.identity().verifier)
    const texts = JSON.stringify(vault.keys.list())
    expect(Object.keys(JSON.parse(texts)[0])).toEqual([
      'purpose',
      'epoch',
      'createdAt',
      'state',
      'from',
    ])
  })

  it('replaced in every way, time and again, leave everything as it was and as it is said', async () => {
    const store = memoryStore()
    const { vault, clock } = await testVault({ a: 'of a', b: 'of b', gone: 'x' }, { store })
    await vault.destroy('gone', { versions: [1] })
    for (let round = 1; round <= 2; round++) {
      clock.advance(1000)
      await vault.keys.rotate({ reason: 'yearly' })
      await vault.rotate('a', `of a, round ${round}`, { trigger: 'schedule' })
      await vault.keys.rotateSigning()
      await vault.keys.shred()
      await vault.keys.rotateRoot({ keep: [noKdf] })
      expect((await vault.read('b')).text()).toBe('of b')
      await vault.reopen()
      expect((await vault.read('a')).text()).toBe(`of a, round ${round}`)
    }
    await expect(vault.read('gone')).rejects.toMatchObject({ code: 'DESTROYED' })
    expect((await vault.read('a', { version: 1 })).text()).toBe('of a')
    expect((await vault.history('a')).map(({ version }) => version)).toEqual([3, 2, 1])
    expect(states(vault, 'log')).toEqual(
      [1, 2, 3, 4, 5].map((n) => `${n} ${n < 5 ? 'retired' : 'current'}`),
    )
    expect(states(vault, 'wrapping')).toEqual(['5 current'])
    expect(states(vault, 'signing').slice(-2)).toEqual(['4 erased', '5 current'])
    expect(states(vault, 'auditors')).toEqual(['3 current'])
    const [first] = await eventsOf(vault, { type: 'keys.rotated' })
    expect(first).toMatchObject({ context: { reason: 'yearly' }, data: { what: 'log', epoch: 2 } })
    expect(known(vault, 'log')[1]).toMatchObject({
      from: (first?.position ?? 0) + 1,
      createdAt: new Date(clock.now() - 1000),
    })
    const { view } = await vault.project(rotations)
    expect(view.get('a')?.count).toBe(2)
    expect((await vault.replay(rotations)).view).toEqual(view)
    await vault.close()

    const opened = await Vault.open({ store, unlock: noKdf, actor, clock })
    expect((await opened.read('a')).text()).toBe('of a, round 2')
    expect(await eventsOf(opened, { type: ['keys.rotated', 'keys.shredded'] })).toHaveLength(8)
    expect(await opened.verify()).toMatchObject({ ok: true, problems: [] })
    await opened.close()
    const { versions } = await withStore(store, (rest) => checkStore(rest))
    expect(versions).toHaveLength(5)
  })

  it('of every epoch are read as the format says', async () => {
    const path = join(folder, 'format')
    const vault = await Vault.create({ path, unlock: noKdf, actor })
    await vault.write('a', 'of the first')
    await vault.keys.rotate()
    await vault.write('b', 'of the second')
    await vault.keys.rotateRoot({ keep: [noKdf] })
    await vault.write('c', 'of the third')
    await vault.close()
    await checkVault(path)
    const { values } = await readVault(path, { passphrase: 'of no use here' })
    expect([...values].map(([name, { bytes }]) => [name, bytes.toString()])).toEqual([
      ['a@1', 'of the first'],
      ['b@1', 'of the second'],
      ['c@1', 'of the third'],
    ])
  })

  it('stay as they are for a caller that went away before its turn', async () => {
    const { vault } = await testVault()
    const signal = AbortSignal.abort()
    await expect(vault.keys.rotate({ signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(states(vault, 'log')).toEqual(['1 current'])
    expect((await vault.keys.rotate()).epoch).toBe(2)
  })
})

describe('a log epoch', () => {
  it('begins behind its event, whoever appends at the same time', async () => {
    const store = memoryStore()
    const { vault } = await testVault({ a: 'x' }, { store })
    const work = Array.from({ length: 200 }, async (_, n) => {
      if (n % 40 === 20) await vault.keys.rotate()
      else if (n % 2) await vault.write(`many/${n}`, `value ${n}`)
      else await vault.read('a')
    })
    await Promise.all(work)
    const rotated = await eventsOf(vault, { type: 'keys.rotated' })
    expect(known(vault, 'log').map(({ from }) => from)).toEqual([
      0,
      ...rotated.map(({ position }) => position + 1),
    ])
    expect(rotated).toHaveLength(5)
    await vault.close()
    await withStore(store, (rest) => checkStore(rest))
  })

  it('costs the next opening no replay', async () => {
    const store = memoryStore()
    const { vault, clock } = await testVault({ a: 'x' }, { store })
    await vault.keys.rotate()
    await vault.close()
    const opened = await Vault.open({ store, unlock: noKdf, actor, clock })
    expect((await opened.health()).keptTo).toBeGreaterThan(4)
    await opened.close()
  })
})

describe('a signing key', () => {
  it('is replaced by one that the old one vouches for in a kept checkpoint', async () => {
    const store = memoryStore()
    const { vault } = await testVault({ a: 'x' }, { store })
    const before = parseVkey(vault.identity().verifier)
    const { position, verifier } = await vault.keys.rotateSigning()
    expect(vault.identity().verifier).toBe(verifier)
    await vault.write('a', 'y')
    await vault.close()
    const signers = await withStore(store, async ({ files }) => {
      const found: [string, string[]][] = []
      for await (const bytes of readKept(files)) {
        const { text, signatures } = parseNote(bytes)
        found.push([text.split('\n')[1] ?? '', signatures.map(({ keyId }) => keyId)])
      }
      return found
    })
    const after = parseVkey(verifier)
    expect(signers[0]).toEqual([String(position + 1), [before.keyId, after.keyId]])
    expect(signers.slice(1).map(([, keyIds]) => keyIds)).toEqual([[after.keyId]])
  })
})

describe('a shred', () => {
  it('leaves no way back to what was destroyed: not by older rows, not with an older keyring', async () => {
    const path = join(folder, 'shredded')
    const vault = await Vault.create({ path, unlock: noKdf, actor })
    await vault.write('kept', 'x')
    await vault.write('gone', 'y')
    await vault.close()
    const older = await readFile(join(path, 'keyring'))
    const { values } = parseKeyring(older)
    const rows = await withStore(levelStore(path), rowsOf)

    const opened = await Vault.open({ path, unlock: noKdf, actor })
    await opened.destroy('gone', { versions: [1] })
    expect(await opened.keys.shred()).toMatchObject({ epoch: 2, keys: 1 })
    expect((await opened.read('kept')).text()).toBe('x')
    await opened.close()
    await checkVault(path)
    for (const bytes of await allFiles(path)) expect(bytes.includes(values.sealed)).toBe(false)

    await withStore(levelStore(path), async (store) => {
      await store.commit({ first: await store.head(), keys: { put: rows } })
    })
    const tampered = await Vault.open({ path, unlock: noKdf, actor })
    await expect(tampered.read('gone')).rejects.toMatchObject({ code: 'DESTROYED' })
    await expect(tampered.read('kept')).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/wrapping key 1, which the keyring does not hold$/),
    })
    // Rows that nobody opens are no hindrance.
    expect(await tampered.keys.shred()).toMatchObject({ epoch: 3, keys: 0 })
    await tampered.close()
    await withStore(levelStore(path), ({ files }) => files.replace('keyring', older))
    await expect(Vault.open({ path, unlock: noKdf, actor })).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/it is an older file$/),
    })
  })

  it('stops where the caller wants it, and goes on with the next one or the next opening', async () => {
    const store = memoryStore()
    const { vault, clock } = await testVault({}, { store })
    for (let n = 0; n < 300; n++) await vault.write(`many/${n}`, `value ${n}`)
    const told: number[] = []
    const stopped = async () => {
      const abort = new AbortController()
      await vault.keys.shred({
        signal: abort.signal,
        onProgress: ({ keys, of }) => {
          told.push(keys, of)
          abort.abort()
        },
      })
    }
    await expect(stopped()).rejects.toMatchObject({ code: 'ABORTED' })
    expect(told).toEqual([256, 300])
    expect(states(vault, 'wrapping')).toEqual(['1 retired', '2 current'])
    expect((await vault.read('many/0')).text()).toBe('value 0')
    expect((await vault.read('many/299')).text()).toBe('value 299')
    await vault.destroy('many/299', { versions: [1] })
    expect(await vault.keys.shred()).toMatchObject({ epoch: 2, keys: 299 })
    expect(states(vault, 'wrapping')).toEqual(['2 current'])

    await expect(stopped()).rejects.toMatchObject({ code: 'ABORTED' })
    await vault.close()
    const opened = await Vault.open({ store, unlock: noKdf, actor, clock })
    expect(states(opened, 'wrapping')).toEqual(['3 current'])
    expect(await eventsOf(opened, { type: 'keys.shredded' })).toHaveLength(2)
    await opened.close()
    await withStore(store, (rest) => checkStore(rest))
  })

  it('is finished before another change of keys', async () => {
    const { vault, store } = await testVault({ a: 'x' })
    const abort = new AbortController()
    const onProgress = () => abort.abort()
    const shredding = vault.keys.shred({ signal: abort.signal, onProgress })
    await expect(shredding).rejects.toMatchObject({ code: 'ABORTED' })
    await vault.keyslots.addRecovery()
    expect(states(vault, 'wrapping')).toEqual(['2 current'])
    const changes = await eventsOf(vault, { type: ['keys.shredded', 'keyslot.added'] })
    expect(changes.map(({ type }) => type)).toEqual(['keys.shredded', 'keyslot.added'])
    await vault.close()
    await withStore(store, (rest) => checkStore(rest))
  })

  it('is refused over a key row that does not open, which it would lose', async () => {
    const { vault, store, clock } = await testVault({ a: 'x' })
    await vault.close()
    await withStore(store, async (opened) => {
      const put = await rowsOf(opened)
      for (const { bytes } of put) bytes.fill(7, 40)
      await opened.commit({ first: await opened.head(), keys: { put } })
    })
    const opened = await Vault.open({ store, unlock: noKdf, actor, clock })
    await expect(opened.keys.shred()).rejects.toMatchObject({ code: 'INTEGRITY' })
    const rotating = opened.keys.rotateRoot({ keep: [noKdf] })
    await expect(rotating).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(states(opened, 'wrapping')).toEqual(['1 current'])
    await opened.close()
  })
})

describe('a root', () => {
  const words = 'an old passphrase that stays'
  const cheap = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 } as const

  it('is replaced with everything below it, and only what is kept still opens', async () => {
    const dropped = recoveryKey().credential
    const store = memoryStore()
    const vault = await Vault.create({ store, unlock: passphrase(words, cheap), actor })
    const gone = await vault.keyslots.add(dropped, { label: 'dropped' })
    const [stays] = vault.keyslots.list()
    await vault.write('a', 'x')
    await vault.close()
    const [before] = await withStore(store, slotsOf)

    const opened = await Vault.open({ store, unlock: dropped, actor })
    const keep = [passphrase(words)]
    const rotated = await opened.keys.rotateRoot({ keep, reason: 'ana left' })
    expect(rotated).toMatchObject({ epoch: 2, removed: [gone.id] })
    expect(opened.keyslots.list()).toEqual([{ ...stays, current: false }])
    expect(opened.identity().verifier).toBe(rotated.verifier)
    const events = await eventsOf(opened, { type: ['keyslot.removed', 'keys.rotated'] })
    expect(events.map(({ type, context }) => [type, context.reason])).toEqual([
      ['keyslot.removed', 'ana left'],
      ['keys.rotated', 'ana left'],
    ])
    await opened.reopen()
    expect((await opened.read('a')).text()).toBe('x')
    await opened.close()
    const after = await withStore(store, slotsOf)
    expect(after).toHaveLength(1)
    expect(after[0]).toMatchObject({ ...before, kdf: expect.objectContaining(cheap) })
    expect(saltOf(after[0])).not.toEqual(saltOf(before))
    const wrong = Vault.open({ store, unlock: dropped, actor })
    await expect(wrong).rejects.toMatchObject({ code: 'WRONG_KEY' })
    await withStore(store, (rest) => checkStore(rest, passphrase(words)))
  })

  it('stays as it is where what is to be kept would lock somebody out', async () => {
    const [first, second] = [recoveryKey().credential, recoveryKey().credential]
    const store = memoryStore()
    const vault = await Vault.create({ store, unlock: first, actor })
    await vault.keyslots.add(second, { role: 'auditor' })
    const wrong = recoveryKey().credential
    const before = vault.keys.list()
    for (const keep of [[], [wrong], [second]]) {
      await expect(vault.keys.rotateRoot({ keep })).rejects.toMatchObject({
        code: 'INVALID',
        message: 'none of the credentials to keep opens a keyslot of an owner',
      })
    }
    await expect(vault.keys.rotateRoot({ keep: [first, wrong] })).rejects.toMatchObject({
      code: 'WRONG_KEY',
      message: 'credential 2 of 2 opens no keyslot',
    })
    expect(vault.keys.list()).toEqual(before)
    expect(vault.keyslots.list()).toHaveLength(2)
    await vault.close()
  })
})

describe('a keyslot of an auditor', () => {
  it('opens the history in a backup, follows the root where it is kept, and never opens the vault', async () => {
    const [owner, auditor] = [recoveryKey().credential, recoveryKey().credential]
    const path = join(folder, 'audited')
    const vault = await Vault.create({ path, unlock: owner, actor })
    await vault.write('a', 'x')
    const slot = await vault.keyslots.add(auditor, { role: 'auditor', label: 'audit' })
    expect(slot).toMatchObject({ role: 'auditor', label: 'audit' })
    const replaced = await vault.keyslots.replace(slot.id, auditor)
    expect(replaced).toMatchObject({ role: 'auditor', label: 'audit' })
    const opensOf = async (name: string) => {
      await vault.backup(join(folder, name))
      const backup = await Vault.openBackup({ from: join(folder, name), unlock: auditor })
      expect(await backup.list()).toMatchObject({ items: [{ path: 'a' }] })
      await expect(backup.read('a')).rejects.toMatchObject({ code: 'AUDITOR_ONLY' })
      await backup.close()
    }
    await opensOf('first.muna')
    await vault.keys.rotate()
    await vault.keys.rotateRoot({ keep: [owner, auditor] })
    await opensOf('second.muna')
    const { removed } = await vault.keys.rotateRoot({ keep: [owner] })
    expect(removed).toEqual([replaced.id])
    await expect(opensOf('third.muna')).rejects.toMatchObject({ code: 'WRONG_KEY' })
    await vault.keyslots.add(auditor, { role: 'auditor' })
    await opensOf('fourth.muna')
    await vault.close()
    const opening = Vault.open({ path, unlock: auditor, actor })
    await expect(opening).rejects.toMatchObject({ code: 'AUDITOR_ONLY' })
    await checkVault(path, owner)
  })

  it('does not count as a way in for owners', async () => {
    const { vault } = await testVault()
    await vault.keyslots.addRecovery({ role: 'auditor' })
    const [only] = vault.keyslots.list()
    await expect(vault.keyslots.remove(only?.id ?? '')).rejects.toMatchObject({ code: 'INVALID' })
    const guest = vault.keyslots.add(noKdf, { role: 'guest' as 'owner' })
    await expect(guest).rejects.toMatchObject({
      code: 'INVALID',
      message: 'the role of a keyslot must be owner or auditor',
    })
  })
})

async function slotsOf({ files }: Store) {
  const { slots } = parseKeyring((await files.read('keyring')) ?? Buffer.alloc(0))
  return slots.map(({ id, role, label, createdAt, kdf }) => ({ id, role, label, createdAt, kdf }))
}

function saltOf(slot: Awaited<ReturnType<typeof slotsOf>>[number] | undefined) {
  return slot !== undefined && 'salt' in slot.kdf ? slot.kdf.salt : undefined
}

async function allFiles(path: string): Promise<Buffer[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const names = entries.filter((entry) => entry.isFile())
  return Promise.all(names.map(({ parentPath, name }) => readFile(join(parentPath, name))))
}
