import { describe, expect, it } from 'vitest'
import type { Capability } from '../../src/events/words.ts'
import type { Vault, WriteOptions } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import type { Scope } from '../../src/vault/scope.ts'
import { eventsOf } from '../fixtures/events.ts'

const eve = { actor: 'user/eve' }

async function scopeWith(vault: Vault, ...capabilities: Capability[]): Promise<Scope> {
  await vault.policies.write('p', { rules: [{ effect: 'allow', capabilities, paths: ['a/**'] }] })
  await vault.roles.write('r', { policies: ['p'] })
  await vault.roles.grant(eve.actor, 'r')
  return vault.as(eve)
}

/** What a call appended, as types with the operation that a refusal is of. */
async function appended(vault: Vault, work: () => Promise<unknown>) {
  const { size } = await vault.health()
  const error = await work().then(
    () => undefined,
    (thrown: { code: string }) => thrown.code,
  )
  const events = await eventsOf(vault, { after: size - 1 })
  const told = events.map(({ type, subject, data }) =>
    'operation' in data ? [type, subject, data.operation] : [type, subject],
  )
  return { error, told }
}

const calls = {
  write: (scope: Scope, options: WriteOptions) => scope.write('a/b', 'next', options),
  rotate: (scope: Scope, options: WriteOptions) => scope.rotate('a/b', 'next', options),
  'rotate, made': (scope: Scope, options: WriteOptions) =>
    scope.rotate('a/b', () => 'next', options),
}

describe.each(Object.entries(calls))('%s, in a scope, of a secret that is there', (_, run) => {
  it('takes the right to annotate what it changes of what is known', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    await vault.annotate('a/b', { type: 'api_key', tags: { team: 'pay' } })
    const scope = await scopeWith(vault, 'write', 'rotate', 'destroy')
    for (const options of [
      { description: 'mine' },
      { tags: { team: 'x' } },
      { tags: null },
      { casRequired: true },
      { maxVersions: 5 },
    ]) {
      expect(await appended(vault, () => run(scope, options))).toEqual({
        error: 'DENIED',
        told: [['secret.denied', 'a/b', 'annotate']],
      })
    }
    expect(await vault.describe('a/b')).toMatchObject({ version: 1, tags: { team: 'pay' } })
    await run(scope, { type: 'api_key', tags: { team: 'pay' }, owner: null })
    await run(scope, { expiresAt: '2099-01-01' })
    expect((await vault.describe('a/b')).version).toBe(3)
  })

  it('takes the right to destroy for another bound on the versions', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const scope = await scopeWith(vault, 'write', 'rotate', 'annotate')
    expect(await appended(vault, () => run(scope, { maxVersions: 1 }))).toEqual({
      error: 'DENIED',
      told: [['secret.denied', 'a/b', 'destroy']],
    })
    expect((await vault.read('a/b', { version: 1 })).text()).toBe('x')
    await vault.annotate('a/b', { maxVersions: 2 })
    await run(scope, { maxVersions: 2 })
    await run(scope, { maxVersions: null })
    expect((await vault.describe('a/b')).version).toBe(3)
  })
})

describe('a new value, in a scope', () => {
  it('of a secret that is not there says all of it', async () => {
    const { vault } = await testVault()
    const scope = await scopeWith(vault, 'write')
    await scope.write('a/new', 'x', { type: 'api_key', tags: { a: 'b' }, maxVersions: 1 })
    expect(await vault.describe('a/new')).toMatchObject({ type: 'api_key', maxVersions: 1 })
  })

  it('is refused before its generator runs where it changes what it may not', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const scope = await scopeWith(vault, 'rotate')
    let ran = false
    const make = () => {
      ran = true
      return 'y'
    }
    await expect(scope.rotate('a/b', make, { maxVersions: 1 })).rejects.toMatchObject({
      code: 'DENIED',
      message: 'annotate of a/b is not allowed',
    })
    expect(ran).toBe(false)
  })
})

describe('an annotation, in a scope', () => {
  it('takes the right to destroy for another bound on the versions', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const scope = await scopeWith(vault, 'annotate')
    await expect(scope.annotate('a/b', { maxVersions: 1 })).rejects.toMatchObject({
      code: 'DENIED',
      message: 'destroy of a/b is not allowed',
    })
    await scope.annotate('a/b', { description: 'y' })
  })
})

describe('a change in a scope that comes to nothing', () => {
  it('is on record as a look, as it tells its caller what is there', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const scope = await scopeWith(vault, 'write', 'annotate', 'rotate', 'delete')
    const look = (operation: string) => [['secret.inspected', 'a/b', operation]]
    const lost = { ifVersion: 7 }
    expect(await appended(vault, () => scope.write('a/b', 'y', lost))).toEqual({
      error: 'CONFLICT',
      told: look('write'),
    })
    expect(await appended(vault, () => scope.rotate('a/b', 'y', lost))).toEqual({
      error: 'CONFLICT',
      told: look('rotate'),
    })
    const annotated = () => scope.annotate('a/b', { ...lost, description: 'y' })
    expect(await appended(vault, annotated)).toEqual({ error: 'CONFLICT', told: look('annotate') })
    expect(await appended(vault, () => scope.restore('a/b'))).toEqual({
      error: undefined,
      told: look('restore'),
    })
    const [event] = await eventsOf(vault, { type: 'secret.inspected', ...eve })
    expect(event?.context.decision).toMatchObject({ rule: 'p#0', outcome: 'allow' })
    await vault.annotate('a/b', { casRequired: true })
    expect(await appended(vault, () => scope.write('a/b', 'y'))).toEqual({
      error: 'INVALID',
      told: look('write'),
    })
    expect((await vault.health()).rejected).toEqual({ conflict: 3, invalid: 1 })
  })

  it('leaves no event for the host, as ever', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const told = await appended(vault, () => vault.write('a/b', 'y', { ifVersion: 7 }))
    expect(told).toEqual({ error: 'CONFLICT', told: [] })
    expect(await appended(vault, () => vault.restore('a/b'))).toEqual({
      error: undefined,
      told: [],
    })
  })

  it('is one of anchors, too: they are shown on record', async () => {
    const { vault } = await testVault()
    await vault.policies.write('k', {
      rules: [{ effect: 'allow', capabilities: ['keys'], paths: ['**'] }],
    })
    await vault.roles.write('k', { policies: ['k'] })
    const scope = vault.as({ ...eve, roles: ['k'] })
    expect((await appended(vault, () => scope.anchors.now())).told).toEqual([
      ['secret.inspected', '', 'keys'],
    ])
    expect((await appended(vault, () => vault.anchors.now())).told).toEqual([])
  })
})
