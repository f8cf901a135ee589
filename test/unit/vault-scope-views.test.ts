import { describe, expect, it } from 'vitest'
import type { PolicyRule, VaultEvent } from '../../src/events/catalogue.ts'
import type { Capability } from '../../src/events/words.ts'
import { memoryStore, type Projection, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { access } from '../../src/projections/access.ts'
import { lifecycle } from '../../src/projections/lifecycle.ts'
import { startFold } from '../../src/projections/projection.ts'
import { secrets } from '../../src/projections/secrets.ts'
import { testVault } from '../../src/testing.ts'

const eve = { actor: 'user/eve' }
const all: PolicyRule = { effect: 'allow', capabilities: ['read', 'policy'], paths: ['**'] }

/** A vault that can be opened again, in which `user/eve` has these capabilities on everything. */
async function opened(...capabilities: Capability[]) {
  const store = memoryStore()
  const vault = await Vault.create({ store, unlock: noKdf, actor: 'host' })
  await vault.write('a/b', 'x', { tags: { team: 'pay' } })
  await vault.policies.write('p', { rules: [{ effect: 'allow', capabilities, paths: ['**'] }] })
  await vault.roles.write('r', { policies: ['p'] })
  await vault.roles.grant(eve.actor, 'r')
  const again = async () => {
    await vault.close()
    return Vault.open({ store, unlock: noKdf, actor: 'host' })
  }
  return { vault, again }
}

/** A projection of somebody's own, whose snapshot would say that user/eve may do everything. */
function impostor(named: { readonly name: string }): Projection<object> {
  const row = { position: 1, writtenAt: 0, writtenBy: 'x' }
  const state = {
    policies: [['x', { rules: [all], ...row }]],
    roles: [['x', { policies: ['x'], ...row }]],
    grants: [{ actor: eve.actor, role: 'x', position: 1, grantedAt: 0, grantedBy: 'x' }],
    changed: 1,
    rulesChanged: 1,
  }
  const rest = { version: 1, initial: () => ({}), on: {}, encode: () => state, decode: () => ({}) }
  return Object.defineProperties(rest, Object.getOwnPropertyDescriptors(named)) as never
}

describe('a projection of a scope', () => {
  it('is a fold of its own: no change of its state is one of what decides', async () => {
    const { vault } = await opened('audit')
    const scope = vault.as(eve)
    const live = await scope.project(access)
    const { position } = await vault.policies.write('q', { rules: [all] })
    const view = await live.waitFor(position ?? 0)
    expect(view.policies.get('q')?.position).toBe(position)
    view.grants.get(eve.actor)?.set('q', { ...eve, role: 'q', ...granted })
    view.roles.set('q', { policies: ['q'], position: 1, writtenAt: 0, writtenBy: 'x' })
    await expect(scope.read('a/b')).rejects.toMatchObject({ code: 'DENIED' })
    const kept = await scope.project(lifecycle)
    await kept.waitFor(position ?? 0)
    kept.view.keyslots.clear()
    expect((await vault.project(lifecycle)).view.keyslots.size).toBe(1)
    live.close()
  })

  it('takes nobody the snapshot, whatever its name is, and whenever it is asked for it', async () => {
    for (let reads = 1; reads < 8; reads++) {
      const { vault, again } = await opened('audit')
      let asked = 0
      const named = {
        get name() {
          asked++
          return asked > reads ? 'access' : 'mine'
        },
      }
      await vault.as(eve).project(impostor(named))
      const reopened = await again()
      expect((await reopened.roles.granted()).map(({ role }) => role)).toEqual(['r'])
      await reopened.close()
    }
  })

  it('leaves rotation policies, the tree and projections of the host as they were kept', async () => {
    const { vault, again } = await opened('audit')
    await vault.rotationPolicies.set({ prefix: 'a/' }, { rotateEvery: 1000 })
    const own = { name: 'mine', version: 1, initial: () => new Map<string, number>(), on: {} }
    for (const name of ['rotation-policies', 'tree', 'access', 'mine']) {
      const live = await vault
        .as(eve)
        .project({ ...own, name, initial: () => new Map([[name, 1]]) })
      expect([...live.view.keys()]).toEqual([name])
    }
    await vault.project(own)
    const reopened = await again()
    expect(await reopened.rotationPolicies.list()).toHaveLength(1)
    expect((await reopened.project(own)).view.size).toBe(0)
    expect((await reopened.verify()).ok).toBe(true)
    await reopened.close()
  })
})

const granted = { position: 1, grantedAt: 0, grantedBy: 'x' }

describe('a projection of the host', () => {
  it('does not take the name of one of the vault’s own, which its snapshot has', async () => {
    const { vault } = await testVault()
    for (const name of ['rotation-policies', 'tree', 'access', 'secrets']) {
      await expect(vault.project(impostor({ name }))).rejects.toMatchObject({
        code: 'EXISTS',
        message: `a projection named ${name} is live already`,
      })
    }
  })

  it('has the name that was checked, however often another reads it', async () => {
    const { vault, again } = await opened('audit')
    let asked = 0
    const named = {
      get name() {
        asked++
        return asked > 1 ? 'access' : 'mine'
      },
    }
    expect((await vault.project(impostor(named))).name).toBe('mine')
    const reopened = await again()
    expect((await reopened.roles.granted()).map(({ role }) => role)).toEqual(['r'])
    await reopened.close()
  })
})

describe('what decides', () => {
  it('cannot be changed through the view of a projection', async () => {
    const { vault } = await opened('audit')
    const { view } = await vault.project(access)
    expect(() => view.policies.clear()).toThrow(TypeError)
    expect(() => view.grants.get(eve.actor)?.clear()).toThrow(TypeError)
    for (const rows of view.grants.values()) expect(() => rows.clear()).toThrow(TypeError)
    expect(() => Object.assign(view, { changed: 7 })).toThrow(TypeError)
    expect(() => Object.assign([...view.roles][0]?.[1] ?? {}, { policies: [] })).toThrow(TypeError)
    const slots = (await vault.project(lifecycle)).view
    expect(() => slots.keyslots.clear()).toThrow(TypeError)
    expect(() => slots.keys.push({ what: 'log', position: 1, time: 1 })).toThrow(TypeError)
    const row = (await vault.project(secrets)).view.get('a/b')
    expect(() => Object.assign(row?.meta ?? {}, { expiresAt: 1 })).toThrow(TypeError)
    expect(() => Object.assign(row?.meta.tags ?? {}, { team: 'x' })).toThrow(TypeError)
  })

  it('is frozen where it is kept, of events and of a snapshot', () => {
    const fold = startFold(access)
    const data = { name: 'p', rules: [{ ...all, paths: ['**'] }] }
    const facts = [
      { type: 'policy.written', data },
      { type: 'role.written', data: { name: 'r', policies: ['p'] } },
      { type: 'role.granted', data: { name: 'r', actor: 'a' } },
    ]
    fold.apply(facts.map((fact, position) => ({ ...fact, position })) as VaultEvent[])
    const decoded = access.decode?.(structuredClone(access.encode?.(fold.state)))
    for (const state of [fold.state, decoded]) {
      expect(Object.isFrozen(state?.policies.get('p')?.rules[0]?.paths)).toBe(true)
      expect(Object.isFrozen(state?.roles.get('r')?.policies)).toBe(true)
      expect(Object.isFrozen(state?.grants.get('a')?.get('r'))).toBe(true)
    }
  })

  it.each(['as it was written', 'after it was opened again'])(
    'is not what policies and roles are shown as, %s',
    async (when) => {
      const { vault, again } = await opened('policy')
      const held = when === 'as it was written' ? vault : await again()
      const scope = held.as(eve)
      const policy = await scope.policies.get('p')
      expect(() => Object.assign(policy.rules[0] ?? {}, all)).not.toThrow()
      for (const { rules } of await scope.policies.list()) Object.assign(rules[0] ?? {}, all)
      for (const { policies } of await scope.roles.list()) (policies as string[]).push('q')
      expect((await held.policies.get('p')).rules).toEqual([{ ...all, capabilities: ['policy'] }])
      expect((await held.roles.list())[0]?.policies).toEqual(['p'])
      await held.close()
    },
  )
})
