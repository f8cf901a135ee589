import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenSubject, Subject } from './subject.ts'

/** The verbs of policies, roles, grants and rotation policies. */
export function policyVerbs(open: OpenSubject): void {
  describe('policies', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    const rules = [
      { effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/**'] },
      { effect: 'deny', capabilities: ['read'], paths: ['prod/root'] },
    ] as const

    it('are written once, and told with who wrote them and when', async () => {
      const { vault, clock } = subject
      const { position } = await vault.policies.write('payments-read', { rules, text: 'path "…"' })
      expect(await vault.policies.write('payments-read', { rules, text: 'path "…"' })).toEqual({})
      expect(await vault.policies.get('payments-read')).toEqual({
        name: 'payments-read',
        rules,
        text: 'path "…"',
        position,
        writtenAt: new Date(clock.now()),
        writtenBy: 'svc/contract',
      })
    })

    it('are listed by name, and gone once they are removed', async () => {
      const { vault } = subject
      await vault.policies.write('b', { rules: [] })
      await vault.policies.write('a', { rules })
      expect((await vault.policies.list()).map(({ name }) => name)).toEqual(['a', 'b'])
      expect(await vault.policies.remove('b')).toEqual({ position: expect.any(Number) })
      expect(await vault.policies.remove('b')).toEqual({})
      await expect(vault.policies.get('b')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'there is no policy b',
      })
    })

    it('refuse a rule that no path can match', async () => {
      const { vault } = subject
      const wrong = [{ effect: 'allow', capabilities: ['read'], paths: ['a//b'] }] as const
      await expect(vault.policies.write('p', { rules: wrong })).rejects.toMatchObject({
        code: 'INVALID',
        message: expect.stringContaining('rules[0].paths[0]'),
      })
    })

    it('are brought by roles, which actors are granted for a time', async () => {
      const { vault, clock } = subject
      await vault.policies.write('p', { rules })
      const { position } = await vault.roles.write('payer', { policies: ['p'] })
      expect(await vault.roles.list()).toEqual([
        {
          name: 'payer',
          policies: ['p'],
          position,
          writtenAt: new Date(clock.now()),
          writtenBy: 'svc/contract',
        },
      ])
      const expiresAt = new Date(clock.now() + 3_600_000)
      await vault.roles.grant('user/ana', 'payer', { expiresAt, reason: 'project 7' })
      await vault.roles.grant('svc/x', 'payer')
      expect(await vault.roles.granted('user/ana')).toMatchObject([
        { actor: 'user/ana', role: 'payer', expiresAt, expired: false, grantedBy: 'svc/contract' },
      ])
      const all = await vault.roles.granted()
      expect(all.map(({ actor }) => actor)).toEqual(['svc/x', 'user/ana'])
      expect(all[0]).not.toHaveProperty('expiresAt')
      expect(all[0]?.grantedAt).toEqual(new Date(clock.now()))
      expect(await vault.roles.withdraw('svc/x', 'payer')).toHaveProperty('position')
      expect(await vault.roles.withdraw('svc/x', 'payer')).toEqual({})
      expect(await vault.roles.remove('payer')).toHaveProperty('position')
      expect(await vault.roles.granted()).toEqual([])
    })

    it('refuse a role of a policy that is not there, and a grant of a role that is not', async () => {
      const { vault } = subject
      await expect(vault.roles.write('r', { policies: ['none'] })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
      await expect(vault.roles.grant('user/ana', 'none')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
      await expect(
        vault.roles.grant('user/ana', 'none', { expiresAt: new Date(Number.NaN) }),
      ).rejects.toMatchObject({ code: 'INVALID' })
    })

    it('say how old values may get, of a prefix, of a type, and of all', async () => {
      const { vault, clock } = subject
      const day = 24 * 3_600_000
      await vault.rotationPolicies.set({}, { rotateEvery: 90 * day })
      await vault.rotationPolicies.set({ prefix: 'prod/', type: 'certificate' }, {})
      const listed = await vault.rotationPolicies.list()
      expect(listed).toMatchObject([
        { prefix: 'prod/', type: 'certificate', writtenBy: 'svc/contract' },
        { rotateEvery: 90 * day, writtenAt: new Date(clock.now()) },
      ])
      expect(listed[0]).not.toHaveProperty('rotateEvery')
      expect(await vault.rotationPolicies.set({}, { rotateEvery: 90 * day })).toEqual({})
      await vault.rotationPolicies.remove({ prefix: 'prod/', type: 'certificate' })
      await expect(vault.rotationPolicies.remove({ prefix: 'prod/' })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'there is no rotation policy for that prefix and type',
      })
      expect(await vault.rotationPolicies.list()).toHaveLength(1)
    })
  })
}
