import { describe, expect, it } from 'vitest'
import type { IssuedSecretId, Vault } from '../../src/index.ts'
import { appRoles } from '../../src/projections/app-roles.ts'
import { secretIds } from '../../src/projections/secret-ids.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const reads = { effect: 'allow', capabilities: ['read'], paths: ['prod/**'] } as const

async function withRole() {
  const made = await testVault({ 'prod/db': 'x' })
  const { vault } = made
  await vault.policies.write('prod-read', { rules: [reads] })
  await vault.appRoles.write('billing', {
    policies: ['prod-read'],
    secretIdTtl: 10_000,
    secretIdUses: 3,
    tokenTtl: 1000,
    tokenMaxTtl: 3000,
    tokenUses: 5,
  })
  const { roleId } = await vault.appRoles.get('billing')
  return { ...made, roleId }
}

const credentials = (roleId: string, { secretId }: IssuedSecretId) => ({
  roleId,
  secretId: secretId.text(),
})

async function expectRefused(vault: Vault, request: object, message: string): Promise<void> {
  const login = vault.login(request as { roleId: string }, { source: '10.0.0.7' })
  await expect(login).rejects.toMatchObject({ code: 'DENIED', message })
}

describe('an approle', () => {
  it('is all that was said of it last, under the role id that it has', async () => {
    const { vault, clock, roleId } = await withRole()
    expect(roleId).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
    expect(await vault.appRoles.get('billing')).toEqual({
      name: 'billing',
      roleId,
      actor: 'approle/billing',
      policies: ['prod-read'],
      bindSecretId: true,
      secretIdTtl: 10_000,
      secretIdUses: 3,
      tokenTtl: 1000,
      tokenMaxTtl: 3000,
      tokenUses: 5,
      position: expect.any(Number),
      writtenAt: new Date(clock.now()),
      writtenBy: 'test',
    })
    const { position } = await vault.appRoles.write('billing', { actor: 'svc/billing' })
    const written = await vault.appRoles.get('billing')
    expect(written).toEqual({
      name: 'billing',
      roleId,
      actor: 'svc/billing',
      bindSecretId: true,
      position,
      writtenAt: expect.any(Date),
      writtenBy: 'test',
    })
    const again = () => vault.appRoles.write('billing', { actor: 'svc/billing' })
    expect(await appendedBy(vault, again)).toEqual([])
    expect(await again()).toEqual({})
    await vault.appRoles.write('a', { roleId: 'its-own' })
    expect((await vault.appRoles.list()).map(({ name }) => name)).toEqual(['a', 'billing'])
    await expect(vault.appRoles.write('b', { roleId: 'its-own' })).rejects.toMatchObject({
      code: 'EXISTS',
      message: 'roleId: expected one that is not that of a',
    })
  })

  it('is written only in the place of the one that it was read as, where that is said', async () => {
    const { vault } = await withRole()
    const { position } = await vault.appRoles.get('billing')
    const written = (name: string, ifPosition: number) =>
      vault.appRoles.write(name, { actor: `svc/${ifPosition}`, ifPosition })
    const conflict = (message: string) => ({ code: 'CONFLICT', message: `approle ${message}` })
    await expect(written('billing', -1)).rejects.toMatchObject(
      conflict(`billing: expected the one of position -1, it is of position ${position}`),
    )
    await expect(written('new', 7)).rejects.toMatchObject(
      conflict('new: expected the one of position 7, there is none'),
    )
    await written('new', -1)
    const both = await Promise.allSettled([
      written('billing', position),
      written('billing', position),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const { position: later } = await vault.appRoles.get('billing')
    await vault.appRoles.remove('billing')
    await expect(written('billing', later)).rejects.toMatchObject({ expected: later, found: -1 })
    await expect(written('billing', -2)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'ifPosition must be an integer from -1 on',
    })
  })

  it('is refused what it cannot be', async () => {
    const { vault } = await withRole()
    const refused = [
      ['a/b', {}, 'name: expected no "/"'],
      ['a', { tokenTtl: -1 }, 'tokenTtl must be an integer from 1 to 3162240000000 milliseconds'],
      ['a', { secretIdUses: 0 }, 'secretIdUses must be an integer from 1 to 2147483647'],
      ['a', { roleId: 'x' }, 'roleId must be 4 to 128 printable ASCII characters'],
      ['a', { bindSecretId: 1 }, 'bindSecretId must be true or false'],
    ] as const
    for (const [name, options, message] of refused) {
      await expect(vault.appRoles.write(name, options as object)).rejects.toMatchObject({
        code: 'INVALID',
        message,
      })
    }
    for (const look of [
      vault.appRoles.get('none'),
      vault.appRoles.secretIds('none'),
      vault.appRoles.issueSecretId('none'),
    ]) {
      await expect(look).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'there is no approle none',
      })
    }
  })
})

describe('a secret id', () => {
  it('is known by what was said of it, and shown once', async () => {
    const { vault, clock } = await withRole()
    const { secretId, ...info } = await vault.appRoles.issueSecretId('billing', {
      meta: { host: 'a' },
    })
    expect(secretId.text()).toMatch(/^muns_[\w-]{43}$/)
    expect(info).toEqual({
      accessor: expect.stringMatching(/^[0-9a-f]{32}$/),
      approle: 'billing',
      issuedAt: new Date(clock.now()),
      issuedBy: 'test',
      expiresAt: new Date(clock.now() + 10_000),
      usesLeft: 3,
      meta: { host: 'a' },
      position: expect.any(Number),
    })
    const other = await vault.appRoles.issueSecretId('billing', { ttl: 1, uses: 1 })
    expect(other).toMatchObject({ usesLeft: 1, expiresAt: new Date(clock.now() + 1) })
    expect(await vault.appRoles.secretIds('billing')).toHaveLength(2)
    expect(await vault.appRoles.lookupSecretId('billing', secretId.text())).toEqual(info)
    clock.advance(1)
    expect(await vault.appRoles.secretIds('billing')).toEqual([info])
    await vault.appRoles.write('other')
    expect(await vault.appRoles.secretIds('other')).toEqual([])
    for (const look of [
      vault.appRoles.lookupSecretId('other', secretId.text()),
      vault.appRoles.lookupSecretId('other', 'unknown'),
    ]) {
      await expect(look).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'other has no such secret id',
      })
    }
    expect(await vault.appRoles.revokeSecretId('other', info.accessor)).toEqual({})
    const { position } = await vault.appRoles.revokeSecretId('billing', info.accessor)
    const [event] = await eventsOf(vault, { type: 'approle.secret_id_revoked' })
    expect(event).toMatchObject({ position, data: { name: 'billing', accessor: info.accessor } })
    expect(await vault.appRoles.secretIds('billing')).toEqual([])
    expect(await vault.appRoles.revokeSecretId('billing', info.accessor)).toEqual({})
  })

  it('of the caller’s own is one like any other, and no second time for as long as it holds', async () => {
    const { vault, clock, roleId } = await withRole()
    await vault.appRoles.issueSecretId('billing', { secretId: 'mine' })
    await vault.login({ roleId, secretId: 'mine' })
    await expect(
      vault.appRoles.issueSecretId('billing', { secretId: 'mine' }),
    ).rejects.toMatchObject({
      code: 'EXISTS',
      message: 'secretId: expected a text that is no other secret id',
    })
    clock.advance(10_000)
    await vault.appRoles.issueSecretId('billing', { secretId: 'mine' })
  })
})

describe('a login', () => {
  it('gives a token of the role, both on record in one commit', async () => {
    const { vault, clock, roleId } = await withRole()
    const issued = await vault.appRoles.issueSecretId('billing', { meta: { host: 'a' } })
    const from = { source: '10.0.0.7', correlationId: 'r1' }
    const { token, ...info } = await vault.login(credentials(roleId, issued), from)
    expect(info).toEqual({
      accessor: expect.any(String),
      actor: 'approle/billing',
      policies: ['prod-read'],
      issuedAt: new Date(clock.now()),
      expiresAt: new Date(clock.now() + 1000),
      renewableUntil: new Date(clock.now() + 3000),
      renewFor: 1000,
      usesLeft: 5,
      approle: 'billing',
      meta: { host: 'a' },
      position: expect.any(Number),
    })
    const events = await eventsOf(vault, { after: info.position - 2 })
    const context = { ...from, auth: { method: 'approle', id: issued.accessor } }
    expect(events).toMatchObject([
      {
        type: 'auth.succeeded',
        actor: 'approle/billing',
        context,
        data: { method: 'approle', name: 'billing', secretId: issued.accessor },
      },
      { type: 'token.issued', actor: 'approle/billing', context },
    ])
    const scope = await vault.authenticate(token.text())
    expect((await scope.read('prod/db')).text()).toBe('x')
    const [read] = await eventsOf(vault, { type: 'secret.accessed' })
    expect(read?.context.auth).toEqual({ method: 'approle', id: info.accessor })
  })

  it('is refused without what the role asks for, on record with its cause', async () => {
    const { vault, clock, roleId } = await withRole()
    const issued = await vault.appRoles.issueSecretId('billing', { ttl: 1000 })
    const used = await vault.appRoles.issueSecretId('billing', { uses: 1 })
    await vault.appRoles.write('other')
    const other = await vault.appRoles.get('other')
    await vault.login(credentials(roleId, used))
    const unknown = 'the role id or the secret id is not known, or was revoked'
    await expectRefused(vault, { roleId }, 'no secret id was shown')
    await expectRefused(vault, { roleId, secretId: '' }, 'no secret id was shown')
    await expectRefused(vault, { roleId, secretId: 'unknown' }, unknown)
    await expectRefused(vault, credentials('unknown', issued), unknown)
    await expectRefused(vault, credentials(other.roleId, issued), unknown)
    await expectRefused(vault, { secretId: 7 }, unknown)
    await expectRefused(vault, credentials(roleId, used), 'the secret id is used up')
    clock.advance(1000)
    await expectRefused(vault, credentials(roleId, issued), 'the secret id has expired')
    const failed = await eventsOf(vault, { type: 'auth.failed' })
    expect(failed.map(({ data }) => (data as { cause: string }).cause)).toEqual([
      ...['missing', 'missing', 'unknown', 'unknown', 'unknown', 'unknown', 'spent', 'expired'],
    ])
    expect(failed[0]).toMatchObject({
      actor: 'unknown',
      context: { source: '10.0.0.7' },
      data: { method: 'approle', count: 1 },
    })
  })

  it('happens as often as the secret id says, however many come at once', async () => {
    const { vault, roleId } = await withRole()
    const issued = await vault.appRoles.issueSecretId('billing')
    const shown = Array.from({ length: 12 }, () => vault.login(credentials(roleId, issued)))
    const answers = await Promise.allSettled(shown)
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    expect(await eventsOf(vault, { type: 'auth.succeeded' })).toHaveLength(3)
    expect(await eventsOf(vault, { type: 'token.issued' })).toHaveLength(3)
    expect(await vault.appRoles.secretIds('billing')).toEqual([])
  })

  it('takes the role id alone where the role says so', async () => {
    const { vault } = await testVault()
    await vault.appRoles.write('open', { bindSecretId: false, actor: 'svc/open' })
    const { roleId } = await vault.appRoles.get('open')
    const { token, accessor } = await vault.login({ roleId })
    expect((await vault.authenticate(token.text())).token.accessor).toBe(accessor)
    const [event] = await eventsOf(vault, { type: 'auth.succeeded' })
    expect(event).toMatchObject({
      actor: 'svc/open',
      context: { auth: { method: 'approle', id: 'open' } },
      data: { method: 'approle', name: 'open' },
    })
  })

  it('goes by the role of then: one that is written meanwhile lets nobody in as before', async () => {
    const { vault, roleId } = await withRole()
    const issued = await vault.appRoles.issueSecretId('billing')
    const written = vault.appRoles.write('billing', { actor: 'svc/other' })
    const login = vault.login(credentials(roleId, issued))
    await written
    await expect(login).rejects.toMatchObject({ code: 'DENIED' })
    expect((await vault.login(credentials(roleId, issued))).actor).toBe('svc/other')
  })
})

describe('an approle that is removed', () => {
  it('takes its secret ids and tokens with it: one of its name begins with none', async () => {
    const { vault, roleId } = await withRole()
    const issued = await vault.appRoles.issueSecretId('billing')
    const { token } = await vault.login(credentials(roleId, issued))
    const scope = await vault.authenticate(token.text())
    await vault.appRoles.remove('billing')
    expect(await vault.appRoles.remove('billing')).toEqual({})
    await vault.appRoles.write('billing', { roleId, policies: ['prod-read'] })
    expect(await vault.appRoles.secretIds('billing')).toEqual([])
    await expect(scope.read('prod/db')).rejects.toMatchObject({ code: 'DENIED' })
    await expect(vault.authenticate(token.text())).rejects.toMatchObject({ code: 'DENIED' })
    await expect(vault.login(credentials(roleId, issued))).rejects.toMatchObject({
      code: 'DENIED',
    })
  })
})

describe('a scope', () => {
  it('takes the right to hand out tokens, and to write policies where that is more than it has', async () => {
    const { vault } = await withRole()
    const issues = { effect: 'allow', capabilities: ['token'], paths: ['**'] } as const
    const governs = { effect: 'allow', capabilities: ['policy'], paths: ['**'] } as const
    await vault.policies.write('issues', { rules: [issues] })
    await vault.policies.write('governs', { rules: [governs] })
    const scopeOf = async (...policies: string[]) => {
      const { token } = await vault.tokens.issue({ actor: 'user/ana', policies })
      return vault.authenticate(token.text())
    }
    const none = await scopeOf('prod-read')
    for (const call of [
      none.appRoles.list(),
      none.appRoles.get('billing'),
      none.appRoles.write('mine'),
      none.appRoles.remove('billing'),
      none.appRoles.secretIds('billing'),
      none.appRoles.issueSecretId('billing'),
      none.appRoles.lookupSecretId('billing', 'x'),
      none.appRoles.revokeSecretId('billing', '0'.repeat(32)),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'DENIED', message: 'token is not allowed' })
    }
    const issuer = await scopeOf('issues', 'prod-read')
    const beyond = 'policy is not allowed, which it takes to hand out more than one has'
    for (const call of [
      issuer.appRoles.write('mine'),
      issuer.appRoles.write('mine', { actor: 'user/ana', policies: ['prod-read'] }),
      issuer.appRoles.issueSecretId('billing'),
      issuer.appRoles.issueSecretId('none'),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'DENIED', message: beyond })
    }
    expect(await issuer.appRoles.list()).toHaveLength(1)
    const governor = await scopeOf('issues', 'governs')
    await governor.appRoles.write('mine', { policies: ['root'] })
    await governor.appRoles.issueSecretId('mine')
    await expect(governor.appRoles.issueSecretId('none')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    expect(await vault.appRoles.get('mine')).toMatchObject({ writtenBy: 'user/ana' })
  })
})

describe('what is known of approles', () => {
  it('is live what a replay shows, and what a reopened vault begins with', async () => {
    const { vault, roleId } = await withRole()
    const kept = await vault.appRoles.issueSecretId('billing', { meta: { a: 'b' } })
    const { accessor } = await vault.appRoles.issueSecretId('billing')
    await vault.appRoles.revokeSecretId('billing', accessor)
    await vault.login(credentials(roleId, kept))
    const roles = (await vault.replay(appRoles)).view
    const ids = (await vault.replay(secretIds)).view
    expect([...(await vault.project(appRoles)).view]).toEqual([...roles])
    expect([...(await vault.project(secretIds)).view]).toEqual([...ids])
    expect(ids.get(kept.accessor)).toMatchObject({ usesLeft: 2 })
    await vault.reopen()
    expect([...(await vault.project(appRoles)).view]).toEqual([...roles])
    expect([...(await vault.project(secretIds)).view]).toEqual([...ids])
    await vault.login(credentials(roleId, kept))
  })
})
