import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LevelStore } from '../../src/store/level.ts'
import { closedVault, createVault } from './store-material.ts'

let parent: string
let folder: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'muniment-fault-'))
  folder = join(parent, 'vault')
})
afterEach(() => rm(parent, { recursive: true, force: true }))

describe('one folder is open once', () => {
  it('by another spelling or a symbolic link it is IN_USE, naming this process', async () => {
    const store = await createVault(folder)
    const alias = join(parent, 'alias')
    await symlink(folder, alias)
    for (const path of [
      folder,
      `${folder}/.`,
      `${parent}/../${parent.split('/').at(-1)}/vault`,
      alias,
    ]) {
      await expect(LevelStore.open(path)).rejects.toMatchObject({
        code: 'IN_USE',
        message: expect.stringContaining(`process ${process.pid}`),
        found: process.pid,
      })
    }
    await store.close()
    const again = await LevelStore.open(alias)
    expect(again.location).toBe(store.location)
    await again.close()
  })

  it('held by another process it is IN_USE, naming path and process, until that one lets go', async () => {
    await closedVault(folder)
    const script = fileURLToPath(new URL('store-holder.mjs', import.meta.url))
    const holder = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      await once(holder.stdout, 'data')
      await expect(LevelStore.open(folder)).rejects.toMatchObject({
        code: 'IN_USE',
        message: expect.stringMatching(new RegExp(`${folder} .* process ${holder.pid} on `)),
        path: folder,
      })
      await expect(LevelStore.create(folder)).rejects.toMatchObject({ code: 'EXISTS' })
      const waiting = LevelStore.open(folder, { waitForLock: 10_000 })
      holder.stdin.end()
      const store = await waiting
      expect(await store.head()).toBe(12)
      await store.close()
    } finally {
      holder.kill()
    }
  })

  it('waiting ends with IN_USE at its deadline and with ABORTED at a signal', async () => {
    const store = await createVault(folder)
    await expect(LevelStore.open(folder, { waitForLock: 30 })).rejects.toMatchObject({
      code: 'IN_USE',
    })
    const stop = new AbortController()
    const waiting = LevelStore.open(folder, { waitForLock: 10_000, signal: stop.signal })
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    await store.close()
  })

  it('a stale owner file keeps nobody out', async () => {
    await closedVault(folder)
    await writeFile(join(folder, 'owner'), '{"pid":1,"host":"elsewhere"}')
    const store = await LevelStore.open(folder)
    expect(JSON.parse(await readFile(join(folder, 'owner'), 'utf8')).pid).toBe(process.pid)
    await store.close()
    expect(await readdir(folder)).not.toContain('owner')
  })
})
