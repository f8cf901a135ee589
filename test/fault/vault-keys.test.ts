import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recoveryKey, Vault, VaultError } from '../../src/index.ts'
import { parseNote } from '../../src/proofs/note.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { checkStore, checkVault } from '../fixtures/check-vault.ts'
import { eventsOf } from '../fixtures/events.ts'
import { bothStores, create, open, random, refusal, scratch } from './vault-material.ts'

// Recovery keys are credentials that cost no derivation.
const [first, second] = [recoveryKey().credential, recoveryKey().credential]

let folder: string
let places = 0
beforeAll(async () => {
  folder = await scratch({ fast: true })
})
afterAll(() => rm(folder, { recursive: true }))

type Faulty = ReturnType<typeof faultStore>

const stores = bothStores(() => folder)

/** Each change of keys: what appends how many events, and how many keyslots are left of two. */
const changes: Readonly<
  Record<
    string,
    {
      readonly work: (vault: Vault) => Promise<unknown>
      readonly events: readonly string[]
      readonly slots: number
    }
  >
> = {
  rotate: { work: (vault) => vault.keys.rotate(), events: ['keys.rotated'], slots: 2 },
  rotateSigning: {
    work: (vault) => vault.keys.rotateSigning(),
    events: ['keys.rotated'],
    slots: 2,
  },
  shred: { work: (vault) => vault.keys.shred(), events: ['keys.shredded'], slots: 2 },
  rotateRoot: {
    work: (vault) => vault.keys.rotateRoot({ keep: [first] }),
    events: ['keyslot.removed', 'keys.rotated'],
    slots: 1,
  },
}

async function prepare(store: Faulty): Promise<void> {
  const vault = await create({ store }, { unlock: first })
  await vault.keyslots.add(second)
  await Promise.all(['a', 'b', 'c'].map((path) => vault.write(path, `value of ${path}`)))
  await vault.write('d', 'value of d')
  await vault.destroy('b', { versions: [1] })
  await vault.close()
}

/** Every invariant of the vault, from its bytes. */
async function checked(store: Faulty) {
  const opened = await store.open()
  try {
    return await checkStore(opened, first)
  } finally {
    await opened.close()
  }
}

const keyEvents = ['keyslot.removed', 'keys.rotated', 'keys.shredded']

/** Opens it, which goes on with what was interrupted: all of the change has taken place then, or nothing. */
async function judge(store: Faulty, name: keyof typeof changes): Promise<boolean> {
  const { events = [], slots } = changes[name] ?? {}
  const vault = await open({ store }, { unlock: first })
  for (const path of ['a', 'c', 'd']) {
    expect((await vault.read(path)).text()).toBe(`value of ${path}`)
  }
  await expect(vault.read('b')).rejects.toMatchObject({ code: 'DESTROYED' })
  await vault.close()
  const log = await checked(store)
  const found = log.events.map(({ type }) => type).filter((type) => keyEvents.includes(type))
  if (found.length > 0) expect(found).toEqual(events)
  const isDone = found.length > 0
  const other = await open({ store }, { unlock: second }).catch((error: VaultError) => error)
  if (other instanceof VaultError)
    expect([isDone, slots, other.code]).toEqual([true, 1, 'WRONG_KEY'])
  else {
    expect(isDone && slots === 1).toBe(false)
    expect((await other.read('a')).text()).toBe('value of a')
    // Whatever was interrupted, keys can be replaced again.
    expect((await other.keys.rotate()).epoch).toBe(isDone && name === 'rotate' ? 3 : 2)
    await other.close()
  }
  return isDone
}

describe.each(stores)('a crash before each step, over %s', (_name, inner) => {
  it.each(Object.entries(changes))('of %s', async (name, { work }) => {
    for (let n = 0, done = false; !done; n++) {
      for (const unsynced of ['kept', 'dropped'] as const) {
        const store = faultStore(inner())
        await prepare(store)
        const vault = await open({ store }, { unlock: first })
        let left = n
        store.faults.onStep = async () => {
          if (left-- === 0) await store.faults.crash({ unsynced })
        }
        const error = await work(vault).catch((cause: unknown) => cause)
        done = left >= 0
        expect(error instanceof VaultError).toBe(!done)
        store.faults.onStep = undefined
        await store.faults.crash({ unsynced })
        await vault.close().catch(() => undefined)
        const isDone = await judge(store, name).catch((cause: unknown) => {
          throw new Error(`a crash before step ${n}, unsynced ${unsynced}`, { cause })
        })
        // What was acknowledged stays; a crash before the first step changes nothing.
        if (done) expect(isDone).toBe(true)
        if (n === 0) expect(isDone).toBe(false)
      }
      if (done) expect(n).toBeGreaterThan(2)
    }
  })
})

