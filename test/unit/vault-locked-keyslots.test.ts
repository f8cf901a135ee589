import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyslotsReader, lockedKeyslots, recoveryKey, shares, Vault } from '../../src/index.ts'
import { parseShare } from '../../src/keys/share.ts'

let path: string
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'muniment-locked-'))
})
afterEach(() => rm(path, { recursive: true, force: true }))

describe('the keyslots of a vault that is not open', () => {
  it('are told by its folder, while another has it open too', async () => {
    const { credential, texts } = await shares({ threshold: 3, of: 5 })
    const vault = await Vault.create({ path, unlock: credential, label: 'board', actor: 'test' })
    await vault.keyslots.add(recoveryKey().credential, { role: 'auditor', label: 'external' })
    const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/)
    const expected = [
      {
        id: uuid,
        kind: 'shares',
        role: 'owner',
        label: 'board',
        shares: { threshold: 3, of: 5 },
        setId: expect.stringMatching(/^[0-9a-f]{8}$/),
      },
      { id: uuid, kind: 'recovery', role: 'auditor', label: 'external' },
    ]
    expect(await lockedKeyslots(path)).toEqual(expected)
    await vault.close()
    expect(await lockedKeyslots(path)).toEqual(expected)
    const [{ setId } = {}] = await lockedKeyslots(path)
    expect(setId).toBe(parseShare(texts[0]!, 'share').setId)
  })

  it('are read again where the keyring is another one, and where it was gone meanwhile', async () => {
    const first = recoveryKey().credential
    const vault = await Vault.create({ path, unlock: first, label: 'first', actor: 'test' })
    const keyslots = keyslotsReader(path)
    const labels = async () => (await keyslots()).map(({ label }) => label)
    expect(await labels()).toEqual(['first'])
    expect(await keyslots()).toBe(await keyslots())
    await vault.keyslots.add(recoveryKey().credential, { label: 'second' })
    expect(await labels()).toEqual(['first', 'second'])
    await vault.close()
    const bytes = await readFile(join(path, 'keyring'))
    await rm(join(path, 'keyring'))
    await expect(keyslots()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await writeFile(join(path, 'keyring'), bytes)
    expect(await labels()).toEqual(['first', 'second'])
  })

  it('are NOT_FOUND where there is no vault', async () => {
    const none = expect.objectContaining({ code: 'NOT_FOUND' })
    await expect(lockedKeyslots(path)).rejects.toEqual(none)
    await expect(lockedKeyslots(join(path, 'absent'))).rejects.toEqual(none)
    const vault = await Vault.create({ path, unlock: recoveryKey().credential, actor: 'test' })
    await vault.close()
    // As a create that was cut short leaves it.
    await rm(join(path, 'keyring'))
    await expect(lockedKeyslots(path)).rejects.toEqual(
      expect.objectContaining({
        code: 'NOT_FOUND',
        message: expect.stringContaining('it has no keyring'),
      }),
    )
  })

  it('are INTEGRITY where the keyring is no keyring', async () => {
    const vault = await Vault.create({ path, unlock: recoveryKey().credential, actor: 'test' })
    await vault.close()
    const keyring = join(path, 'keyring')
    await writeFile(keyring, new Uint8Array((await readFile(keyring)).length))
    await expect(lockedKeyslots(path)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })
})
