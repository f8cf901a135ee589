import { expect, it } from 'vitest'
import { defineProjection, memoryStore, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { Row, Store } from '../../src/store/port.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

async function rowsOf(store: Store): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of store.derived.range(Buffer.alloc(0), Buffer.alloc(64, 255)))
    rows.push(...batch)
  return rows
}

it('a damaged row of the index costs a query time, and is built again by the next opening', async () => {
  const memory = memoryStore()
  const { vault, clock } = await testVault({ a: 'x', b: 'y' }, { store: memory })
  // Two whole segments, so that the damaged one is not the one that an opening reads back.
  await Promise.all(Array.from({ length: 9_000 }, () => vault.read('a')))
  await vault.rotate('b', 'z')
  await vault.close()
  const store = await memory.open()
  const index = (await rowsOf(store)).filter(([key]) => key[0] === 0x69)
  const damaged = index.map(([key, bytes]): Row => [key, Buffer.from(bytes).fill(0)])
  await store.derived.write({ put: damaged.slice(0, 16) })
  await store.close()

  const open = () => Vault.open({ store: memory, unlock: noKdf, actor: 'test', clock })
  const opened = await open()
  const positions = async (order: 'oldest' | 'newest') =>
    (await eventsOf(opened, { subject: 'b', order })).map(({ position }) => position)
  const all = (await eventsOf(opened)).filter(({ subject }) => subject === 'b')
  expect(await positions('oldest')).toEqual(all.map(({ position }) => position))
  expect(await positions('newest')).toEqual(all.map(({ position }) => position).reverse())
  expect((await opened.health()).keepFailure).toMatch(/derived store/)
  await opened.close()
  const healed = await open()
  expect((await healed.health()).keepFailure).toBeUndefined()
  expect(await eventsOf(healed, { subject: 'b' })).toEqual(all)
  await healed.close()
})

it('a damaged row of where commits begin costs a query time, and is built again by the next opening', async () => {
  const memory = memoryStore()
  const { vault, clock } = await testVault({ a: 'x', b: 'y' }, { store: memory })
  await Promise.all(Array.from({ length: 9_000 }, (_, n) => vault.read(n % 60 === 0 ? 'b' : 'a')))
  const whole = await eventsOf(vault, { subject: 'b' })
  expect(whole).toHaveLength(151)
  await vault.close()
  const store = await memory.open()
  const index = (await rowsOf(store)).filter(([key]) => key[0] === 0x69)
  // Behind the 16 buckets of the first segment.
  const [key, bytes] = index[16] ?? expect.fail()
  expect(Buffer.from(key).readUInt32BE(key.length - 4)).toBe(16)
  await store.derived.write({ put: [[key, Buffer.from(bytes).fill(0)]] })
  await store.close()

  const open = () => Vault.open({ store: memory, unlock: noKdf, actor: 'test', clock })
  const opened = await open()
  expect(await eventsOf(opened, { subject: 'b' })).toEqual(whole)
  expect((await opened.health()).keepFailure).toBe('a row of the derived store does not open')
  expect(await eventsOf(opened, { subject: 'b', order: 'newest' })).toEqual(whole.toReversed())
  await opened.close()
  const healed = await open()
  expect((await healed.health()).keepFailure).toBeUndefined()
  expect(await eventsOf(healed, { subject: 'b' })).toEqual(whole)
  await healed.close()
})

it('a query asks a store for commits by their first position, which is found at once', async () => {
  const memory = memoryStore()
  const asked: number[] = []
  const firsts = new Set<number>()
  const create = async (): Promise<Store> => {
    const store = await memory.create()
    return {
      head: () => store.head(),
      commit: (write) => {
        if (write.sealed !== undefined) firsts.add(write.first)
        return store.commit(write)
      },
      read: (range) => {
        asked.push(range.from)
        return store.read(range)
      },
      keys: store.keys,
      derived: store.derived,
      files: store.files,
      location: store.location,
      close: () => store.close(),
    }
  }
  const { vault } = await testVault(
    { a: 'x', b: 'y' },
    { store: { create, open: () => memory.open() } },
  )
  await Promise.all(Array.from({ length: 9_000 }, (_, n) => vault.read(n % 60 === 0 ? 'b' : 'a')))
  asked.length = 0
  expect(await eventsOf(vault, { subject: 'b' })).toHaveLength(151)
  expect(asked.length).toBeGreaterThan(60)
  expect(asked.filter((from) => !firsts.has(from))).toEqual([])
  await vault.close()
})

it('a projection whose rows cannot be kept takes no other with it', async () => {
  const store = memoryStore()
  const { vault, clock } = await testVault({ a: 'x' }, { store })
  const live = await vault.project(
    defineProjection({
      name: 'dates',
      version: 1,
      initial: () => new Map<string, { at: Date }>(),
      on: {
        'secret.written': (state, event) => {
          state.set(event.subject, { at: new Date(event.time) })
        },
      },
    }),
  )
  await live.waitFor((await vault.health()).size - 1)
  await vault.close()
  const opened = await Vault.open({ store, unlock: noKdf, actor: 'test', clock })
  // The opening itself is the one event that was not kept.
  const { keptTo, size } = await opened.health()
  expect(size - keptTo).toBe(1)
  await opened.close()
})

it('a projection whose encode throws is left out, and the vault closes all the same', async () => {
  const store = memoryStore()
  const { vault, clock } = await testVault({ a: 'x' }, { store })
  const live = await vault.project(
    defineProjection({
      name: 'unkeepable',
      version: 1,
      initial: () => ({ seen: 0 }),
      on: {},
      encode: () => {
        throw new Error('cannot be kept')
      },
      decode: () => ({ seen: 0 }),
    }),
  )
  await live.waitFor((await vault.health()).size - 1)
  await vault.close()
  const opened = await Vault.open({ store, unlock: noKdf, actor: 'test', clock })
  const { keptTo, size } = await opened.health()
  expect(size - keptTo).toBe(1)
  await opened.close()
})
