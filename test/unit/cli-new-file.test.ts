import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectFree, withNewFile, writeNewFile } from '../../src/cli/new-file.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-new-file-'))
})

afterAll(() => rm(folder, { recursive: true }))

describe('a new file', () => {
  it('is whole, and its owner’s alone', async () => {
    const path = join(folder, 'whole')
    await writeNewFile(path, 'mine')
    expect(await readFile(path, 'utf8')).toBe('mine')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('is gone where the work that fills it fails', async () => {
    const path = join(folder, 'partial')
    const failed = withNewFile(path, async (fill) => {
      await fill('half')
      expect(await readFile(path, 'utf8')).toBe('half')
      throw new Error('the other half is missing')
    })
    await expect(failed).rejects.toThrow('the other half is missing')
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    await writeNewFile(path, 'again')
    expect(await readFile(path, 'utf8')).toBe('again')
  })

  it('is not made over another, which stays', async () => {
    const path = join(folder, 'taken')
    await writeFile(path, 'theirs')
    const refusal = { code: 'EXISTS', path, message: `there is a file at ${path} already` }
    await expect(writeNewFile(path, 'mine')).rejects.toMatchObject(refusal)
    await expect(expectFree(path)).rejects.toMatchObject(refusal)
    expect(await readFile(path, 'utf8')).toBe('theirs')
    await expect(expectFree(join(folder, 'free'))).resolves.toBeUndefined()
  })
})
