import { expect, it } from 'vitest'
import { memoryStore, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { KeyRow, Store } from '../../src/store/port.ts'
import { testVault } from '../../src/testing.ts'

async function rowsOf(store: Store): Promise<KeyRow[]> {
  const rows: KeyRow[] = []
  for await (const row of store.keys.entries()) rows.push(row)
  return rows
}

it('a destroyed key that comes back with an older key row is deleted again, at rest', async () => {
  const memory = memoryStore()
  const { vault, clock } = await testVault({ kept: 'x', gone: 'y' }, { store: memory })
  await vault.close()
  const before = await memory.open()
  const older = await rowsOf(before)
  await before.close()

  const destroying = await Vault.open({ store: memory, unlock: noKdf, actor: 'test', clock })
  await destroying.destroy('gone', { versions: [1] })
  await destroying.close()
  const tampered = await memory.open()
  expect(await rowsOf(tampered)).toHaveLength(1)
  await tampered.commit({ first: await tampered.head(), keys: { put: older } })
  expect(await rowsOf(tampered)).toHaveLength(2)
  await tampered.close()

  let store: Store | undefined
  const opener = {
    create: memory.create,
    open: async () => {
      store = await memory.open()
      return store
    },
  }
  const swept = await Vault.open({ store: opener, unlock: noKdf, actor: 'test', clock })
  await expect(swept.read('gone')).rejects.toMatchObject({ code: 'DESTROYED' })
  await expect
    .poll(async () => (store ? (await rowsOf(store)).length : 0), { timeout: 10_000 })
    .toBe(1)
  expect((await swept.read('kept')).text()).toBe('x')
  await swept.close()
})
