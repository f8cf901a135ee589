import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lifecycle, type StoreOpener, Vault, VaultError, versions } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { ArchiveRecord } from '../../src/store/archive/format.ts'
import { archiveBytes } from '../../src/store/archive/write.ts'
import { archiveStore } from '../../src/store/archive.ts'
import { levelStore } from '../../src/store/level.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/port.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import { type CheckedVault, checkStore, checkVault } from '../fixtures/check-vault.ts'
import { create, later, open, populated, random, refusal, scratch } from './vault-material.ts'

let folder: string
let places = 0
beforeAll(async () => {
  folder = await scratch({ fast: true })
})
afterAll(() => rm(folder, { recursive: true }))

const newPath = () => join(folder, String(places++))
const actor = 'svc/test'

function restore(from: string, store: StoreOpener): Promise<Vault> {
  return Vault.restore({ from, store, unlock: noKdf, actor })
}

/** A backup of a vault in which everything has happened, made when `prod/gone` had lost its first version. */
async function backedUp(): Promise<string> {
  const path = newPath()
  await populated(path)
  await later(path)
  const vault = await open({ path })
  const from = newPath()
  await vault.backup(from)
  await vault.close()
  return from
}

async function recordsOf(path: string): Promise<ArchiveRecord[]> {
  const store = await archiveStore(path).open()
  const records: ArchiveRecord[] = []
  for await (const batch of store.read({ from: 0 })) {
    records.push(...batch.map((commit) => ({ kind: 'commit', ...commit }) as const))
  }
  for await (const row of store.keys.entries()) records.push({ kind: 'keyRow', ...row })
  for (const name of await store.files.list()) {
    records.push({ kind: 'file', name, bytes: (await store.files.read(name)) ?? Buffer.alloc(0) })
  }
  await store.close()
  return records
}

/** An archive of these records whose digest fits: what somebody makes who can do anything but use an owner's keys. */
async function forged(records: readonly ArchiveRecord[]): Promise<string> {
  async function* all() {
    yield* records
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of archiveBytes(all())) chunks.push(chunk)
  const path = newPath()
  await writeFile(path, Buffer.concat(chunks))
  return path
}

function flipped(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (at % 8)), at)
  return copy
}

async function checked(opener: StoreOpener): Promise<CheckedVault> {
  const store = await opener.open()
  try {
    return await checkStore(store)
  } finally {
    await store.close()
  }
}

