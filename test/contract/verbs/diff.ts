import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenSubject, Subject } from './subject.ts'

/** What changed between two moments. */
export function diffVerbs(open: OpenSubject): void {
  describe('a difference', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    it('is the one that the vault finds, dates and all', async () => {
      const { vault, host, clock } = subject
      const { position } = await vault.write('prod/a', 'x', { owner: 'team/pay' })
      await vault.rotate('prod/a', 'y', { reason: 'due' })
      const expiresAt = new Date(clock.now() + 3_600_000)
      await vault.annotate('prod/a', { owner: null, expiresAt, tags: { team: 'ops' } })
      await vault.write('dev/b', 'x')
      const rules = [{ effect: 'allow', capabilities: ['read'], paths: ['dev/**'] }] as const
      await host.policies.write('reader', { rules })
      await host.rotationPolicies.set({ prefix: 'prod/' }, { rotateEvery: 86_400_000 })
      const to = { position: (await host.health()).size - 1 }
      const found = await vault.diff({ position }, to)
      expect(found).toEqual(await host.diff({ position }, to))
      const [dev, prod] = found.secrets
      expect(dev).toMatchObject({ path: 'dev/b', change: 'added' })
      expect(prod?.fields).toContainEqual({ field: 'expiresAt', after: expiresAt })
      expect(prod?.events[0]).toMatchObject({ type: 'secret.rotated', reason: 'due' })
      expect(prod?.events[0]?.time).toBeInstanceOf(Date)
      expect(found.access.map(({ name }) => name)).toEqual(['reader'])
      const some = await vault.diff({ position }, to, { subject: 'prod/**' })
      expect(some.secrets.map(({ path }) => path)).toEqual(['prod/a'])
    })

    it('is nothing between equal moments', async () => {
      const at = { position: 0 }
      expect(await subject.vault.diff(at, at)).toMatchObject({
        secrets: [],
        access: [],
        keys: [],
        counts: { events: 0, secrets: 0, bySecretChange: {} },
      })
    })

    it.each([
      ['ends before it begins', { position: 1 }, { position: 0 }, 'to is before from'],
      ['begins outside the log', { position: 1_000_000 }, { position: 1_000_000 }, 'from'],
    ])('is refused where it %s', async (_, from, to, message) => {
      await expect(subject.vault.diff(from, to)).rejects.toMatchObject({
        code: 'INVALID',
        message: expect.stringContaining(message),
      })
    })
  })
}
