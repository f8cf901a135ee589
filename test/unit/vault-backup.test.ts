import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AuditEvent,
  accesses,
  type EventType,
  lifecycle,
  memoryStore,
  type Projection,
  recoveryKey,
  rotations,
  type StoreOpener,
  secrets,
  Vault,
  versions,
} from '../../src/index.ts'
import { openKeyring, parseKeyring, sealKeyring } from '../../src/keys/keyring.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { addSlot, openSlots } from '../../src/keys/unlock.ts'
import { archiveBytes } from '../../src/store/archive/write.ts'
import { archiveStore } from '../../src/store/archive.ts'
import { faultStore, type TestVault, testVault } from '../../src/testing.ts'
import { checkStore, checkVault } from '../fixtures/check-vault.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

let folder: string
let places = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-backup-'))
})
afterAll(() => rm(folder, { recursive: true }))

const newPath = () => join(folder, `${places++}`)
const actor = 'user/ana'

/** A vault in which everything has happened to some secret. */
async function lived(): Promise<TestVault> {
  const made = await testVault({ kept: 'first', gone: 'secret', 'prod/db': { user: 'app' } })
  const { vault, clock } = made
  await vault.write('kept', 'second', { tags: { team: 'pay' } })
  clock.advance(5000)
  await vault.rotate('kept', 'third', { trigger: 'schedule', reason: 'quarterly' })
  await vault.destroy('kept', { versions: [1] })
  await vault.delete('kept', { versions: [2] })
  await vault.purge('gone')
  await vault.write('gone', 'another life')
  await vault.read('prod/db', { actor: 'svc/app', reason: 'start-up' })
  await vault.read('absent').catch(() => undefined)
  await vault.keyslots.addRecovery({ label: 'safe' })
  return made
}

const projections: readonly Projection<unknown>[] = [
  secrets,
  versions,
  rotations,
  accesses,
  lifecycle,
] as readonly Projection<unknown>[]

async function statesAt(vault: Vault, position: number): Promise<unknown[]> {
  const states: unknown[] = []
  for (const each of projections) {
    states.push((await vault.replay(each, { at: { position } })).view)
  }
  return states
}

async function restore(from: string, { clock }: Pick<TestVault, 'clock'>, store: StoreOpener) {
  return Vault.restore({ from, store, unlock: noKdf, actor, clock })
}

