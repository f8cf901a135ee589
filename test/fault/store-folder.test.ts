import {
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LevelStore } from '../../src/store/level.ts'
import type { Store } from '../../src/store/port.ts'
import { bytes, closedVault, createVault } from './store-material.ts'

let parent: string
let folder: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'muniment-fault-'))
  folder = join(parent, 'vault')
})
afterEach(() => rm(parent, { recursive: true, force: true }))

describe('where a vault may be created', () => {
  it('in a folder of its own, for its owner alone', async () => {
    const store = await createVault(folder)
    await store.files.overwrite('head', 0, bytes('x'))
    const mode = async (name: string) => (await stat(join(folder, name))).mode & 0o777
    expect(await mode('.')).toBe(0o700)
    expect(await mode('log')).toBe(0o700)
    expect(await mode('derived')).toBe(0o700)
    for (const name of ['keyring', 'head', 'owner']) expect(await mode(name)).toBe(0o600)
    await store.close()
  })

  it('on a disk that holds nothing but lost+found', async () => {
    await mkdir(join(folder, 'lost+found'), { recursive: true })
    await expect(LevelStore.open(folder)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const store = await createVault(folder)
    expect(await store.files.list()).toEqual(['keyring'])
    await store.close()
  })

  it('not among other things: INVALID, naming a folder to use, and nothing is touched', async () => {
    await mkdir(folder)
    await writeFile(join(folder, 'package.json'), '{}')
    await expect(LevelStore.create(folder)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(join(folder, 'vault')),
    })
    expect(await readdir(folder)).toEqual(['package.json'])
  })

  it("another program's log folder is no vault, and is not touched", async () => {
    await mkdir(join(folder, 'log'), { recursive: true })
    await writeFile(join(folder, 'log', 'access.log'), 'x')
    await expect(LevelStore.open(folder)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await readdir(join(folder, 'log'))).toEqual(['access.log'])
  })

  it('not in a file', async () => {
    await writeFile(folder, '')
    for (const attempt of [LevelStore.create, LevelStore.open]) {
      await expect(attempt(folder)).rejects.toMatchObject({ code: 'INVALID', path: folder })
    }
  })

  it('over a create that was killed at any point before its keyring', async () => {
    const store = await LevelStore.create(folder)
    await store.close()
    const whole = ['.tmp-0123456789abcdef', 'derived', 'log', 'owner']
    for (let left = 0; left < whole.length; left++) {
      await writeFile(join(folder, '.tmp-0123456789abcdef'), 'half a keyring')
      await expect(LevelStore.open(folder)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      for (const name of whole.slice(left))
        await rm(join(folder, name), { recursive: true, force: true })
      await (await LevelStore.create(folder)).close()
      expect(await readdir(folder)).toEqual(['derived', 'log'])
    }
  })

  it('not over a log that lost its keyring, which opens for the vault to judge', async () => {
    await closedVault(folder)
    await rm(join(folder, 'keyring'))
    await expect(LevelStore.create(folder)).rejects.toMatchObject({ code: 'EXISTS' })
    const store = await LevelStore.open(folder)
    expect(await store.head()).toBe(12)
    await store.close()
  })
})

describe('a replaced file', () => {
  it('leaves none of its old bytes on the disk', async () => {
    const store = await createVault(folder)
    await store.files.replace('keyring', bytes('old secret'))
    const old = await open(join(folder, 'keyring'))
    await store.files.replace('keyring', bytes('newer'))
    expect(String(await old.readFile())).toBe('\0'.repeat('old secret'.length))
    expect(await readFile(join(folder, 'keyring'), 'utf8')).toBe('newer')
    await old.close()
    await store.close()
  })

  it('is left whole under another name that somebody gave it', async () => {
    const store = await createVault(folder)
    await store.files.replace('keyring', bytes('old secret'))
    const copy = join(parent, 'copy')
    await link(join(folder, 'keyring'), copy)
    await store.files.replace('keyring', bytes('newer'))
    expect(await readFile(copy, 'utf8')).toBe('old secret')
    await store.close()
  })

  it('half replaced when the process was killed, is what it was', async () => {
    await closedVault(folder)
    await writeFile(join(folder, '.tmp-0011223344556677'), 'half of a keyr')
    const store = await LevelStore.open(folder)
    expect(await readdir(folder)).not.toContain('.tmp-0011223344556677')
    expect(await store.files.list()).toEqual(['keyring'])
    await store.close()
  })

  it('never takes a name that the store keeps for itself', async () => {
    const store: Store = await createVault(folder)
    for (const name of ['log', 'derived', 'owner']) {
      await expect(store.files.replace(name, bytes('x'))).rejects.toMatchObject({ code: 'INVALID' })
    }
    await store.close()
  })
})
