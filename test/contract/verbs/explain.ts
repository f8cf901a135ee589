import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenSubject, Subject } from './subject.ts'

/** Who may do what, and why; and how the vault is. */
export function explainVerbs(open: OpenSubject): void {
  describe('explain and health', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    it('say which rule decides, and by which grant', async () => {
      const { vault } = subject
      const { position } = await vault.policies.write('p', {
        rules: [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }],
      })
      await vault.roles.write('payer', { policies: ['p'] })
      const before = (await vault.roles.grant('user/ana', 'payer')).position ?? 0
      const asked = { capability: 'read', path: 'prod/db' } as const
      expect(await vault.explain({ actor: 'user/ana' }, asked)).toMatchObject({
        allowed: true,
        effect: 'allow',
        rule: 'p#0',
        role: 'payer',
        policy: position,
        why: expect.stringContaining('p#0 allows read on prod/**'),
      })
      const then = await vault.explain({ actor: 'user/ana' }, asked, {
        at: { position: before - 1 },
      })
      expect(then).toMatchObject({ allowed: false, effect: 'deny' })
    })

    it('judge by roles that a host would say, and by policies in place of any', async () => {
      const { vault } = subject
      await vault.policies.write('p', {
        rules: [{ effect: 'allow', capabilities: ['audit'], paths: ['**'] }],
      })
      await vault.roles.write('auditor', { policies: ['p'] })
      const whole = { capability: 'audit', path: '' } as const
      const asserted = await vault.explain({ actor: 'user/bo', roles: ['auditor'] }, whole)
      expect(asserted).toMatchObject({ allowed: true, asserted: true })
      const held = await vault.explain({ actor: 'user/bo', policies: ['p'] }, whole)
      expect(held).toMatchObject({ allowed: true, role: '' })
      const none = await vault.explain({ actor: 'user/bo', policies: [] }, whole)
      expect(none.allowed).toBe(false)
    })

    it.each([
      ['an actor that is none', { actor: '' }, 'a', {}],
      ['a path that is none', { actor: 'user/a' }, 'a//b', {}],
      ['a moment to come', { actor: 'user/a' }, 'a', { at: { position: 100_000 } }],
    ])('refuse %s', async (_, who, path, options) => {
      await expect(
        subject.vault.explain(who, { capability: 'read', path }, options),
      ).rejects.toMatchObject({ code: 'INVALID' })
    })

    it('tell how the vault is', async () => {
      const { vault, host } = subject
      await vault.write('a', 'x')
      const health = await vault.health()
      expect(health).toMatchObject({ status: 'ok', secrets: 1, waiting: 0, anchors: [] })
      expect(health.size).toBeLessThanOrEqual((await host.health()).size)
    })
  })
}
