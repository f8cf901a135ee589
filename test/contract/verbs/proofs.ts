import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SignedCheckpoint } from '../../../src/index.ts'
import {
  openCheckpoint,
  parseVkey,
  verifyConsistency,
  verifyEventProof,
} from '../../../src/verify.ts'
import type { OpenSubject, Subject } from './subject.ts'

/** What the vault says of its log to others, and the log held against itself. */
export function proofVerbs(open: OpenSubject): void {
  describe('proofs', () => {
    let subject: Subject
    let log: ReturnType<typeof parseVkey>
    beforeEach(async () => {
      subject = await open()
      log = parseVkey(subject.host.identity().verifier)
    })
    afterEach(() => subject.close())

    it('sign the log as it is, and list what is signed', async () => {
      const { vault } = subject
      const signed = await vault.proofs.checkpoint()
      expect(Buffer.isBuffer(signed.note) && Buffer.isBuffer(signed.root)).toBe(true)
      const opened = openCheckpoint(signed.note, { log })
      expect(opened).toMatchObject({ size: signed.size, origin: signed.origin })
      expect(opened.root.equals(signed.root)).toBe(true)
      const listed: SignedCheckpoint[] = []
      for await (const each of vault.proofs.checkpoints()) listed.push(each)
      expect(listed.map(({ size }) => size)).toContain(signed.size)
      expect(listed.find(({ size }) => size === signed.size)).toEqual(signed)
    })

    it('show that an event stands in the log', async () => {
      const { vault } = subject
      const { position } = await vault.write('a', 'x')
      const proof = await vault.proofs.event(position)
      expect(proof.position).toBe(position)
      const proved = verifyEventProof(proof.file, { log })
      expect(proved).toMatchObject({ index: position, size: proof.size })
      expect(proved.event).toMatchObject({ type: 'secret.written', subject: 'a' })
    })

    it('show that the log continues an earlier one, kept by the vault or by somebody else', async () => {
      const { vault } = subject
      const from = await vault.proofs.checkpoint()
      await vault.write('a', 'x')
      const { to, proof } = await vault.proofs.consistency(from)
      const said = { from: from.size, to: to.size, fromRoot: from.root, toRoot: to.root }
      expect(() => verifyConsistency({ ...said, proof })).not.toThrow()
      expect(to.size).toBeGreaterThan(from.size)
      const again = await vault.proofs.consistency(from, to)
      expect(again.proof).toEqual(proof)
    })

    it('refuse a root that the log never had', async () => {
      const { vault } = subject
      const from = await vault.proofs.checkpoint()
      await vault.write('a', 'x')
      const another = { ...from, root: Buffer.alloc(32, 7) }
      await expect(vault.proofs.consistency(another)).rejects.toMatchObject({ code: 'INTEGRITY' })
    })

    it.each([
      ['a position beyond the log', 1_000_000],
      ['what is no position', -1],
    ])('refuse %s', async (_, position) => {
      await expect(subject.vault.proofs.event(position)).rejects.toMatchObject({ code: 'INVALID' })
    })
  })

  describe('verification', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
      await subject.host.write('a', 'x')
    })
    afterEach(() => subject.close())

    it('finds nothing amiss in a sound log, and tells how far it has come', async () => {
      const { vault, host } = subject
      const told: number[] = []
      const found = await vault.verify({ onProgress: ({ position }) => told.push(position) })
      expect(found).toMatchObject({ ok: true, problems: [], macs: 'checked', keys: 'checked' })
      expect(found.size).toBeLessThanOrEqual((await host.health()).size)
      expect(found.root).toMatch(/^[0-9a-f]{64}$/)
      expect(told.at(-1)).toBe(found.size)
    })

    it('holds the log against a checkpoint that was kept elsewhere', async () => {
      const { vault, host } = subject
      const { note } = await vault.proofs.checkpoint()
      await host.write('a', 'y')
      const log = parseVkey(host.identity().verifier)
      const sound = await vault.verify({ against: { checkpoint: note, trust: { log } } })
      expect(sound.problems).toEqual([])
      expect(sound.anchored).toBeGreaterThan(0)
      await expect(
        vault.verify({ against: { checkpoint: Buffer.from('no note') } }),
      ).rejects.toMatchObject({
        code: 'INVALID',
        message: 'what was given to compare with is no checkpoint',
      })
    })

    it('gives up when its caller does', async () => {
      const signal = AbortSignal.abort()
      await expect(subject.vault.verify({ signal })).rejects.toMatchObject({ code: 'ABORTED' })
    })
  })
}
