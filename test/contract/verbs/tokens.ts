import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenSubject, Subject } from './subject.ts'

const hour = 3_600_000

/** The verbs of tokens, and of the applications that log in. */
export function tokenVerbs(open: OpenSubject): void {
  describe('tokens', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    it('are issued with their text this once, and let their bearer in', async () => {
      const { vault, host, clock } = subject
      const issued = await vault.tokens.issue({
        actor: 'svc/billing',
        policies: ['billing'],
        ttl: hour,
        maxTtl: 2 * hour,
        label: 'ci',
        meta: { host: 'web-7' },
      })
      const { token, ...info } = issued
      expect(info).toMatchObject({
        actor: 'svc/billing',
        policies: ['billing'],
        issuedAt: new Date(clock.now()),
        expiresAt: new Date(clock.now() + hour),
        renewableUntil: new Date(clock.now() + 2 * hour),
        renewFor: hour,
        label: 'ci',
        meta: { host: 'web-7' },
      })
      expect(JSON.stringify(issued)).not.toContain(token.text())
      expect(`${token}`).not.toContain(token.text().slice(8))
      expect((await host.authenticate(token.text())).token).toEqual(info)
      expect(await vault.tokens.get(info.accessor)).toEqual(info)
      expect(await vault.tokens.lookup(token.text())).toEqual(info)
      expect(await vault.tokens.list()).toContainEqual(info)
    })

    it('are renewed, and revoked once', async () => {
      const { vault, clock } = subject
      const { accessor } = await vault.tokens.issue({ policies: ['p'], ttl: hour })
      clock.advance(hour / 2)
      expect(await vault.tokens.renew(accessor)).toMatchObject({
        accessor,
        expiresAt: new Date(clock.now() + hour),
      })
      expect(await vault.tokens.renew(accessor, { ttl: 2 * hour })).toMatchObject({
        expiresAt: new Date(clock.now() + 2 * hour),
      })
      expect(await vault.tokens.revoke(accessor)).toHaveProperty('position')
      expect(await vault.tokens.revoke(accessor)).toEqual({})
      await expect(vault.tokens.get(accessor)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(vault.tokens.renew(accessor)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    it('are not found by a text that nobody was given', async () => {
      await expect(subject.vault.tokens.lookup('mun_of-nobody-at-all')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'there is no such token',
      })
    })

    it('are refused with what no token can be', async () => {
      const { vault } = subject
      await expect(vault.tokens.issue({ ttl: 0 })).rejects.toMatchObject({ code: 'INVALID' })
      await expect(vault.tokens.issue({ token: 'short' })).rejects.toMatchObject({
        code: 'INVALID',
        message: expect.not.stringContaining('short'),
      })
    })

    it('are what an application gets that logs in', async () => {
      const { vault, host, clock } = subject
      await vault.appRoles.write('billing', {
        actor: 'svc/billing',
        policies: ['billing'],
        secretIdUses: 2,
        secretIdTtl: hour,
        tokenTtl: hour,
      })
      const role = await vault.appRoles.get('billing')
      expect(role).toMatchObject({
        name: 'billing',
        actor: 'svc/billing',
        bindSecretId: true,
        writtenAt: new Date(clock.now()),
      })
      expect(await vault.appRoles.list()).toEqual([role])
      const { secretId, ...info } = await vault.appRoles.issueSecretId('billing', {
        meta: { host: 'web-7' },
      })
      expect(info).toMatchObject({
        approle: 'billing',
        issuedBy: 'svc/contract',
        expiresAt: new Date(clock.now() + hour),
        usesLeft: 2,
      })
      const shown = { roleId: role.roleId, secretId: secretId.text() }
      const { token } = await host.login(shown)
      expect((await host.authenticate(token.text())).token.approle).toBe('billing')
      expect(await vault.appRoles.lookupSecretId('billing', secretId.text())).toEqual({
        ...info,
        usesLeft: 1,
      })
      expect(await vault.appRoles.secretIds('billing')).toHaveLength(1)
      await vault.appRoles.revokeSecretId('billing', info.accessor)
      expect(await vault.appRoles.secretIds('billing')).toEqual([])
      expect(await vault.appRoles.remove('billing')).toHaveProperty('position')
      await expect(vault.appRoles.secretIds('billing')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'there is no approle billing',
      })
    })

    it('refuse an application that was written meanwhile', async () => {
      const { vault } = subject
      await vault.appRoles.write('a', {}, {})
      await expect(vault.appRoles.write('a', { ifPosition: -1 })).rejects.toMatchObject({
        code: 'CONFLICT',
      })
    })
  })
}