describe('a backup beside writers and destroyers', () => {
  it.each([1, 2, 3, 4])('is of one moment, seed %i', async (seed) => {
    const next = random(seed)
    const path = newPath()
    const vault = await create({ path })
    const pick = () => `s/${Math.floor(next() * 40)}`
    await Promise.all(Array.from({ length: 40 }, (_, i) => vault.write(`s/${i}`, `${i} at first`)))
    let going = true
    const work = [
      (name: string) => vault.write(name, `value ${next()}`, { maxVersions: 3 }),
      (name: string) => vault.rotate(name, `value ${next()}`),
      (name: string) => vault.purge(name),
      async (name: string) => {
        const { version } = await vault.describe(name)
        await vault.destroy(name, { versions: [Math.ceil(next() * version)] })
      },
    ]
    const busy = async () => {
      while (going) {
        const act = work[Math.floor(next() * work.length)]
        await act?.(pick()).catch((error: unknown) => {
          if (!(error instanceof VaultError)) throw error
        })
      }
    }
    const others = Array.from({ length: 6 }, busy)
    const files = [newPath(), newPath(), newPath()]
    const backups = []
    for (const file of files) backups.push(await vault.backup(file))
    going = false
    await Promise.all(others)
    for (const [i, { position }] of backups.entries()) {
      const target = memoryStore()
      const restored = await restore(files[i] ?? '', target)
      const at = { at: { position } }
      const [mine, theirs] = [await restored.replay(versions, at), await vault.replay(versions, at)]
      expect(mine.view).toEqual(theirs.view)
      await restored.close()
      // Holds every key against what the log says: gone if, and only if, it says destroyed; and opens every value.
      const { versions: held } = await checked(target)
      expect(held.some(({ state }) => state === 'destroyed')).toBe(true)
    }
    await vault.close()
    await checkVault(path)
  })

  it('is refused where the store gives back another history than the log’s own', async () => {
    const from = await backedUp()
    // Two lives of one vault have the same keys: every seal and MAC of the one opens as the other's.
    const twin = memoryStore()
    await (await restore(from, twin)).close()
    const { size } = await archived(from)
    const theirs = await commitAt(twin, size)
    const swap = { on: false }
    const vault = await restore(
      from,
      reading(memoryStore(), (commit) => (swap.on && commit.first === size ? theirs : commit)),
    )
    swap.on = true
    const before = await readdir(folder)
    const error = await refusal(vault.backup(newPath()))
    expect(error).toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/are not those that the log was made of/),
    })
    expect(await readdir(folder)).toEqual(before)
    swap.on = false
    await vault.backup(newPath())
    await vault.close()
  })

  it('is refused where a commit of the log is damaged', async () => {
    const from = await backedUp()
    const damage = { on: false }
    const vault = await restore(
      from,
      reading(memoryStore(), (commit) =>
        damage.on && commit.first === 3
          ? { ...commit, sealed: flipped(commit.sealed, 50) }
          : commit,
      ),
    )
    damage.on = true
    expect(await refusal(vault.backup(newPath()))).toMatchObject({
      code: 'INTEGRITY',
      message: 'the commit at position 3 has a MAC that no owner made',
    })
    await vault.close()
  })

  it.each([
    ['persisted', 'after'],
    ['not persisted', 'before'],
  ] as const)('leaves no file where its event is lost, %s', async (_what, when) => {
    const store = faultStore(memoryStore())
    const vault = await create({ store })
    await vault.write('a', 'x')
    const before = await readdir(folder)
    store.faults.fail('commit', { when })
    expect(await refusal(vault.backup(newPath()))).toMatchObject({ code: 'UNCERTAIN' })
    expect(await readdir(folder)).toEqual(before)
    expect(await refusal(vault.backup(newPath()))).toMatchObject({ code: 'FAILED' })
    await vault.reopen()
    const { size } = await vault.backup(newPath())
    await vault.close()
    const { events } = await checked(store)
    const made = events.filter(({ type }) => type === 'backup.created')
    expect(made.map(({ position }) => position)).toEqual(
      when === 'after' ? [made[0]?.position, size - 1] : [size - 1],
    )
  })

  it('lets go of the key rows when its caller gives up, while they are begun or amid them', async () => {
    const rows = { open: 0 }
    const store = faultStore(manyRows(memoryStore(), rows))
    const vault = await create({ store })
    const before = await readdir(folder)
    const release = store.faults.hang('keys.entries', { when: 'after' })
    expect(await refusal(vault.backup(newPath(), { timeout: 50 }))).toMatchObject({
      code: 'TIMEOUT',
    })
    release()
    // The writer goes on, and nothing was appended.
    const { position } = await vault.write('a', 'x')
    expect(position).toBe(2)
    await expect.poll(() => rows.open).toBe(0)
    for await (const _chunk of vault.backupBytes()) {
      expect(rows.open).toBe(1)
      break
    }
    expect(rows.open).toBe(0)
    const controller = new AbortController()
    const chunks = vault.backupBytes({ signal: controller.signal })
    await chunks.next()
    controller.abort()
    expect(await refusal(chunks.next())).toMatchObject({ code: 'ABORTED' })
    expect(rows.open).toBe(0)
    expect(await readdir(folder)).toEqual(before)
    await vault.close()
  })
})

const disk = mkdtempSync(join(tmpdir(), 'muniment-disk-'))
const mounted = mount()

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

afterAll(() => {
  if (mounted) execFileSync('umount', ['--lazy', disk])
  rmSync(disk, { recursive: true })
})

const needsMount = mounted ? '' : ' (SKIPPED: mounting a tmpfs is not allowed here)'

