import { describe, expect, it } from 'vitest'
import type { PolicyRule } from '../../src/events/catalogue.ts'
import { type AccessState, access } from '../../src/projections/access.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const rules: readonly PolicyRule[] = [
  { effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/payments/**'] },
]

describe('policies', () => {
  it('are written, listed, got and removed, each an event that says who and why', async () => {
    const { vault, clock } = await testVault()
    clock.advance(1000)
    const { position } = await vault.policies.write('payments', { rules }, { reason: 'c-7' })
    await vault.policies.write('a', { rules: [] })
    const policy = {
      name: 'payments',
      rules,
      position,
      writtenAt: new Date(clock.now()),
      writtenBy: 'test',
    }
    expect(await vault.policies.get('payments')).toEqual(policy)
    expect((await vault.policies.list()).map(({ name }) => name)).toEqual(['a', 'payments'])
    const [written] = await eventsOf(vault, { type: 'policy.written' })
    expect(written).toMatchObject({
      position,
      subject: '',
      data: { name: 'payments', rules },
      context: { reason: 'c-7' },
    })
    await vault.policies.remove('payments')
    await expect(vault.policies.get('payments')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no policy payments',
    })
  })

  it('append nothing where nothing changes', async () => {
    const { vault } = await testVault()
    await vault.policies.write('payments', { rules })
    expect(await appendedBy(vault, () => vault.policies.write('payments', { rules }))).toEqual([])
    expect(await vault.policies.write('payments', { rules: structuredClone(rules) })).toEqual({})
    expect(await appendedBy(vault, () => vault.policies.remove('none'))).toEqual([])
    const other = rules.map((rule) => ({ ...rule, effect: 'deny' as const }))
    const changes = () => vault.policies.write('payments', { rules: other })
    expect(await appendedBy(vault, changes)).toEqual(['policy.written'])
  })

  it('are what they were when they were written, whatever becomes of the list', async () => {
    const { vault } = await testVault()
    const paths = ['prod/payments/**']
    const writing = vault.policies.write('payments', {
      rules: [{ effect: 'allow', capabilities: ['read'], paths }],
    })
    paths[0] = '**'
    await writing
    paths.push('**')
    expect((await vault.policies.get('payments')).rules[0]?.paths).toEqual(['prod/payments/**'])
  })

  it('are refused where they cannot be understood, before anything is appended', async () => {
    const { vault } = await testVault()
    const bad = [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**/db'] }] as const
    expect(await appendedBy(vault, () => vault.policies.write('p', { rules: bad }))).toEqual([])
    await expect(vault.policies.write('p', { rules: bad })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'segment of rules[0].paths[0] "**": expected no U+002A',
    })
    await expect(vault.policies.write('p/q', { rules })).rejects.toThrow('name: expected no "/"')
    expect((await vault.health()).rejected.invalid).toBe(3)
  })
})

describe('roles', () => {
  it('name policies that are there, and outlive them', async () => {
    const { vault } = await testVault()
    await expect(vault.roles.write('clerk', { policies: ['payments'] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no policy payments',
    })
    await vault.policies.write('payments', { rules })
    const { position } = await vault.roles.write('clerk', { policies: ['payments'] })
    expect(await vault.roles.write('clerk', { policies: ['payments'] })).toEqual({})
    await vault.policies.remove('payments')
    expect(await vault.roles.list()).toEqual([
      {
        name: 'clerk',
        policies: ['payments'],
        position,
        writtenAt: expect.any(Date),
        writtenBy: 'test',
      },
    ])
  })

  it('are granted for a time or for good, and withdrawn', async () => {
    const { vault, clock } = await testVault()
    await expect(vault.roles.grant('user/ana', 'clerk')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no role clerk',
    })
    await vault.roles.write('clerk', { policies: [] })
    const expiresAt = new Date(clock.now() + 1000)
    const by = { actor: 'user/root' }
    await vault.roles.grant('user/eve', 'clerk', by)
    const { position } = await vault.roles.grant('user/ana', 'clerk', { ...by, expiresAt })
    expect(await vault.roles.grant('user/ana', 'clerk', { expiresAt })).toEqual({})
    const grant = {
      actor: 'user/ana',
      role: 'clerk',
      position,
      grantedAt: new Date(clock.now()),
      grantedBy: 'user/root',
      expiresAt,
      expired: false,
    }
    expect(await vault.roles.granted('user/ana')).toEqual([grant])
    expect((await vault.roles.granted()).map(({ actor }) => actor)).toEqual([
      'user/ana',
      'user/eve',
    ])
    clock.advance(1000)
    expect(await vault.roles.granted('user/ana')).toEqual([{ ...grant, expired: true }])
    await expect(vault.roles.grant('user/ana', 'clerk', { expiresAt })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/^expiresAt must be to come: /),
    })
    await vault.roles.withdraw('user/ana', 'clerk')
    expect(await vault.roles.withdraw('user/ana', 'clerk')).toEqual({})
    expect(await vault.roles.granted('user/ana')).toEqual([])
  })

  it('take their grants with them', async () => {
    const { vault } = await testVault()
    await vault.roles.write('clerk', { policies: [] })
    await vault.roles.grant('user/ana', 'clerk')
    await vault.roles.remove('clerk')
    expect(await vault.roles.remove('clerk')).toEqual({})
    await vault.roles.write('clerk', { policies: [] })
    expect(await vault.roles.granted()).toEqual([])
  })
})

describe('looks at policies and roles', () => {
  it('are on record where the vault keeps one', async () => {
    const { vault } = await testVault({}, { inspections: true })
    await vault.policies.write('payments', { rules })
    const looks = await appendedBy(vault, async () => {
      await vault.policies.list()
      await vault.policies.get('payments')
      await vault.roles.list()
      await vault.roles.granted('user/ana')
    })
    expect(looks).toEqual([...Array(4).fill('secret.inspected'), 'audit.read'])
    const [first] = await eventsOf(vault, { type: 'secret.inspected' })
    expect(first).toMatchObject({ subject: '', data: { operation: 'policy', count: 1 } })
  })
})

describe('what is known of access', () => {
  it('is live what a replay shows, and what a reopened vault begins with', async () => {
    const { vault } = await testVault()
    const live = await vault.project(access)
    await vault.policies.write('p', { rules })
    await vault.policies.write('q', { rules: [] })
    await vault.roles.write('r', { policies: ['p', 'q'] })
    await vault.roles.write('s', { policies: [] })
    for (const actor of ['a', 'b', 'c']) {
      await vault.roles.grant(actor, 'r')
      await vault.roles.grant(actor, 's')
    }
    await vault.roles.withdraw('b', 's')
    await vault.roles.remove('s')
    await vault.policies.remove('q')
    const replayed = await vault.replay(access)
    expect(plain(live.view)).toEqual(plain(replayed.view))
    expect(live.view.grants.size).toBe(3)
    await vault.reopen()
    expect(plain((await vault.project(access)).view)).toEqual(plain(replayed.view))
  })
})

/** A state, or the face of one. */
function plain({ policies, roles, grants, ...positions }: AccessState) {
  const held = [...grants].map(([actor, rows]) => [actor, [...rows]])
  return { policies: [...policies], roles: [...roles], grants: held, ...positions }
}
