import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BackupReader, memoryStore, type StoreOpener, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { Row, Store } from '../../src/store/port.ts'
import { type TestClock, testVault } from '../../src/testing.ts'

const names = ['a', 'b', 'c/d'] as const

/** A vault of three pages of columns, and what its list was on the way. */
async function withPages(store: StoreOpener) {
  const { vault, clock } = await testVault({ a: 'x', b: 'y', 'c/d': 'z' }, { store })
  const moments: { position: number; list: unknown }[] = []
  for (let round = 0; round < 9; round++) {
    const path = names[round % 3] as string
    await Promise.all(Array.from({ length: 1_000 }, () => vault.read(path)))
    clock.advance(60_000)
    if (round === 4) await vault.purge('b')
    else if (round === 5) await vault.write('b', 'again')
    else await vault.rotate(path, `${round}`)
    if (round === 7) await vault.delete('a')
    moments.push({ position: (await vault.health()).size - 1, list: await vault.list() })
  }
  return { vault, clock, moments }
}

async function expectMoments(vault: Vault, moments: { position: number; list: unknown }[]) {
  for (const { position, list } of [...moments].reverse()) {
    expect(await (await vault.asOf({ position })).list()).toEqual(list)
  }
}

const reopen = (store: StoreOpener, clock: TestClock) =>
  Vault.open({ store, unlock: noKdf, actor: 'test', clock })

/** A store that a test can reach into while a vault is open on it. */
function reachable() {
  const opener = memoryStore()
  let held: Store | undefined
  const hold = async (store: Promise<Store>) => {
    held = await store
    return held
  }
  const damage = async () => {
    const rows: Row[] = []
    for await (const batch of held?.derived.range(Buffer.alloc(0), Buffer.alloc(64, 255)) ?? []) {
      rows.push(...batch.filter(([key]) => Buffer.from(key).includes('changes')))
    }
    const damaged = rows.map(([key, bytes]): Row => [key, Buffer.from(bytes).fill(0)])
    await held?.derived.write({ put: damaged })
    return rows.length
  }
  const store: StoreOpener = {
    create: () => hold(opener.create()),
    open: () => hold(opener.open()),
  }
  return { store, damage }
}

describe('as of a moment that columns on disk tell of', () => {
  it('is what the live vault was, from the pages of a flush, of an opening and of a rebuild', async () => {
    const store = memoryStore()
    const { vault, clock, moments } = await withPages(store)
    await expectMoments(vault, moments)
    await vault.close()
    const opened = await reopen(store, clock)
    await expectMoments(opened, moments)
    await opened.close()
    const kept = await store.open()
    await kept.derived.clear()
    await kept.close()
    const rebuilt = await reopen(store, clock)
    await expectMoments(rebuilt, moments)
    await rebuilt.close()
  })

  it('is the same where the pages turn out damaged, which the next opening mends', async () => {
    const { store, damage } = reachable()
    const { vault, clock, moments } = await withPages(store)
    await vault.reopen()
    expect(await damage()).toBe(3)
    await expectMoments(vault, moments)
    expect((await vault.health()).keepFailure).toBe('a row of the derived store does not open')
    await vault.close()
    const mended = await reopen(store, clock)
    await expectMoments(mended, moments)
    expect((await mended.health()).keepFailure).toBeUndefined()
    await mended.close()
  })

  it('is the same in a backup', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-as-of-'))
    try {
      const from = join(folder, 'backup.muna')
      const { vault, moments } = await withPages(memoryStore())
      await vault.backup(from)
      await vault.close()
      const reader = await BackupReader.open({ from, unlock: noKdf })
      for (const { position, list } of moments) {
        expect(await (await reader.asOf({ position })).list()).toEqual(list)
      }
      await reader.close()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
