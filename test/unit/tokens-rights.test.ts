import { describe, expect, it } from 'vitest'
import { judge } from '../../src/access/judge.ts'
import type { IssueOptions, PolicyRule, Scope, Vault } from '../../src/index.ts'
import { segmentsPerRoleMax } from '../../src/limits.ts'
import { access } from '../../src/projections/access.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'
import { nextOver } from '../fixtures/next-over.ts'

const allow = (capabilities: PolicyRule['capabilities'], ...paths: string[]): PolicyRule => ({
  effect: 'allow',
  capabilities,
  paths,
})

/** A vault with policies that read, that hand out tokens, and that write policies. */
async function withPolicies() {
  const made = await testVault({ a: 'x' })
  const { vault } = made
  await vault.policies.write('reads', { rules: [allow(['read'], 'a')] })
  await vault.policies.write('issues', { rules: [allow(['token'], '**')] })
  await vault.policies.write('governs', { rules: [allow(['policy'], '**')] })
  return made
}

async function scopeOf(vault: Vault, options: IssueOptions) {
  const { token } = await vault.tokens.issue({ actor: 'user/ana', ...options })
  return vault.authenticate(token.text())
}

const beyond = 'policy is not allowed, which it takes to hand out more than one has'

async function expectBeyond(vault: Vault, issued: Promise<unknown>): Promise<void> {
  await expect(issued).rejects.toMatchObject({ code: 'DENIED', message: beyond })
  const [denied] = await eventsOf(vault, { type: 'secret.denied', order: 'newest' })
  expect(denied).toMatchObject({
    actor: 'user/ana',
    subject: '',
    data: { operation: 'policy', cause: 'policy' },
    context: { decision: { outcome: 'deny' } },
  })
}

