import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { passphrase, recoveryKey } from '../../../src/index.ts'
import type { OpenSubject, Subject } from './subject.ts'

// Keys are derived, several times a case.
vi.setConfig({ testTimeout: 30_000 })

/** As little work for the key derivation as a keyslot may ask. */
const light = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 } as const

/** The verbs of keyslots, keys and anchors. */
export function keyVerbs(open: OpenSubject): void {
  describe('keys', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    it('have a keyslot more, by a passphrase that stays where it is', async () => {
      const { vault, clock } = subject
      const slot = await vault.keyslots.add(passphrase('of ana', light), {
        label: 'ana',
        reason: 'on call',
      })
      expect(slot).toEqual({
        id: expect.any(String),
        kind: 'argon2id',
        role: 'owner',
        label: 'ana',
        createdAt: new Date(clock.now()),
        current: false,
      })
      expect(await vault.keyslots.list()).toContainEqual(slot)
    })

    it('stay with the keyslots that are kept, and with no other, when the root is new', async () => {
      const { vault } = subject
      const words = passphrase('of ana', light)
      const kept = await vault.keyslots.add(words)
      const { credential } = recoveryKey()
      const recovery = await vault.keyslots.add(credential, { role: 'auditor' })
      const gone = await vault.keyslots.addRecovery({ label: 'in the safe' })
      expect(gone).toMatchObject({ kind: 'recovery', label: 'in the safe' })
      expect(() => recoveryKey.parse(gone.text)).not.toThrow()
      const told: object[] = []
      const rotated = await vault.keys.rotateRoot({
        keep: [words, credential],
        onProgress: (at) => told.push(at),
      })
      expect(rotated).toMatchObject({ verifier: expect.stringContaining('+'), epoch: 2 })
      expect(rotated.removed).toContain(gone.id)
      const left = await vault.keyslots.list()
      expect(left.map(({ id }) => id)).toEqual([kept.id, recovery.id])
      // What was kept opens it still: it can be kept again.
      const again = await vault.keys.rotateRoot({ keep: [words] })
      expect(again.removed).toEqual([recovery.id])
    })

    it.each([
      ['opens no keyslot of an owner', [passphrase('wrong', light)], 'INVALID'],
      ['fails by itself', [{ kinds: ['argon2id'] as const, key: fail }], undefined],
    ])('stay as they are where what is to be kept %s', async (_, keep, code) => {
      const { vault } = subject
      await vault.keyslots.add(passphrase('of ana', light))
      const before = await vault.keyslots.list()
      const failure = await vault.keys.rotateRoot({ keep }).catch((error) => error)
      if (code === undefined) expect(failure).toMatchObject({ message: 'no such device' })
      else expect(failure).toMatchObject({ code })
      expect(await vault.keyslots.list()).toEqual(before)
      // Nobody waits for a key that does not come.
      expect(await vault.keys.rotate()).toMatchObject({ epoch: 2 })
    })

    it('have another credential in the place of one, whose role and label stay', async () => {
      const { vault } = subject
      const { id } = await vault.keyslots.add(passphrase('old', light), {
        label: 'auditor',
        role: 'auditor',
      })
      const next = await vault.keyslots.replace(id, passphrase('new', { kdf: 'pbkdf2' }))
      expect(next).toMatchObject({ kind: 'pbkdf2', role: 'auditor', label: 'auditor' })
      expect(next.id).not.toBe(id)
      await expect(vault.keyslots.remove(id)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'there is no keyslot with this id',
      })
      expect(await vault.keyslots.remove(next.id)).toBeUndefined()
    })

    it('are rotated and shredded, and listed with their age', async () => {
      const { vault, clock } = subject
      await vault.write('a', 'x')
      expect(await vault.keys.rotate()).toMatchObject({ epoch: 2, position: expect.any(Number) })
      const { verifier } = await vault.keys.rotateSigning({ reason: 'yearly' })
      const told: { keys: number; of: number }[] = []
      expect(await vault.keys.shred({ onProgress: (at) => told.push(at) })).toMatchObject({
        keys: 1,
        epoch: 2,
      })
      const listed = await vault.keys.list()
      expect(listed).toContainEqual({
        purpose: 'log',
        epoch: 2,
        from: expect.any(Number),
        createdAt: new Date(clock.now()),
        state: 'current',
      })
      expect(
        listed.find(({ purpose, state }) => purpose === 'signing' && state === 'current'),
      ).toEqual(expect.objectContaining({ publicKey: verifier }))
      expect((await vault.read('a')).text()).toBe('x')
    })

    it('sign checkpoints that go to anchors besides', async () => {
      const { vault } = subject
      const folder = await mkdtemp(join(tmpdir(), 'muniment-anchor-'))
      try {
        const file = join(folder, 'checkpoint')
        const added = await vault.anchors.add({ file })
        expect(added).toMatchObject({ kind: 'file', target: file })
        expect(added.size).toBeGreaterThan(0)
        expect(await readFile(file, 'utf8')).toContain('muniment/')
        expect(await vault.anchors.now()).toMatchObject([{ target: file }])
        await expect(vault.anchors.add({ file })).rejects.toMatchObject({ code: 'EXISTS' })
        expect(await vault.anchors.remove(file)).toBeUndefined()
        expect(await vault.anchors.list()).toEqual([])
        await expect(vault.anchors.remove(file)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      } finally {
        await rm(folder, { recursive: true })
      }
    })

    it('go to no place that is none', async () => {
      await expect(
        subject.vault.anchors.add({ witness: 'ftp://a', vkey: 'x' }),
      ).rejects.toMatchObject({ code: 'INVALID' })
    })
  })
}

async function fail(): Promise<Buffer> {
  throw new Error('no such device')
}
