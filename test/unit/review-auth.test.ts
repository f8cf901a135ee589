import { describe, expect, it, vi } from 'vitest'
import { isBeyond } from '../../src/decide/token-rights.ts'
import type { PolicyRule, Vault } from '../../src/index.ts'
import { handedOutMax } from '../../src/limits.ts'
import { access } from '../../src/projections/access.ts'
import { type HandedOutRow, hasRoom } from '../../src/projections/handed-out.ts'
import { testVault } from '../../src/testing.ts'
import { nextOver } from '../fixtures/next-over.ts'

const rule = (
  effect: PolicyRule['effect'],
  capabilities: PolicyRule['capabilities'],
  ...paths: string[]
): PolicyRule => ({ effect, capabilities, paths })

/** A vault in which one policy reads everything, and another keeps its holder from a part of it. */
async function withDenial() {
  const made = await testVault({ 'prod/a': 'x', 'dev/a': 'y' })
  const { vault } = made
  await vault.policies.write('reads', { rules: [rule('allow', ['read'], '**')] })
  await vault.policies.write('issues', { rules: [rule('allow', ['token'], '**')] })
  await vault.policies.write('no-prod', { rules: [rule('deny', ['read'], 'prod/**')] })
  return made
}

async function scopeOf(vault: Vault, policies: readonly string[] | undefined) {
  const { token } = await vault.tokens.issue({
    actor: 'user/ana',
    ttl: 10_000,
    ...(policies && { policies }),
  })
  return vault.authenticate(token.text())
}

const beyond = {
  code: 'DENIED',
  message: 'policy is not allowed, which it takes to hand out more than one has',
}

describe('what its issuer is denied', () => {
  it('no token that it hands out lets anybody do', async () => {
    const { vault } = await withDenial()
    const scope = await scopeOf(vault, ['reads', 'issues', 'no-prod'])
    await expect(scope.read('prod/a')).rejects.toMatchObject({ code: 'DENIED' })
    await expect(scope.tokens.issue({ policies: ['reads'] })).rejects.toMatchObject(beyond)
    const { token } = await scope.tokens.issue({ policies: ['reads', 'no-prod'] })
    const child = await vault.authenticate(token.text())
    expect((await child.read('dev/a')).text()).toBe('y')
    await expect(child.read('prod/a')).rejects.toMatchObject({ code: 'DENIED' })
  })

  it('by a role that the host asserts, is denied to what it hands out by its other roles', async () => {
    const { vault } = await withDenial()
    await vault.roles.write('reader', { policies: ['reads', 'issues'] })
    await vault.roles.write('guest', { policies: ['no-prod'] })
    await vault.roles.grant('user/ana', 'reader')
    const guest = vault.as({ actor: 'user/ana', roles: ['guest'] })
    await expect(guest.tokens.issue()).rejects.toMatchObject(beyond)
    await expect(guest.tokens.issue({ policies: ['reads'] })).rejects.toMatchObject(beyond)
    await vault.roles.grant('user/ana', 'guest')
    await guest.tokens.issue()
    await guest.tokens.issue({ policies: ['reads', 'no-prod'] })
    await expect(guest.tokens.issue({ policies: ['reads'] })).rejects.toMatchObject(beyond)
  })

  it('is not got around by an application that it writes', async () => {
    const { vault } = await withDenial()
    for (const name of ['reads', 'issues', 'no-prod']) {
      await vault.roles.write(name, { policies: [name] })
      await vault.roles.grant('user/ana', name)
    }
    const scope = vault.as({ actor: 'user/ana' })
    const written = (policies: string[]) =>
      scope.appRoles.write('ci', { actor: 'user/ana', policies })
    await expect(written(['reads'])).rejects.toMatchObject(beyond)
    await written(['reads', 'no-prod'])
    await scope.appRoles.issueSecretId('ci')
    await vault.appRoles.write('ci', { actor: 'user/ana', policies: ['reads'] })
    await expect(scope.appRoles.issueSecretId('ci')).rejects.toMatchObject(beyond)
  })
})

describe('a role of a log that has a policy of the name root', () => {
  it('hands on nothing of the one that is built in', () => {
    const state = access.initial()
    const by = { position: 0, writtenAt: 0, writtenBy: 'root' }
    state.policies.set('root', { rules: [rule('allow', ['token'], '**')], ...by })
    state.roles.set('r', { policies: ['root'], ...by })
    const grant = { actor: 'ana', role: 'r', grantedAt: 0, grantedBy: 'root', position: 0 }
    state.grants.set('ana', new Map([['r', grant]]))
    const issuer = { holder: { actor: 'ana', asserted: [] }, hasToken: false }
    const given = { actor: 'ana', policies: ['root'], outlives: false, hasOwnText: false }
    expect(isBeyond(state, issuer, { given, now: 0 })).toBe(true)
  })
})

describe('a watch by a token that was renewed', () => {
  it('rests beyond the end that the token had when it was shown', async () => {
    const { vault, clock } = await withDenial()
    const scope = await scopeOf(vault, ['reads'])
    const watch = scope.watch('dev/a')
    await watch.next()
    clock.advance(9000)
    await scope.renewSelf({ ttl: 10_000 })
    clock.advance(5000)
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const next = watch.next()
    await new Promise((resolve) => setImmediate(resolve))
    await vault.write('dev/a', 'z')
    expect((await next).value?.text()).toBe('z')
    const waits = timers.mock.calls.map(([, ms]) => ms).filter((ms) => ms !== undefined)
    timers.mockRestore()
    await watch.return()
    expect(waits.filter((ms) => ms < 0)).toEqual([])
  })

  it('ends with the end that a renewal brought nearer, though nothing happens in the vault', async () => {
    const { vault, clock } = await withDenial()
    const scope = await scopeOf(vault, ['reads'])
    const watch = scope.watch('dev/a')
    await watch.next()
    await scope.renewSelf({ ttl: 1000 })
    await expect(nextOver(watch, clock, 1000)).rejects.toMatchObject({
      code: 'DENIED',
      path: 'dev/a',
    })
  })
})

describe('a token that was renewed', () => {
  it('hands on what its actor has by roles that run out, until they do', async () => {
    const { vault, clock } = await withDenial()
    await vault.roles.write('reader', { policies: ['reads', 'issues'] })
    const expiresAt = new Date(clock.now() + 60_000)
    await vault.roles.grant('user/ana', 'reader', { expiresAt })
    const scope = await scopeOf(vault, undefined)
    clock.advance(9000)
    await scope.renewSelf({ ttl: 60_000 })
    clock.advance(5000)
    const child = await scope.tokens.issue({ policies: ['reads'] })
    expect(child.expiresAt).toEqual(expiresAt)
  })
})

describe('a table that is full', () => {
  it('is looked through again within a minute, for rows that ended by their use', () => {
    const rows = new Map<string, HandedOutRow>()
    const row = { hash: '', epoch: 1, meta: {}, issuedAt: 0, issuedBy: 'root', position: 0 }
    for (let n = 0; n < handedOutMax; n++) rows.set(`${n}`, { ...row, accessor: `${n}` })
    const isDead = vi.fn(({ usesLeft }: HandedOutRow) => usesLeft === 0)
    expect(hasRoom(rows, 0, isDead)).toBe(false)
    rows.set('7', { ...row, accessor: '7', usesLeft: 0 })
    expect(hasRoom(rows, 59_999, isDead)).toBe(false)
    expect(isDead).toHaveBeenCalledTimes(handedOutMax)
    expect(hasRoom(rows, 60_000, isDead)).toBe(true)
  })
})