describe('a backup', () => {
  it('becomes a vault that holds what the other held, and goes on from there', async () => {
    const made = await lived()
    const { vault, clock } = made
    const from = newPath()
    const backup = await vault.backup(from, { reason: 'nightly' })
    await vault.write('later', 'not in the backup')
    const path = newPath()
    const restored = await Vault.restore({ from, path, unlock: noKdf, actor, clock })

    expect((await restored.read('kept')).text()).toBe('third')
    expect((await restored.read('prod/db')).fields()).toEqual({ user: 'app' })
    expect((await restored.read('gone')).text()).toBe('another life')
    await restored.restore('kept', { versions: [2] })
    expect((await restored.read('kept', { version: 2 })).text()).toBe('second')
    await expect(restored.read('kept', { version: 1 })).rejects.toMatchObject({
      code: 'DESTROYED',
    })
    await expect(restored.describe('later')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await restored.history('kept')).toMatchObject([{ state: 'live' }, {}, {}])

    const upTo = (events: readonly { position: number }[]) =>
      events.filter(({ position }) => position <= backup.position)
    expect(upTo(await eventsOf(restored))).toEqual(upTo(await eventsOf(vault)))
    expect(await statesAt(restored, backup.position)).toEqual(
      await statesAt(vault, backup.position),
    )
    expect(restored.keyslots.list().map(({ label }) => label)).toEqual(['none', 'safe'])
    await restored.write('prod/db', 'of the restored')
    await restored.reopen()
    expect((await restored.read('prod/db')).text()).toBe('of the restored')
    await restored.close()
    const { events } = await checkVault(path)
    expect(events.filter(({ type }) => type === 'vault.restored')).toHaveLength(1)
    await vault.close()
  })

  it('is one event, which is its last, and says what stands on the disk', async () => {
    const { vault } = await lived()
    const path = newPath()
    const progress: { position: number; size: number }[] = []
    const { size } = await vault.health()
    let backup: Awaited<ReturnType<Vault['backup']>> | undefined
    const types = await appendedBy(vault, async () => {
      backup = await vault.backup(path, {
        actor,
        reason: 'nightly',
        onProgress: (each) => progress.push(each),
      })
    })
    const bytes = await readFile(path)
    expect(types).toEqual(['backup.created'])
    expect(backup).toEqual({
      path,
      position: size,
      size: size + 1,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
    expect(progress).toEqual([{ position: size + 1, size: size + 1 }])
    const [event] = await eventsOf(vault, { type: 'backup.created' })
    expect(event).toMatchObject({ position: size, actor, context: { reason: 'nightly' } })
    const store = await archiveStore(path).open()
    expect((await checkStore(store)).head).toBe(size + 1)
    expect(await store.files.list()).toEqual(['checkpoint', 'head', 'keyring'])
    await store.close()
    await vault.close()
  })

  it('is the same bytes as a stream, of which nothing happens before it is read', async () => {
    const made = await lived()
    const { vault } = made
    const unread = vault.backupBytes()
    await unread.return()
    const chunks: Uint8Array[] = []
    for await (const chunk of vault.backupBytes({ reason: 'to a bucket' })) chunks.push(chunk)
    expect(await eventsOf(vault, { type: 'backup.created' })).toHaveLength(1)
    const path = newPath()
    await writeFile(path, Buffer.concat(chunks))
    const restored = await restore(path, made, memoryStore())
    expect((await restored.read('kept')).text()).toBe('third')
    for await (const _chunk of vault.backupBytes()) break
    await restored.close()
    await vault.close()
  })

  it('leaves no event and no file where it cannot be made', async () => {
    const { vault } = await testVault({ a: 'x' })
    const taken = newPath()
    await writeFile(taken, 'something else')
    const before = await readdir(folder)
    const calls = [
      [() => vault.backup(taken), 'EXISTS'],
      [() => vault.backup(join(folder, 'absent', 'a')), 'INVALID'],
      [() => vault.backup(''), 'INVALID'],
      [() => vault.backup(newPath(), { signal: AbortSignal.abort() }), 'ABORTED'],
      [() => vault.backup(newPath(), { timeout: 0 }), 'INVALID'],
    ] as const
    for (const [call, code] of calls) {
      expect(await appendedBy(vault, () => expect(call()).rejects.toMatchObject({ code }))).toEqual(
        [],
      )
    }
    expect(await readdir(folder)).toEqual(before)
    expect(await readFile(taken, 'utf8')).toBe('something else')
    await vault.close()
    await expect(vault.backup(newPath())).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('is let go of in its middle, and leaves no file', async () => {
    const { vault } = await testVault({ a: 'x' })
    await Promise.all(Array.from({ length: 4500 }, () => vault.read('a')))
    const before = await readdir(folder)
    const controller = new AbortController()
    const aborted = vault.backup(newPath(), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    await expect(aborted).rejects.toMatchObject({
      code: 'ABORTED',
      message: 'the caller aborted the backup',
    })
    expect(await readdir(folder)).toEqual(before)
    // The log says that one was begun; it is the vault's to tell, and nobody has the bytes.
    expect(await eventsOf(vault, { type: 'backup.created' })).toHaveLength(1)
    await vault.close()
  })
})

describe('a restored vault', () => {
  it('is another incarnation each time, and names the one that it came from', async () => {
    const made = await lived()
    const { vault } = made
    const from = newPath()
    await vault.backup(from)
    const stores = [memoryStore(), memoryStore()]
    const lives = [vault.identity().origin]
    const { position } = await newest(vault, 'backup.created')
    for (const store of stores) {
      const restored = await restore(from, made, store)
      lives.push(restored.identity().origin)
      expect(await newest(restored, 'vault.restored')).toMatchObject({
        position: position + 1,
        actor,
        data: { origin: lives[0], size: position + 1 },
      })
      await restored.close()
    }
    expect(new Set(lives).size).toBe(3)

    // A restored vault's own backup names the restored one.
    const [store = memoryStore()] = stores
    const again = await Vault.open({ store, unlock: noKdf, actor, clock: made.clock })
    const next = newPath()
    await again.backup(next)
    const third = await restore(next, made, memoryStore())
    expect(await newest(third, 'vault.restored')).toMatchObject({ data: { origin: lives[1] } })
    for (const each of [again, third, vault]) await each.close()
  })

  it('is made of what came of a change of keyslots that was under way', async () => {
    const store = faultStore(memoryStore())
    const made = await testVault({ a: 'x' }, { store })
    const { vault, clock } = made
    const key = recoveryKey()
    // The keyring that is without `pending` again is awaited: a backup has its turn when the change is over.
    const release = store.faults.hang('files.replace', { nth: 2 })
    const adding = vault.keyslots.add(key.credential, { label: 'second' })
    await expect.poll(async () => (await eventsOf(vault, { type: 'keyslot.added' })).length).toBe(1)
    const from = newPath()
    const backing = vault.backup(from)
    release()
    await Promise.all([adding, backing])
    const target = memoryStore()
    const restored = await restore(from, made, target)
    expect(restored.keyslots.list().map(({ label }) => label)).toEqual(['none', 'second'])
    expect(await eventsOf(restored, { type: 'keyslot.added' })).toHaveLength(1)
    await restored.close()
    const resting = await target.open()
    await checkStore(resting)
    await resting.close()
    const again = await Vault.open({ store: target, unlock: noKdf, actor, clock })
    await again.close()
    await vault.close()
  })

  it('is not made with a wrong key, or an auditor’s, and then nothing is made', async () => {
    const { vault, clock } = await lived()
    const from = newPath()
    await vault.backup(from)
    const path = newPath()
    const target = { path, actor, clock }
    const wrong = recoveryKey().credential
    const auditor = recoveryKey().credential
    const audited = await withSlots(from, auditor)
    await expect(Vault.restore({ ...target, from: audited, unlock: wrong })).rejects.toMatchObject({
      code: 'WRONG_KEY',
    })
    await expect(
      Vault.restore({ ...target, from: audited, unlock: auditor }),
    ).rejects.toMatchObject({ code: 'AUDITOR_ONLY' })
    await expect(
      Vault.restore({ ...target, from: newPath(), unlock: noKdf }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(existsSync(path)).toBe(false)
    await vault.close()
  })

  it('is not made over a vault, nor among other things', async () => {
    const made = await lived()
    const { vault, store } = made
    const from = newPath()
    await vault.backup(from)
    const inUse = await refusalOf(restore(from, made, store))
    expect(inUse).toMatchObject({ code: 'EXISTS' })
    await vault.close()
    expect(await refusalOf(restore(from, made, store))).toMatchObject({ code: 'EXISTS' })
    const path = newPath()
    await mkdir(path)
    await writeFile(join(path, 'notes.txt'), 'of somebody')
    const restoring = Vault.restore({ from, path, unlock: noKdf, actor, clock: made.clock })
    expect(await refusalOf(restoring)).toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/holds other things/),
    })
    expect(await readdir(path)).toEqual(['notes.txt'])
  })

  it('waits for an owner’s word where its newest event is from the future', async () => {
    const made = await lived()
    const from = newPath()
    await made.vault.backup(from)
    made.clock.jump(-7 * 24 * 3600 * 1000)
    const target = { path: newPath(), unlock: noKdf, actor, clock: made.clock }
    await expect(Vault.restore({ ...target, from })).rejects.toMatchObject({ code: 'CLOCK' })
    // It is a vault all the same: the opening that is accepted ends the restore.
    const restored = await Vault.open({ ...target, acceptClock: true })
    const types = (await eventsOf(restored)).slice(-3).map(({ type }) => type)
    expect(types).toEqual(['vault.restored', 'clock.corrected', 'vault.opened'])
    await restored.close()
    await checkVault(target.path)
    await made.vault.close().catch(() => undefined)
  })
})

async function newest(vault: Vault, type: EventType): Promise<AuditEvent> {
  const [event] = await eventsOf(vault, { type, order: 'newest' })
  if (event === undefined) throw new Error(`there is a ${type}`)
  return event
}

async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no refusal',
    (error: unknown) => error,
  )
}

/** The backup with an auditor's keyslot as its only one. */
async function withSlots(
  from: string,
  auditor: ReturnType<typeof recoveryKey>['credential'],
): Promise<string> {
  const store = await archiveStore(from).open()
  const sealed = parseKeyring((await store.files.read('keyring')) ?? Buffer.alloc(0))
  const { root } = await openSlots(sealed, noKdf)
  const keyring = openKeyring(sealed, root)
  const A = keyring.values?.A
  if (root.role !== 'owner' || A === undefined) throw new Error('an owner opens the backup')
  const audited = await addSlot({ ...keyring, slots: [] }, auditor, {
    root: { role: 'auditor', A },
    label: 'auditor',
    createdAt: 0,
  })
  const bytes = sealKeyring(audited.keyring, root.R)
  async function* records() {
    for await (const batch of store.read({ from: 0 })) {
      for (const commit of batch) yield { kind: 'commit', ...commit } as const
    }
    for await (const row of store.keys.entries()) yield { kind: 'keyRow', ...row } as const
    yield { kind: 'file', name: 'keyring', bytes } as const
    const head = (await store.files.read('head')) ?? Buffer.alloc(0)
    yield { kind: 'file', name: 'head', bytes: head } as const
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of archiveBytes(records())) chunks.push(chunk)
  await store.close()
  const path = newPath()
  await writeFile(path, Buffer.concat(chunks))
  return path
}
