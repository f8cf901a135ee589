import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { levelStore, type StoreOpener, type Vault, VaultError } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { create, open, refusal } from './vault-material.ts'

const MiB = 1024 * 1024
const disk = mkdtempSync(join(tmpdir(), 'muniment-disk-'))
const folder = join(disk, 'vault')
const filler = join(disk, 'filler')
const mounted = mount()

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

afterEach(() => rm(folder, { recursive: true, force: true }))
afterAll(() => {
  if (mounted) execFileSync('umount', ['--lazy', disk])
  rmSync(disk, { recursive: true })
})

interface Filled {
  /** Values that were acknowledged, by path. */
  readonly acked: ReadonlyMap<string, string>
  readonly refusals: readonly VaultError[]
}

/** Eight callers write values of 32 KiB until each has been refused. */
async function fill(vault: Vault): Promise<Filled> {
  const acked = new Map<string, string>()
  const refusals: VaultError[] = []
  const caller = async (name: number) => {
    for (let n = 0; ; n++) {
      const path = `prod/${name}/${n}`
      const value = `${path} `.padEnd(32 * 1024, 'x')
      try {
        await vault.write(path, value)
        acked.set(path, value)
      } catch (error) {
        if (!(error instanceof VaultError)) throw error
        refusals.push(error)
        return
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, name) => caller(name)))
  return { acked, refusals }
}

async function expectAll(vault: Vault, { acked }: Filled): Promise<void> {
  for (const [path, value] of acked) expect((await vault.read(path)).text()).toBe(value)
}

const codes = (refusals: readonly VaultError[]) => [...new Set(refusals.map(({ code }) => code))]

const needsMount = mounted ? '' : ' (SKIPPED: mounting a tmpfs is not allowed here)'

describe.skipIf(!mounted)(`a vault on a disk that fills up${needsMount}`, () => {
  it('refuses with NO_SPACE at the floor, and goes on once there is space', async () => {
    const store: StoreOpener = levelStore(folder, { freeBytesMin: 6 * MiB })
    const vault = await create({ store })
    await writeFile(filler, new Uint8Array(8 * MiB))
    const filled = await fill(vault)
    expect(codes(filled.refusals)).toEqual(['NO_SPACE'])
    expect(filled.acked.size).toBeGreaterThan(50)
    const health = await vault.health()
    expect(health).toMatchObject({ status: 'ok' })
    expect(health.freeBytes).toBeLessThan(6 * MiB + 512 * 1024)
    await rm(filler)
    await vault.write('prod/after', 'there is space again')
    await expectAll(vault, filled)
    await vault.close()
    await checkVault(folder)
  })

  it('lets go of a folder that has no space for the record of its closing', async () => {
    const store = levelStore(folder, { freeBytesMin: 2 * MiB })
    const vault = await create({ store })
    const filled = { acked: new Map([['prod/a', 'value']]), refusals: [] }
    await vault.write('prod/a', 'value')
    await writeFile(filler, new Uint8Array(22 * MiB))
    const large = vault.write('prod/b', new Uint8Array(768 * 1024))
    expect(await refusal(large)).toMatchObject({ code: 'NO_SPACE' })
    expect(await refusal(vault.close())).toMatchObject({ code: 'NO_SPACE' })
    expect(await refusal(vault.list())).toMatchObject({ code: 'CLOSED' })
    expect(await refusal(open({ store }))).toMatchObject({ code: 'NO_SPACE' })
    await rm(filler)
    const again = await open({ store })
    await expectAll(again, filled)
    await again.close()
    await checkVault(folder)
  })

  it('is UNCERTAIN without a floor, then FAILED, and a reopen loses nothing acknowledged', async () => {
    const store = levelStore(folder, { freeBytesMin: 0 })
    await writeFile(filler, new Uint8Array(12 * MiB))
    const vault = await create({ store })
    const filled = await fill(vault)
    expect(codes(filled.refusals).sort()).toEqual(['FAILED', 'UNCERTAIN'])
    await rm(filler)
    // There is space again, and LevelDB would acknowledge a write only to forget it.
    expect(await refusal(vault.write('prod/after', 'x'))).toMatchObject({ code: 'FAILED' })
    expect(await vault.health()).toMatchObject({ status: 'failed' })
    await vault.reopen()
    await expectAll(vault, filled)
    const uncertain = filled.refusals.filter(({ code }) => code === 'UNCERTAIN')
    for (const { eventIds = [] } of uncertain) {
      expect(eventIds).toHaveLength(1)
      for (const id of eventIds) {
        const event = await vault.outcome(id)
        if (event === undefined) continue
        expect(event).toMatchObject({ id, type: 'secret.written' })
        expect(await vault.exists(event.subject)).toBe(true)
      }
    }
    await vault.write('prod/after', 'there is space again')
    await vault.close()
    await checkVault(folder)
  })
})