it.skipIf(!mounted)(`a backup that the disk has no room for is NO_SPACE${needsMount}`, async () => {
  const vault = await create({ store: memoryStore() })
  for (let i = 0; i < 4; i++) await vault.write(`large/${i}`, Buffer.alloc(500_000, i))
  expect(await refusal(vault.backup(join(disk, 'a')))).toMatchObject({ code: 'NO_SPACE' })
  expect(await readdir(disk)).toEqual([])
  await vault.close()
})

describe('a damaged backup', () => {
  it('is refused before anything is made, wherever it is cut or changed', async () => {
    const bytes = await readFile(await backedUp())
    const next = random(7)
    let made = 0
    const store: StoreOpener = {
      open: () => Promise.reject(new Error('nothing is opened')),
      create: async () => {
        made++
        return memoryStore().create()
      },
    }
    for (let i = 0; i < 150; i++) {
      const at = Math.floor(next() * bytes.length)
      const damaged = i % 2 === 0 ? flipped(bytes, at) : bytes.subarray(0, at)
      const from = newPath()
      await writeFile(from, damaged)
      const { code } = await refusal(restore(from, store))
      expect(['INTEGRITY', 'UNSUPPORTED']).toContain(code)
    }
    expect(made).toBe(0)
  })

  type Change = (records: ArchiveRecord[]) => ArchiveRecord[]
  const without =
    (kind: ArchiveRecord['kind'], from: number): Change =>
    (records) => {
      const those = records.filter((record) => record.kind === kind).slice(from)
      return records.filter((record) => !those.includes(record))
    }
  const withFile =
    (name: string, bytes: Uint8Array): Change =>
    (records) =>
      records.map((record) =>
        record.kind === 'file' && record.name === name ? { ...record, bytes } : record,
      )
  const changed =
    (kind: ArchiveRecord['kind'], at: number): Change =>
    (records) => {
      const target = records.filter((record) => record.kind === kind)[1]
      return records.map((record) => {
        if (record !== target) return record
        if (record.kind === 'commit') return { ...record, sealed: flipped(record.sealed, at) }
        return { ...record, bytes: flipped(record.bytes, at) }
      })
    }

  it.each<[string, Change, string]>([
    [
      'a log that was cut',
      without('commit', 12),
      'the backup holds 13 events, and its head speaks of',
    ],
    [
      'no head',
      (all) => all.filter((each) => each.kind !== 'file' || each.name !== 'head'),
      'speaks of none',
    ],
    ['a head of nobody', withFile('head', Buffer.alloc(512, 1)), 'neither slot of the head file'],
    [
      'no keyring',
      (all) => all.filter((each) => each.kind !== 'file' || each.name !== 'keyring'),
      'the keyring is missing',
    ],
    [
      'a changed commit',
      changed('commit', 60),
      'the commit at position 1 has a MAC that no owner made',
    ],
    ['a changed key row', changed('keyRow', 30), 'does not open'],
    [
      'a key row of no commit',
      (all) => [
        ...all,
        { kind: 'keyRow', id: { first: 9999, block: 0 }, bytes: Buffer.alloc(100) },
      ],
      'a key row of position 9999 belongs to no commit',
    ],
  ])('is INTEGRITY with %s, though its digest fits', async (_what, change, message) => {
    const from = await forged(change(await recordsOf(await backedUp())))
    const target = memoryStore()
    const error = await refusal(restore(from, target))
    expect(error.code).toBe('INTEGRITY')
    expect(error.message).toContain(message)
    // It came to no keyring.
    expect((await refusal(open({ store: target }))).code).toBe('NOT_FOUND')
  })

  it('is INTEGRITY with the log of another life, whose every seal and MAC is an owner’s', async () => {
    const from = await backedUp()
    const [one, two] = await Promise.all(
      [newPath(), newPath()].map(async (file) => {
        const vault = await restore(from, memoryStore())
        await vault.backup(file)
        await vault.close()
        return recordsOf(file)
      }),
    )
    const theirs = (two ?? []).filter(({ kind }) => kind === 'commit')
    const mixed = [...(one ?? []).filter(({ kind }) => kind !== 'commit'), ...theirs]
    const target = memoryStore()
    expect(await refusal(restore(await forged(mixed), target))).toMatchObject({
      code: 'INTEGRITY',
      message: 'the events of the backup are not those that its head names',
    })
    // It was found out at the end of the log: what stands there is no vault, and none is made over it.
    expect(await refusal(open({ store: target }))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'a restore to memory was interrupted: empty it and restore again',
    })
    expect(await refusal(restore(from, target))).toMatchObject({ code: 'EXISTS' })
  })

  it('does not bring back a key that the log says is destroyed', async () => {
    const from = await withOlderKeys()
    const target = memoryStore()
    const restored = await restore(from, target)
    expect(await refusal(restored.read('gone', { version: 1 }))).toMatchObject({
      code: 'DESTROYED',
    })
    expect((await restored.read('gone')).text()).toBe('second')
    await restored.close()
    const { versions: held } = await checked(target)
    expect(held.filter(({ state }) => state === 'destroyed')).toHaveLength(2)
  })
})