describe('a scope that issues tokens', () => {
  it('takes the right to do so, as it does to look at any', async () => {
    const { vault } = await withPolicies()
    const scope = await scopeOf(vault, { policies: ['reads'] })
    const other = await vault.tokens.issue()
    const calls = [
      () => scope.tokens.issue(),
      () => scope.tokens.list(),
      () => scope.tokens.get(other.accessor),
      () => scope.tokens.lookup(other.token.text()),
      () => scope.tokens.renew(other.accessor),
      () => scope.tokens.revoke(other.accessor),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        code: 'DENIED',
        message: 'token is not allowed',
      })
      expect(await appendedBy(vault, call)).toEqual(['secret.denied'])
    }
    const issuer = await scopeOf(vault, { policies: ['issues'] })
    const looks = () => issuer.tokens.get(other.accessor)
    expect(await appendedBy(vault, looks)).toEqual(['secret.inspected'])
    await expect(issuer.tokens.get('0'.repeat(32))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await issuer.tokens.revoke(other.accessor)).toEqual({ position: expect.any(Number) })
    // A look for what is not there is one all the same.
    const missing = () => issuer.tokens.renew('0'.repeat(32))
    expect(await appendedBy(vault, missing)).toEqual(['secret.inspected'])
  })

  it('by a token hands on no more than that has: no other name, policy, text or life', async () => {
    const { vault } = await withPolicies()
    const scope = await scopeOf(vault, { policies: ['reads', 'issues'] })
    const child = await scope.tokens.issue({ policies: ['reads'], ttl: 1000 })
    expect(child).toMatchObject({
      actor: 'user/ana',
      policies: ['reads'],
      parent: scope.token.accessor,
    })
    // What is not said is what the token has: no child is held to less than it.
    expect((await scope.tokens.issue()).policies).toEqual(['reads', 'issues'])
    const more: IssueOptions[] = [
      { policies: ['root'] },
      { policies: ['reads', 'governs'] },
      { policies: ['unknown'] },
      { actor: 'user/eve' },
      { orphan: true },
      { token: 'guessable-by-many' },
    ]
    for (const options of more) await expectBeyond(vault, scope.tokens.issue(options))
    expect(await eventsOf(vault, { type: 'token.issued' })).toHaveLength(3)
  })

  it('with the right to write policies hands on what it likes', async () => {
    const { vault } = await withPolicies()
    const scope = await scopeOf(vault, { policies: ['issues', 'governs'] })
    const options = {
      actor: 'user/eve',
      policies: ['root'],
      orphan: true,
      token: 'my-own-root-token',
    }
    const { token, ...info } = await scope.tokens.issue(options)
    expect(info).toMatchObject({ actor: 'user/eve', policies: ['root'] })
    expect(info.parent).toBeUndefined()
    await vault.authenticate('my-own-root-token')
  })

  it('brings no text that is soon guessed, which the host alone may', async () => {
    const { vault } = await withPolicies()
    const scope = await scopeOf(vault, { policies: ['root'] })
    await vault.appRoles.write('ci')
    const expected = (argument: string) => ({
      code: 'INVALID',
      message: `${argument} must be 16 to 256 printable ASCII characters`,
    })
    const short = 'x'.repeat(15)
    await expect(scope.tokens.issue({ token: short })).rejects.toMatchObject(expected('token'))
    const asked = scope.appRoles.issueSecretId('ci', { secretId: short })
    await expect(asked).rejects.toMatchObject(expected('secretId'))
    await scope.tokens.issue({ token: `${short}x` })
    await scope.appRoles.issueSecretId('ci', { secretId: `${short}x` })
    await vault.tokens.issue({ token: 'root' })
    await vault.appRoles.issueSecretId('ci', { secretId: 'mine' })
  })

  it('by a token whose uses are counted hands on nothing, not by way of an application either', async () => {
    const { vault } = await withPolicies()
    await vault.appRoles.write('ci', { policies: ['reads'] })
    const scope = await scopeOf(vault, { policies: ['issues', 'governs'], uses: 1 })
    const refused = [
      [() => scope.tokens.issue(), 'issues no other'],
      [() => scope.appRoles.write('own', { policies: ['root'] }), 'writes no approle'],
      [() => scope.appRoles.issueSecretId('ci'), 'issues no secret id'],
    ] as const
    for (const [call, does] of refused) {
      const message = `a token whose uses are counted ${does}`
      await expect(call()).rejects.toMatchObject({ code: 'INVALID', message })
      expect(await appendedBy(vault, call)).toEqual(['secret.inspected'])
    }
    expect((await vault.appRoles.list()).map(({ name }) => name)).toEqual(['ci'])
    expect(await vault.appRoles.secretIds('ci')).toEqual([])
  })

  it('without a token hands on policies of its roles, for as long as it has those', async () => {
    const { vault, clock } = await withPolicies()
    const end = clock.now() + 1000
    await vault.roles.write('reader', { policies: ['reads'] })
    await vault.roles.write('issuer', { policies: ['issues'] })
    await vault.roles.grant('user/ana', 'issuer')
    await vault.roles.grant('user/ana', 'reader', { expiresAt: new Date(end) })
    const scope = vault.as({ actor: 'user/ana' })
    const { token, ...info } = await scope.tokens.issue({ policies: ['reads'], ttl: 5000 })
    expect(info).toMatchObject({ policies: ['reads'], expiresAt: new Date(end) })
    expect(info.renewableUntil).toEqual(new Date(end))
    expect(info.parent).toBeUndefined()
    await expectBeyond(vault, scope.tokens.issue({ policies: ['governs'] }))
    const roleless = await scope.tokens.issue()
    expect(roleless.expiresAt).toBeUndefined()
    clock.advance(1000)
    await expectBeyond(vault, scope.tokens.issue({ policies: ['reads'] }))
  })

  it('does not hand on what the host asserts of it', async () => {
    const { vault } = await withPolicies()
    await vault.roles.write('issuer', { policies: ['issues'] })
    const scope = vault.as({ actor: 'user/ana', roles: ['issuer'] })
    await scope.tokens.issue()
    await expectBeyond(vault, scope.tokens.issue({ policies: ['issues'] }))
  })

  it('is refused where policies hold too much together to be compiled', async () => {
    const { vault } = await testVault()
    const names = await fillPolicies(vault)
    await expect(vault.tokens.issue({ policies: names })).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: `policies: expected at most ${segmentsPerRoleMax} segments of paths, found more`,
    })
    await vault.tokens.issue({ policies: names.slice(1) })
  })
})

