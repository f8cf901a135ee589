import { afterEach, describe, expect, it, vi } from 'vitest'
import type { PolicyRule } from '../../src/events/catalogue.ts'
import type { Capability } from '../../src/events/words.ts'
import type { Projection, Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'
import { nextOver } from '../fixtures/next-over.ts'

const eve = { actor: 'user/eve' }

function allows(capabilities: readonly Capability[], path: string): PolicyRule {
  return { effect: 'allow', capabilities, paths: [path] }
}

async function allow(vault: Vault, rules: readonly PolicyRule[], options = {}) {
  await vault.policies.write('p', { rules })
  await vault.roles.write('r', { policies: ['p'] })
  await vault.roles.grant(eve.actor, 'r', options)
  return vault.as(eve)
}

afterEach(() => {
  vi.useRealTimers()
})

describe('what a scope may not do any more', () => {
  it('ends the pages of the audit trail, on record: what was given is not all of them', async () => {
    const { vault } = await testVault()
    for (let i = 0; i < 15; i++) await vault.write('a/x', `v${i}`)
    for (let i = 0; i < 30; i++) await vault.write('b/x', `v${i}`)
    const scope = await allow(vault, [allows(['audit'], 'a/**')])
    const pages = scope.audit.query({ type: 'secret.written', limit: 10 })
    const first = await pages.next()
    expect(first.value?.events).toHaveLength(10)
    await vault.roles.withdraw(eve.actor, 'r')
    await expect(pages.next()).rejects.toMatchObject({ code: 'DENIED' })
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied).toMatchObject({ actor: eve.actor, data: { operation: 'audit' } })
  })

  it('is in no page that was filled with what it still may', async () => {
    const { vault } = await testVault()
    for (let i = 0; i < 20; i++) await vault.write('a/x', `v${i}`)
    for (let i = 0; i < 20; i++) await vault.write('c/x', `v${i}`)
    const scope = await allow(vault, [allows(['audit'], 'a/**'), allows(['audit'], 'c/**')])
    const pages = scope.audit.query({ type: 'secret.written', limit: 13 })
    await pages.next()
    await vault.policies.write('p', { rules: [allows(['audit'], 'c/**')] })
    const seen: string[] = []
    for await (const { events } of pages) seen.push(...events.map(({ subject }) => subject))
    expect(seen).toEqual(Array(20).fill('c/x'))
  })

  it('ends a replay and a diff that were let through before their record', async () => {
    const { vault } = await testVault({ 'a/b': 'x', 'z/b': 'x' })
    const scope = await allow(vault, [allows(['audit'], '**')])
    const denial: PolicyRule = { effect: 'deny', capabilities: ['audit'], paths: ['z/**'] }
    const seen: string[] = []
    const own: Projection<object> = {
      name: 'mine',
      version: 1,
      initial: () => ({}),
      on: {},
      each: (_, { subject }) => void seen.push(subject),
    }
    const looks = [() => scope.replay(own), () => scope.diff({ position: 0 }, { position: 5 })]
    for (const look of looks) {
      await vault.policies.write('p', { rules: [allows(['audit'], '**')] })
      const looked = look()
      const both = vault.policies.write('p', { rules: [allows(['audit'], '**'), denial] })
      await expect(looked).rejects.toMatchObject({ code: 'DENIED' })
      await both
    }
    expect(seen).toEqual([])
    expect(await eventsOf(vault, { type: 'audit.read' })).toEqual([])
  })

  it('ends an export where it has come to, on record', async () => {
    const { vault } = await testVault({ 'a/b': 'x', 'a/c': 'y' })
    const scope = await allow(vault, [allows(['read'], 'a/**')])
    const { entries } = await scope.export('a/')
    expect((await entries.next()).value?.path).toBe('a/b')
    await vault.roles.withdraw(eve.actor, 'r')
    await expect(entries.next()).rejects.toMatchObject({ code: 'DENIED', path: 'a/c' })
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied).toMatchObject({ subject: 'a/c', data: { operation: 'export' } })
  })

  it('ends a watch when a grant runs out, though nothing happens in the vault', async () => {
    const { vault, clock } = await testVault({ 'a/b': 'x' })
    const expiresAt = new Date(clock.now() + 1000)
    const scope = await allow(vault, [allows(['read'], 'a/**')], { expiresAt })
    const watch = scope.watch('a/b')
    await watch.next()
    await expect(nextOver(watch, clock, 1000)).rejects.toMatchObject({
      code: 'DENIED',
      path: 'a/b',
    })
  })
})

describe('a right to one path', () => {
  it('is no right to look for what is below it', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const scope = await allow(vault, [allows(['audit'], 'a/*/c')])
    const query = async (subject: string) => {
      for await (const _ of scope.audit.query({ subject }));
    }
    await expect(query('a/b')).rejects.toMatchObject({ code: 'DENIED', path: 'a/b' })
    await expect(query('a/b/d')).rejects.toMatchObject({ code: 'DENIED' })
    await query('a/b/c')
    await query('a/**')
  })
})