/** A small backup whose key rows are those of one before it: keys that were destroyed since stand in them. */
async function withOlderKeys(): Promise<string> {
  const vault = await create({ store: memoryStore() })
  await Promise.all([vault.write('gone', 'first'), vault.write('purged', 'x')])
  await vault.write('gone', 'second')
  const [before, after] = [newPath(), newPath()]
  await vault.backup(before)
  await vault.destroy('gone', { versions: [1] })
  await vault.purge('purged')
  await vault.backup(after)
  await vault.close()
  const older = (await recordsOf(before)).filter(({ kind }) => kind === 'keyRow')
  expect(await recordsOf(after)).toSatisfy((all: ArchiveRecord[]) => all.length > older.length)
  const newer = (await recordsOf(after)).filter(({ kind }) => kind !== 'keyRow')
  return forged([...older, ...newer])
}

describe.each([
  ['memory', () => memoryStore()],
  ['LevelDB', () => levelStore(newPath())],
])('a crash before each step of a restore, over %s', (_name, inner) => {
  it('leaves no vault, or one that the next opening finishes', async () => {
    const from = await withOlderKeys()
    const { size, incarnation } = await archived(from)
    const outcomes = new Set<string>()
    for (let n = 0, done = false; !done; n++) {
      for (const unsynced of ['kept', 'dropped'] as const) {
        const store = faultStore(inner())
        let left = n
        store.faults.onStep = async () => {
          if (left-- === 0) await store.faults.crash({ unsynced })
        }
        const vault = await restore(from, store).catch((error: unknown) => {
          if (left >= 0 || !(error instanceof VaultError)) throw error
        })
        done = left >= 0
        store.faults.onStep = undefined
        await store.faults.crash({ unsynced })
        await vault?.close().catch(() => undefined)
        const opened = await open({ store }).catch((error: VaultError) => error)
        if (opened instanceof VaultError) {
          expect(done, 'a restore that was acknowledged stays').toBe(false)
          expect(opened.code).toBe('NOT_FOUND')
          outcomes.add(opened.message.replace(/ (to|at) \S+/, ''))
          continue
        }
        outcomes.add('opened')
        expect((await opened.read('gone')).text()).toBe('second')
        expect((await opened.replay(lifecycle)).view.incarnation).not.toBe(incarnation)
        await opened.close()
        const { events } = await checked(store)
        const restored = events.filter(({ type }) => type === 'vault.restored')
        expect(
          restored.map(({ position }) => position),
          `step ${n}`,
        ).toEqual([size])
        const resting = await store.open()
        expect(await resting.files.list()).toEqual([
          'checkpoint',
          'checkpoints-00000000',
          'head',
          'keyring',
        ])
        await resting.close()
      }
      expect(n).toBeLessThan(60)
    }
    expect([...outcomes]).toEqual(
      expect.arrayContaining([
        'opened',
        expect.stringMatching(/no vault/),
        expect.stringMatching(/^a restore was interrupted/),
      ]),
    )
  })
})