/** As many policies as hold just more than one actor's may. */
async function fillPolicies(vault: Vault): Promise<readonly string[]> {
  const path = Array.from({ length: 64 }, () => 'a').join('/')
  const rule = (i: number) =>
    allow(['read'], ...Array.from({ length: 64 }, (_, j) => `${i}-${j}/${path}`))
  const names = ['p0', 'p1', 'p2', 'p3', 'p4']
  for (const [i, name] of names.entries()) {
    const paths = rule(i).paths.slice(0, 63)
    await vault.policies.write(name, { rules: [allow(['read'], ...paths)] })
  }
  return names
}

describe('the policy root', () => {
  it('is built in: nobody writes it, and it allows everything that nothing denies', async () => {
    const { vault } = await withPolicies()
    for (const change of [
      vault.policies.write('root', { rules: [] }),
      vault.policies.remove('root'),
    ]) {
      await expect(change).rejects.toMatchObject({
        code: 'INVALID',
        message: 'policy root is built in, and stays as it is',
      })
    }
    const scope = await scopeOf(vault, { policies: ['root'] })
    expect(scope.capabilities('a/b')).toHaveLength(14)
    expect(scope.capabilities('')).toHaveLength(14)
    await scope.write('new/path', 'y')
    const [written] = await eventsOf(vault, { subject: 'new/path' })
    expect(written?.context.decision).toEqual({ rule: 'root#0', role: '', outcome: 'allow' })
    const deny: PolicyRule = { effect: 'deny', capabilities: ['read'], paths: ['a'] }
    await vault.policies.write('not-a', { rules: [deny] })
    const held = await scopeOf(vault, { policies: ['root', 'not-a'] })
    await expect(held.read('a')).rejects.toMatchObject({ code: 'DENIED' })
  })

  it('is nothing that a role can name', async () => {
    const { vault } = await testVault()
    await expect(vault.roles.write('admin', { policies: ['root'] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no policy root',
    })
  })
})

describe('capabilities', () => {
  it('are what the token gives there by now, and looking at them leaves no trace', async () => {
    const { vault } = await withPolicies()
    const scope = await scopeOf(vault, { policies: ['reads', 'governs'] })
    const { size } = await vault.health()
    expect(scope.capabilities('a')).toEqual(['read', 'policy'])
    expect(scope.capabilities('')).toEqual(['policy'])
    expect(scope.capabilities('b')).toEqual(['policy'])
    expect((await vault.health()).size).toBe(size)
    await vault.policies.remove('governs')
    expect(scope.capabilities('a')).toEqual(['read'])
    await scope.revokeSelf()
    expect(scope.capabilities('a')).toEqual([])
    expect(() => scope.capabilities('a//b')).toThrow('expected no empty segment')
  })
})

describe('explain', () => {
  it('says which policy of a token decides', async () => {
    const { vault } = await withPolicies()
    const why = async (policies: string[], path: string) => {
      const about = { capability: 'read', path } as const
      const { why, ...rest } = await vault.explain({ actor: 'user/ana', policies }, about)
      return { why, ...rest }
    }
    expect(await why(['reads'], 'a')).toMatchObject({
      allowed: true,
      rule: 'reads#0',
      role: '',
      why: 'reads#0 allows read on a, which the token is held to',
    })
    expect((await why(['root'], 'b')).why).toBe(
      'root#0 allows read on **, which the token is held to',
    )
    expect((await why(['reads', 'issues'], 'b')).why).toBe(
      'no rule of the policies reads, issues speaks of read on b, and what no rule allows is denied',
    )
    expect((await why([], 'a')).why).toBe(
      'the token has no policy, and what no rule allows is denied',
    )
    const names = await fillPolicies(vault)
    expect(await why([...names, 'reads'], 'a')).toMatchObject({
      allowed: false,
      why: 'the policies of the token hold too much together to be in force, and what no rule allows is denied',
    })
  })
})

describe('a scope whose token ends', () => {
  const watches = (scope: Scope, signal: AbortSignal) => scope.watch('a', { signal })

  it('is refused a watch that goes on, with its revocation', async () => {
    const { vault } = await withPolicies()
    const scope = await scopeOf(vault, { policies: ['reads'] })
    const watch = watches(scope, AbortSignal.timeout(10_000))
    expect((await watch.next()).value?.text()).toBe('x')
    const next = watch.next()
    await vault.tokens.revoke(scope.token.accessor)
    await expect(next).rejects.toMatchObject({ code: 'DENIED' })
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied).toMatchObject({
      subject: 'a',
      data: { operation: 'watch', cause: 'policy' },
      context: {
        auth: { method: 'token', id: scope.token.accessor },
        decision: { rule: '', role: '', outcome: 'deny' },
      },
    })
  })

  it('is refused with the end of what its token was issued through', async () => {
    const { vault, clock } = await withPolicies()
    const parent = await scopeOf(vault, { policies: ['root'], ttl: 1000 })
    const { token } = await parent.tokens.issue({ ttl: 9000 })
    const child = await vault.authenticate(token.text())
    expect((await child.read('a')).text()).toBe('x')
    clock.advance(1000)
    await expect(child.read('a')).rejects.toMatchObject({ code: 'DENIED' })
    await expect(vault.authenticate(token.text())).rejects.toMatchObject({
      code: 'DENIED',
      message: 'the token has expired',
    })
  })

  it('is refused a watch that goes on at its time, though nothing happens in the vault', async () => {
    const { vault, clock } = await withPolicies()
    const parent = await scopeOf(vault, { policies: ['root'], ttl: 1000 })
    const { token } = await parent.tokens.issue()
    const watch = (await vault.authenticate(token.text())).watch('a')
    await watch.next()
    await expect(nextOver(watch, clock, 1000)).rejects.toMatchObject({ code: 'DENIED', path: 'a' })
  })

  it('sees nothing more of the trail that it follows', async () => {
    const { vault } = await withPolicies()
    const scope = await scopeOf(vault, { policies: ['root'] })
    const { size } = await vault.health()
    const follow = scope.audit.follow({ after: size - 1, type: 'secret.written' })
    const first = follow.next()
    await vault.write('seen', '1')
    expect((await first).value).toMatchObject({ subject: 'seen' })
    const next = follow.next()
    await vault.tokens.revoke(scope.token.accessor)
    await vault.write('unseen', '2')
    await expect(next).rejects.toMatchObject({ code: 'DENIED' })
  })
})