describe('a step that fails', () => {
  const steps = Object.keys(changes).flatMap((name) =>
    (['before', 'after'] as const).flatMap((when) =>
      (['files.replace', 'commit'] as const).flatMap((step) =>
        (step === 'commit' ? [1, 2] : [1, 2, 3]).map((nth) => [name, step, nth, when] as const),
      ),
    ),
  )

  it.each(steps)(
    'of %s: %s %i, %s it was stored, and a reopen tells',
    async (name, step, nth, when) => {
      const store = faultStore(memoryStore())
      await prepare(store)
      const vault = await open({ store }, { unlock: first })
      store.faults.fail(step, { nth, when })
      const error = await changes[name]?.work(vault).then(
        () => undefined,
        (cause: VaultError) => cause,
      )
      // A change of fewer steps goes well; then the fault meets the closing.
      if (error !== undefined) {
        expect(['UNCERTAIN', 'FAILED']).toContain(error.code)
        await vault.reopen()
        expect((await vault.read('a')).text()).toBe('value of a')
      }
      await vault.close().catch(() => undefined)
      await judge(store, name)
    },
  )
})

it('a head that waited while the log keys were replaced is of the epoch of its newest event', async () => {
  const store = faultStore(memoryStore())
  const vault = await create({ store }, { unlock: first })
  const release = store.faults.hang('files.overwrite')
  await vault.write('a', 'x')
  await vault.keys.rotate()
  release()
  await turn()
  // Its slot and that of the closing are the two that stay.
  await vault.close()
  await checked(store)
})

it('nothing is appended between the event of a rotation and the keys that follow it', async () => {
  const store = faultStore(memoryStore())
  const vault = await create({ store }, { unlock: first })
  const { size: before } = await vault.health()
  const release = store.faults.hang('files.replace', { nth: 2 })
  const rotating = vault.keys.rotate()
  await expect.poll(async () => (await vault.health()).size).toBe(before + 1)
  const writing = vault.write('a', 'x')
  // Enough for a writer that is free.
  for (let turns = 0; turns < 100; turns++) await turn()
  expect(await vault.health()).toMatchObject({ size: before + 1, waiting: 1 })
  release()
  expect((await rotating).position).toBe(before)
  expect((await writing).position).toBe(before + 1)
  await vault.close()
  await checked(store)
})

it('a new signing key signs nothing before its event is in the log', async () => {
  const store = faultStore(memoryStore())
  const vault = await create({ store }, { unlock: first })
  const signers = () => vault.keys.list().filter(({ purpose }) => purpose === 'signing')
  const release = store.faults.hang('commit')
  const rotating = vault.keys.rotateSigning()
  await expect.poll(signers).toHaveLength(2)
  const { note } = await vault.proofs.checkpoint()
  expect(parseNote(note).signatures).toHaveLength(1)
  release()
  await rotating
  expect(await vault.verify()).toMatchObject({ ok: true, problems: [] })
  await vault.close()
  await checked(store)
})

it('a row that was read just before a shred had ended is read again', async () => {
  const store = faultStore(memoryStore())
  await prepare(store)
  const vault = await open({ store }, { unlock: first })
  const { entries } = await vault.export('a')
  const release = store.faults.hang('keys.get', { when: 'after' })
  const entry = entries.next()
  await vault.keys.shred()
  release()
  const { value } = await entry
  expect(value).toMatchObject({ path: 'a', versions: [{ value: 'value of a' }] })
  await vault.close()
})

it('a key that is destroyed before its row is wrapped anew does not come back', async () => {
  const store = memoryStore()
  const vault = await create({ store }, { unlock: first })
  for (let n = 0; n < 300; n++) await vault.write(`many/${n}`, `value ${n}`)
  let destroying: Promise<unknown> | undefined
  const { keys } = await vault.keys.shred({
    onProgress: () => {
      destroying ??= vault.destroy('many/299', { versions: [1] })
    },
  })
  await destroying
  expect(keys).toBe(299)
  await vault.close()
  const rest = await store.open()
  await checkStore(rest, first)
})

