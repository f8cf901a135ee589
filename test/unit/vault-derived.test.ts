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
