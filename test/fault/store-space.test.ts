import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { LevelStore } from '../../src/store/level.ts'
import type { Store } from '../../src/store/port.ts'
import { bytes, createVault, positions, sealed } from './store-material.ts'

const MiB = 1024 * 1024
const disk = mkdtempSync(join(tmpdir(), 'muniment-disk-'))
const mounted = mount()

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

afterAll(() => {
  if (mounted) execFileSync('umount', ['--lazy', disk])
  rmSync(disk, { recursive: true })
})

/** Commits of 64 KiB until one is refused: the head that was acknowledged, and the refusal. */
async function fill(store: Store): Promise<{ acked: number; refusal: unknown }> {
  for (let acked = await store.head(); ; acked++) {
    try {
      await store.commit({ first: acked, sealed: sealed(1, 64 * 1024) })
    } catch (refusal) {
      return { acked, refusal }
    }
  }
}

const needsMount = mounted ? '' : ' (SKIPPED: mounting a tmpfs is not allowed here)'

describe.skipIf(!mounted)(`a folder that is mounted twice${needsMount}`, () => {
  it('is IN_USE by its other path, which LevelDB would open as well', async () => {
    const folder = join(disk, 'vault')
    const mirror = join(disk, 'mirror')
    const store = await createVault(folder, { freeBytesMin: 0 })
    await mkdir(mirror)
    execFileSync('mount', ['--bind', folder, mirror])
    try {
      await expect(LevelStore.open(mirror)).rejects.toMatchObject({ code: 'IN_USE', path: mirror })
    } finally {
      execFileSync('umount', [mirror])
      await store.close()
      await rm(folder, { recursive: true })
    }
  })
})

describe.skipIf(!mounted)(`a full disk${needsMount}`, () => {
  it('is NO_SPACE at the floor, before LevelDB can fail, and goes on once there is space', async () => {
    const folder = join(disk, 'floor')
    const filler = join(disk, 'filler')
    const store = await createVault(folder, { freeBytesMin: 6 * MiB })
    await writeFile(filler, new Uint8Array(8 * MiB))
    const { acked, refusal } = await fill(store)
    expect(refusal).toMatchObject({ code: 'NO_SPACE', retry: 'now', expected: 6 * MiB })
    expect(acked).toBeGreaterThan(50)
    // The floor is what the small files live on: a keyring can still be replaced.
    await store.files.replace('keyring', new Uint8Array(64 * 1024))
    await rm(filler)
    await store.commit({ first: acked, sealed: sealed(1) })
    await store.close()
    const again = await LevelStore.open(folder, { freeBytesMin: 0 })
    expect(await positions(again)).toHaveLength(acked + 1)
    await again.close()
    await rm(folder, { recursive: true })
  })

  // A store of its own: what LevelDB tidies in the background gives space back to one that was filled.
  it('is NO_SPACE to derived rows as well, which are written once there is space', async () => {
    const folder = join(disk, 'derived')
    const store = await createVault(folder, { freeBytesMin: 32 * MiB })
    const derived = store.derived.write({ put: [[bytes('a'), new Uint8Array(64 * 1024)]] })
    await expect(derived).rejects.toMatchObject({ code: 'NO_SPACE', expected: 32 * MiB })
    expect(await store.derived.get(bytes('a'))).toBeUndefined()
    await store.close()
    const again = await LevelStore.open(folder, { freeBytesMin: 0 })
    await again.derived.write({ put: [[bytes('a'), bytes('1')]] })
    expect(await again.derived.get(bytes('a'))).toEqual(Buffer.from('1'))
    await again.close()
    await rm(folder, { recursive: true })
  })

  it('is UNCERTAIN without a floor, then FAILED, and a reopen loses nothing acknowledged', async () => {
    const folder = join(disk, 'no-floor')
    const filler = join(disk, 'filler')
    await writeFile(filler, new Uint8Array(12 * MiB))
    const store = await createVault(folder, { freeBytesMin: 0 })
    const { acked, refusal } = await fill(store)
    expect(refusal).toMatchObject({ code: 'UNCERTAIN', retry: 'reopen' })
    await rm(filler)
    // There is space again, and LevelDB would acknowledge this only to forget it.
    await expect(store.commit({ first: acked, sealed: sealed(1) })).rejects.toMatchObject({
      code: 'FAILED',
      retry: 'reopen',
    })
    expect(await store.head()).toBe(acked)
    await store.close()
    const again = await LevelStore.open(folder, { freeBytesMin: 0 })
    const head = await again.head()
    expect([acked, acked + 1]).toContain(head)
    expect(await positions(again)).toHaveLength(head)
    await again.commit({ first: head, sealed: sealed(1) })
    await again.close()
    await rm(folder, { recursive: true })
  })

  it('is NO_SPACE to a file, and the old file stands', async () => {
    const folder = join(disk, 'files')
    const store = await createVault(folder, { freeBytesMin: 0 })
    await expect(store.files.replace('keyring', new Uint8Array(32 * MiB))).rejects.toMatchObject({
      code: 'NO_SPACE',
    })
    expect(Buffer.from((await store.files.read('keyring')) ?? [])).toEqual(
      Buffer.from('stands for a keyring'),
    )
    expect(await store.files.list()).toEqual(['keyring'])
    await store.close()
    await rm(folder, { recursive: true })
  })
})
