import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { passphrase, recoveryKey, type Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { create, open, refusal, scratch } from './vault-material.ts'

let parent: string
let path: string
beforeEach(async () => {
  parent = await scratch({ fast: true })
  path = join(parent, 'vault')
})
afterEach(() => rm(parent, { recursive: true }))

describe('a vault is open once', () => {
  it('whatever its folder is called', async () => {
    const vault = await create({ path })
    const link = join(parent, 'link')
    await symlink(path, link)
    for (const spelling of [path, `${path}/`, `${path}/../vault`, link]) {
      expect(await refusal(open({ path: spelling }))).toMatchObject({
        code: 'IN_USE',
        message: expect.stringContaining(`process ${process.pid}`),
        found: process.pid,
      })
      expect(await refusal(create({ path: spelling }))).toMatchObject({ code: 'EXISTS' })
    }
    await vault.write('a', 'one')
    await vault.close()
    const again = await open({ path: link })
    expect((await again.read('a')).text()).toBe('one')
    await again.close()
    await checkVault(path)
  })

  it('by one process, whose end another one can wait for', async () => {
    const words = 'kept by nobody, used by this test'
    const unlock = passphrase(words, { memoryKiB: 19_456, passes: 2, lanes: 1 })
    const script = fileURLToPath(new URL('vault-writer.mjs', import.meta.url))
    const child = spawn(process.execPath, [script, path, '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, MUNIMENT_PASSPHRASE: words },
    })
    try {
      await once(child.stdout, 'data')
      expect(await refusal(open({ path }, { unlock }))).toMatchObject({
        code: 'IN_USE',
        message: expect.stringMatching(new RegExp(`process ${child.pid} on `)),
        found: child.pid,
      })
      const waiting = open({ path, waitForLock: 20_000 }, { unlock })
      child.kill('SIGKILL')
      await (await waiting).close()
      await checkVault(path, unlock)
    } finally {
      child.kill('SIGKILL')
    }
  })
})

describe('what is not there, and what is there already', () => {
  it('open finds nothing: NOT_FOUND, and makes nothing', async () => {
    expect(await refusal(open({ path }))).toMatchObject({ code: 'NOT_FOUND' })
    await mkdir(path)
    expect(await refusal(open({ path }))).toMatchObject({ code: 'NOT_FOUND', path })
    await (await create({ path })).close()
  })

  it('create makes nothing over a vault, open or closed: EXISTS', async () => {
    const vault = await create({ path })
    expect(await refusal(create({ path }))).toMatchObject({ code: 'EXISTS' })
    await vault.write('a', 'one')
    await vault.close()
    expect(await refusal(create({ path }))).toMatchObject({ code: 'EXISTS' })
    await expectOne(await open({ path }))
  })

  it('a keyring of a later version is UNSUPPORTED, and left as it is', async () => {
    await (await create({ path })).close()
    const file = join(path, 'keyring')
    const bytes = await readFile(file)
    bytes.writeUInt32BE(2, 4)
    await writeFile(file, bytes)
    expect(await refusal(open({ path }))).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'keyring: expected version 1, found 2',
      expected: 1,
      found: 2,
    })
    expect(await readFile(file)).toEqual(bytes)
    bytes.writeUInt32BE(1, 4)
    await writeFile(file, bytes)
    await (await open({ path })).close()
  })

  it('a credential that opens nothing is WRONG_KEY, and recorded at the next opening', async () => {
    const unlock = recoveryKey().credential
    await (await create({ path }, { unlock })).close()
    const wrong = recoveryKey().credential
    expect(await refusal(open({ path }, { unlock: wrong }))).toMatchObject({ code: 'WRONG_KEY' })
    const vault = await open({ path }, { unlock })
    expect(await vault.health()).toMatchObject({ failedUnlocks: 1 })
    await vault.close()
    const { events } = await checkVault(path, unlock)
    expect(events.filter(({ type }) => type === 'auth.failed')).toHaveLength(1)
  })

  async function expectOne(vault: Vault): Promise<void> {
    expect((await vault.read('a')).text()).toBe('one')
    await vault.close()
    await checkVault(path)
  }
})