describe('a token as a holder of policies', () => {
  it('takes no part of the roles of its actor', () => {
    const state = access.initial()
    const written = { position: 0, writtenAt: 0, writtenBy: 'root' }
    state.policies.set('p', { rules: [allow(['read'], 'a')], ...written })
    state.policies.set('q', { rules: [allow(['read'], 'b')], ...written })
    state.roles.set('r', { policies: ['p'], ...written })
    const by = { grantedAt: 0, grantedBy: 'root', position: 0 }
    state.grants.set('ana', new Map([['r', { actor: 'ana', role: 'r', ...by }]]))
    const may = (holder: Parameters<typeof judge>[1], path: string) =>
      judge(state, holder, { capability: 'read', path, now: 0 }).allowed
    const token = { actor: 'ana', asserted: [], policies: ['q'] }
    expect([may(token, 'a'), may(token, 'b')]).toEqual([false, true])
    const actor = { actor: 'ana', asserted: [] }
    expect([may(actor, 'a'), may(actor, 'b')]).toEqual([true, false])
    expect(may({ actor: 'ana', asserted: [], policies: [] }, 'a')).toBe(false)
    // The rules of a role that is called as a policy is are not those of the policy.
    expect(may({ actor: 'ana', asserted: [], policies: ['r'] }, 'a')).toBe(false)
  })
})
