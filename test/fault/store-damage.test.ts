import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LevelStore } from '../../src/store/level.ts'
import { bytes, closedVault, createVault, positions, sealed } from './store-material.ts'

let folder: string
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'muniment-fault-')), 'vault')
})
afterEach(() => rm(dirname(folder), { recursive: true, force: true }))

const tables = async () => (await readdir(join(folder, 'log'))).filter((n) => n.endsWith('.ldb'))

describe('a damaged log is INTEGRITY and is left as it is', () => {
  it.each([
    ['CURRENT', (name: string) => name === 'CURRENT'],
    ['the MANIFEST', (name: string) => name.startsWith('MANIFEST-')],
  ])('without %s', async (_name, isLost) => {
    await closedVault(folder)
    const before = await tables()
    expect(before).not.toEqual([])
    const lost = (await readdir(join(folder, 'log'))).filter(isLost)
    for (const name of lost) await rm(join(folder, 'log', name))
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(LevelStore.open(folder)).rejects.toMatchObject({
        code: 'INTEGRITY',
        message: expect.stringContaining('could not open'),
      })
    }
    await expect(LevelStore.create(folder)).rejects.toMatchObject({ code: 'EXISTS' })
    expect(await tables()).toEqual(before)
  })

  it('without a table', async () => {
    await closedVault(folder)
    for (const name of await tables()) await rm(join(folder, 'log', name))
    await expect(LevelStore.open(folder)).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringContaining('LEVEL_CORRUPTION'),
    })
  })

  it('without the log at all', async () => {
    await closedVault(folder)
    await rm(join(folder, 'log'), { recursive: true })
    await expect(LevelStore.open(folder)).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: `${folder} has a keyring and no log`,
    })
  })

  it('without CURRENT and without a keyring it is not created over either', async () => {
    await closedVault(folder)
    const before = await tables()
    await rm(join(folder, 'keyring'))
    await rm(join(folder, 'log', 'CURRENT'))
    await expect(LevelStore.create(folder)).rejects.toMatchObject({ code: 'EXISTS' })
    expect(await tables()).toEqual(before)
  })
})

describe('rows that are not as they were written are INTEGRITY, naming the position', () => {
  type Log = Level<Buffer, Buffer>

  /** Opens a vault whose log was changed behind the store's back. */
  async function openChanged(change: (log: Log) => Promise<void>): Promise<LevelStore> {
    await closedVault(folder)
    const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', createIfMissing: false }
    const log: Log = new Level(join(folder, 'log'), options)
    await change(log)
    await log.close()
    return LevelStore.open(folder)
  }

  const at = (position: number) => {
    const key = Buffer.alloc(8)
    key.writeBigUInt64BE(BigInt(position))
    return key
  }

  const without = (position: number) => (log: Log) => log.del(at(position))
  const withCount = (count: number) => (log: Log) => log.put(at(4), Buffer.from(sealed(count)))

  it.each([
    ['a commit is gone from the middle', 6, without(6), 0],
    ['the commit that a read begins in is gone', 6, without(6), 7],
    ['the first commit is gone', 0, without(0), 1],
    ['a commit counts more than it holds', 7, withCount(3), 0],
    ['a commit counts less than it holds', 5, withCount(1), 0],
  ])('%s', async (_name, position, change, from) => {
    const store = await openChanged(change)
    await expect(positions(store, from)).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(new RegExp(`no commit holds position ${position}:`)),
      expected: position,
    })
    await store.close()
  })

  it('a read hands out no commit in place of the one that it asked for', async () => {
    const store = await openChanged(without(6))
    const first = store.read({ from: 7, to: 8 })[Symbol.asyncIterator]().next()
    await expect(first).rejects.toMatchObject({ code: 'INTEGRITY', expected: 6 })
    await store.close()
  })

  it('a read does not end before the position that it was asked to reach', async () => {
    const store = await openChanged(without(6))
    const reading = store.read({ from: 4, to: 8 })[Symbol.asyncIterator]()
    expect((await reading.next()).value).toMatchObject([{ first: 4 }])
    await expect(reading.next()).rejects.toMatchObject({ code: 'INTEGRITY', expected: 6 })
    await store.close()
  })

  it.each([
    ['is shorter than its header', 'commit at 4 has an impossible length', 'MUN1'],
    ['says that it is empty', 'commit at 4 says that it is empty', sealed(0)],
  ])('a commit %s', async (_name, message, value) => {
    const store = await openChanged((log) => log.put(at(4), Buffer.from(value)))
    await expect(positions(store)).rejects.toMatchObject({ code: 'INTEGRITY', message })
    await store.close()
  })
})

describe('derived rows are disposable', () => {
  it('are made again where they cannot be opened', async () => {
    const store = await createVault(folder)
    await store.derived.write({ put: [[bytes('a'), bytes('1')]] })
    await store.commit({ first: 0, sealed: sealed(1) })
    await store.close()
    await writeFile(join(folder, 'derived', 'CURRENT'), 'nonsense')
    const again = await LevelStore.open(folder)
    expect(await again.derived.get(bytes('a'))).toBeUndefined()
    expect(await again.head()).toBe(1)
    await again.derived.write({ put: [[bytes('b'), bytes('2')]] })
    await again.close()
  })

  it('leave nothing for the next open to replay', async () => {
    const store = await createVault(folder)
    await store.derived.write({ put: [[bytes('a'), new Uint8Array(100_000)]] })
    await store.close()
    const journals = (await readdir(join(folder, 'derived'))).filter((n) => n.endsWith('.log'))
    const sizes = await Promise.all(
      journals.map(async (name) => (await stat(join(folder, 'derived', name))).size),
    )
    expect(sizes).toEqual([0])
  })

  it('end for a reader under whom they are cleared', async () => {
    const store = await createVault(folder)
    const rows = Array.from({ length: 3000 }, (_, n) => [bytes(String(n)), bytes('x')] as const)
    await store.derived.write({ put: rows })
    const reading = store.derived.range(bytes('0'), bytes('a'))[Symbol.asyncIterator]()
    expect((await reading.next()).value).toHaveLength(1000)
    await store.derived.clear()
    expect((await reading.next()).done).toBe(true)
    await store.close()
  })
})