describe.each([1, 2])('a shred among readers, writers and destroyers, seed %i', (seed) => {
  it('loses no key that is live, and brings back none that is destroyed', async () => {
    const store = memoryStore()
    const next = random(seed)
    const pick = (count: number) => Math.floor(next() * count)
    const vault = await create({ store }, { unlock: first, clock: testClock() })
    const live = new Map<string, string>()
    const gone = new Set<string>()
    const write = async (name: string) => {
      await vault.write(name, `value of ${name}`)
      live.set(name, `value of ${name}`)
    }
    // Some rows of many keys and many of one.
    for (let at = 0; at < 2000; at += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => write(`many/${at + n}`)))
    }
    for (let at = 0; at < 400; at++) await write(`one/${at}`)

    let shredding = true
    const caller = async (own: number) => {
      for (let n = 0; shredding || n < 20; n++) {
        const name = [...live.keys()][pick(live.size)] ?? ''
        const what = pick(3)
        if (what === 0) await write(`new/${own}/${n}`)
        else if (what === 1 && live.delete(name)) {
          await vault.destroy(name, { versions: [1] })
          gone.add(name)
        } else if (what === 2) {
          const value = await vault.read(name).catch((error: VaultError) => error)
          if (value instanceof VaultError) expect(value.code).toBe('DESTROYED')
          else expect(value.text()).toBe(`value of ${name}`)
        }
      }
    }
    const callers = Array.from({ length: 6 }, (_, own) => caller(own))
    const { keys } = await vault.keys.shred()
    shredding = false
    await Promise.all(callers)
    expect(gone.size).toBeGreaterThan(20)
    expect(keys).toBeGreaterThan(2000)
    for (const [name, value] of live) expect((await vault.read(name)).text()).toBe(value)
    for (const name of gone) {
      await expect(vault.read(name)).rejects.toMatchObject({ code: 'DESTROYED' })
    }
    await vault.close()
    const rest = await store.open()
    const { versions } = await checkStore(rest, first)
    const destroyed = versions.filter(({ state }) => state === 'destroyed').map((held) => held.path)
    expect(new Set(destroyed)).toEqual(gone)
  })
})

describe('a backup', () => {
  it('of a vault whose keys were replaced is restored with all of its epochs', async () => {
    const store = faultStore(memoryStore())
    await prepare(store)
    const vault = await open({ store }, { unlock: first })
    await vault.keys.rotate()
    await vault.write('e', 'value of e')
    await vault.keys.rotateRoot({ keep: [first] })
    const restored = await restoredFrom(vault)
    for (const path of ['a', 'c', 'd', 'e']) {
      expect((await restored.read(path)).text()).toBe(`value of ${path}`)
    }
    expect(restored.keys.list()).toHaveLength(vault.keys.list().length)
    await restored.close()
    await vault.close()
  })

  it('from the middle of a shred is restored to its end', async () => {
    const store = faultStore(memoryStore())
    const vault = await create({ store }, { unlock: first })
    for (let n = 0; n < 300; n++) await vault.write(`many/${n}`, `value ${n}`)
    let backup: Promise<Vault> | undefined
    await vault.keys.shred({
      onProgress: () => {
        backup ??= restoredFrom(vault)
      },
    })
    const restored = await backup
    expect((await restored?.read('many/0'))?.text()).toBe('value 0')
    expect((await restored?.read('many/299'))?.text()).toBe('value 299')
    const wrapping = restored?.keys.list().filter(({ purpose }) => purpose === 'wrapping')
    expect(wrapping).toMatchObject([{ epoch: 2, state: 'current' }])
    expect(restored && (await eventsOf(restored, { type: 'keys.shredded' }))).toHaveLength(1)
    await restored?.close()
    await vault.close()
  })

  /** A vault made of a backup that is taken at this moment. */
  async function restoredFrom(vault: Vault): Promise<Vault> {
    const from = join(folder, `${places++}.muna`)
    await vault.backup(from)
    const path = join(folder, String(places++))
    const restored = await Vault.restore({ from, path, unlock: first, actor: 'test' })
    await restored.close()
    await checkVault(path, first)
    return open({ path }, { unlock: first })
  }
})

it('a vault that is closed under a shred goes on with it when it is opened', async () => {
  const store = memoryStore()
  const vault = await create({ store }, { unlock: first })
  for (let n = 0; n < 300; n++) await vault.write(`many/${n}`, `value ${n}`)
  let closing: Promise<void> | undefined
  const shredding = vault.keys.shred({
    onProgress: () => {
      closing ??= vault.close()
    },
  })
  expect(['CLOSED', 'UNCERTAIN']).toContain((await refusal(shredding)).code)
  await closing
  const opened = await open({ store }, { unlock: first })
  const wrapping = opened.keys.list().filter(({ purpose }) => purpose === 'wrapping')
  expect(wrapping).toMatchObject([{ epoch: 2, state: 'current' }])
  expect((await opened.read('many/299')).text()).toBe('value 299')
  await opened.close()
})