describe('what an interrupted restore leaves', () => {
  it('is told to whoever opens the folder, or would make a vault in it', async () => {
    const from = await withOlderKeys()
    const path = newPath()
    const store = faultStore(levelStore(path))
    store.faults.fail('files.replace', { nth: 3 })
    expect(await refusal(restore(from, store))).toMatchObject({ code: 'FAILED' })
    expect(await readdir(path)).toEqual(expect.arrayContaining(['head', 'log', 'restored']))
    const message = `a restore to ${path} was interrupted: empty the folder and restore again`
    expect(await refusal(open({ path }))).toMatchObject({ code: 'NOT_FOUND', message })
    expect(await refusal(create({ path }))).toMatchObject({ code: 'INVALID', message })
    expect(await refusal(restore(from, levelStore(path)))).toMatchObject({
      code: 'INVALID',
      message,
    })
    await rm(path, { recursive: true })
    await mkdir(path)
    await (await restore(from, levelStore(path))).close()
    await checkVault(path)
  })

  it('is forgotten by a vault that is made where it had not yet come to a commit', async () => {
    const from = await withOlderKeys()
    const store = faultStore(memoryStore())
    store.faults.fail('commit')
    expect((await refusal(restore(from, store))).code).toBe('UNCERTAIN')
    const vault = await create({ store })
    await vault.close()
    const { events } = await checked(store)
    expect(events.map(({ type }) => type)).not.toContain('vault.restored')
  })

  it('is INTEGRITY where somebody changed the marker, so that no life goes on unsaid', async () => {
    const from = await withOlderKeys()
    const store = faultStore(memoryStore())
    let replaced = 0
    store.faults.onStep = async (step) => {
      if (step === 'files.replace') replaced++
      // Marker, checkpoint, head and keyring are in place, and the event is not.
      if (replaced === 4 && step === 'commit') await store.faults.crash()
    }
    await refusal(restore(from, store))
    store.faults.onStep = undefined
    const resting = await store.open()
    const marker = await resting.files.read('restored')
    await resting.files.replace('restored', flipped(marker ?? Buffer.alloc(0), 20))
    await resting.close()
    expect(await refusal(open({ store }))).toMatchObject({
      code: 'INTEGRITY',
      message: 'the file restored is not one that an owner wrote',
    })
  })
})

/** What the log of a backup says, by a vault that is made of it. */
async function archived(from: string): Promise<{ size: number; incarnation: string }> {
  const store = await archiveStore(from).open()
  const size = await store.head()
  await store.close()
  const vault = await restore(from, memoryStore())
  const { view } = await vault.replay(lifecycle, { at: { position: size - 1 } })
  await vault.close()
  return { size, incarnation: view.incarnation }
}

type Commit = { readonly first: number; readonly sealed: Uint8Array }

async function commitAt(opener: StoreOpener, position: number): Promise<Commit> {
  const store = await opener.open()
  const found: Commit[] = []
  for await (const batch of store.read({ from: position, to: position + 1 })) found.push(...batch)
  await store.close()
  const [commit] = found
  if (commit === undefined) throw new Error(`a commit holds position ${position}`)
  return commit
}

/** A store of very many key rows, none of which anybody opens, that says how many readers are amid them. */
function manyRows(inner: StoreOpener, rows: { open: number }): StoreOpener {
  const wrap = (store: Store): Store => ({
    ...store,
    keys: {
      get: (id) => store.keys.get(id),
      async *entries() {
        rows.open++
        try {
          for (let first = 0; first < 200; first++) {
            yield { id: { first, block: 0 }, bytes: Buffer.alloc(4000) }
          }
        } finally {
          rows.open--
        }
      },
    },
  })
  return {
    create: async () => wrap(await inner.create()),
    open: async () => wrap(await inner.open()),
  }
}

/** A store whose reader sees other commits than those that were written. */
function reading(inner: StoreOpener, seen: (commit: Commit) => Commit): StoreOpener {
  const wrap = (store: Store): Store => ({
    ...store,
    read: async function* (range) {
      for await (const batch of store.read(range)) yield batch.map(seen)
    },
  })
  return {
    create: async () => wrap(await inner.create()),
    open: async () => wrap(await inner.open()),
  }
}
