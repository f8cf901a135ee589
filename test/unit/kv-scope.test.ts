import { describe, expect, it } from 'vitest'
import { type Capability, capabilities } from '../../src/events/words.ts'
import type { Scope, Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

const ana = { actor: 'user/ana' }
const mount = 'secret'
const path = 'prod/db'

async function allow(vault: Vault, allowed: readonly Capability[], at = '**'): Promise<Scope> {
  await vault.policies.write('p', {
    rules: [{ effect: 'allow', capabilities: allowed, paths: [at] }],
  })
  await vault.roles.write('p', { policies: ['p'] })
  await vault.roles.grant(ana.actor, 'p')
  return vault.as(ana)
}

/** A vault with a secret of two versions, and one that is declared. */
async function withSecrets(): Promise<Vault> {
  const { vault } = await testVault()
  for (let n = 1; n <= 2; n++) await vault.kv.put(path, { n }, { mount })
  await vault.kv.annotate('declared', { tags: { team: 'pay' } })
  return vault
}

interface Case {
  readonly takes: Capability
  /** What it takes besides. */
  readonly besides?: Capability
  readonly call: (scope: Scope) => Promise<unknown>
  /** Of what is recorded as refused. */
  readonly operation: string
  readonly subject: string
  /** What is recorded of it where it is let through. */
  readonly leaves: readonly string[]
}

const cases: Readonly<Record<string, Case>> = {
  settings: {
    takes: 'policy',
    call: ({ kv }) => kv.settings(mount),
    ...{ operation: 'policy', subject: '', leaves: ['secret.inspected'] },
  },
  configure: {
    takes: 'policy',
    call: ({ kv }) => kv.configure(mount, { maxVersions: 1 }),
    ...{ operation: 'policy', subject: '', leaves: ['mount.configured'] },
  },
  read: {
    takes: 'read',
    call: ({ kv }) => kv.read(path),
    ...{ operation: 'read', subject: path, leaves: ['secret.accessed'] },
  },
  put: {
    takes: 'write',
    call: ({ kv }) => kv.put(path, { n: 3 }, { mount }),
    ...{ operation: 'write', subject: path, leaves: ['secret.rotated'] },
  },
  patch: {
    takes: 'write',
    besides: 'read',
    call: ({ kv }) => kv.patch(path, { m: 1 }, { mount }),
    ...{ operation: 'write', subject: path, leaves: ['secret.rotated'] },
  },
  children: {
    takes: 'list',
    call: ({ kv }) => kv.children('prod/'),
    ...{ operation: 'list', subject: 'prod', leaves: ['secret.inspected'] },
  },
  metadata: {
    takes: 'describe',
    call: ({ kv }) => kv.metadata(path),
    ...{ operation: 'describe', subject: path, leaves: ['secret.inspected'] },
  },
  annotate: {
    takes: 'annotate',
    call: ({ kv }) => kv.annotate(path, { tags: { a: 'b' } }),
    ...{ operation: 'annotate', subject: path, leaves: ['secret.annotated'] },
  },
  'annotate of nothing': {
    takes: 'annotate',
    call: ({ kv }) => kv.annotate('new', { maxVersions: 3 }),
    ...{ operation: 'annotate', subject: 'new', leaves: ['secret.declared'] },
  },
  deleteVersions: {
    takes: 'delete',
    call: ({ kv }) => kv.deleteVersions(path, undefined),
    ...{ operation: 'delete', subject: path, leaves: ['secret.deleted'] },
  },
  undelete: {
    takes: 'delete',
    call: ({ kv }) => kv.undelete(path, [1]),
    ...{ operation: 'restore', subject: path, leaves: ['secret.inspected'] },
  },
  destroy: {
    takes: 'destroy',
    call: ({ kv }) => kv.destroy(path, [1]),
    ...{ operation: 'destroy', subject: path, leaves: ['secret.destroyed'] },
  },
  remove: {
    takes: 'purge',
    call: ({ kv }) => kv.remove(path),
    ...{ operation: 'purge', subject: path, leaves: ['secret.destroyed', 'secret.purged'] },
  },
  'remove of what is declared': {
    takes: 'purge',
    call: ({ kv }) => kv.remove('declared'),
    ...{ operation: 'purge', subject: 'declared', leaves: ['secret.undeclared'] },
  },
}

describe.each(Object.entries(cases))('%s', (_, each) => {
  const { takes, besides, call, operation, subject, leaves } = each

  it('is refused without its right, though with every other, and changes nothing', async () => {
    const vault = await withSecrets()
    const scope = await allow(
      vault,
      capabilities.filter((each) => each !== takes),
    )
    const before = [await vault.kv.metadata(path), await vault.kv.metadata('declared')]
    await expect(call(scope)).rejects.toMatchObject({ code: 'DENIED' })
    expect([await vault.kv.metadata(path), await vault.kv.metadata('declared')]).toEqual(before)
    const [denied, ...more] = await eventsOf(vault, ana)
    expect(denied).toMatchObject({
      type: 'secret.denied',
      subject,
      data: { operation, cause: 'policy' },
      context: { decision: { outcome: 'deny' } },
    })
    expect(more).toEqual([])
  })

  it('is let through with that right alone, and tells the rule', async () => {
    const vault = await withSecrets()
    const scope = await allow(vault, besides === undefined ? [takes] : [takes, besides])
    await call(scope)
    const events = await eventsOf(vault, ana)
    expect(events.map(({ type }) => type)).toEqual(leaves)
    for (const { context } of events) {
      expect(context.decision).toMatchObject({ rule: 'p#0', role: 'p', outcome: 'allow' })
    }
  })
})

describe('what comes to nothing', () => {
  it.each([
    ['delete of nothing', 'delete', ({ kv }: Scope) => kv.deleteVersions('none', undefined)],
    ['undelete of nothing', 'delete', ({ kv }: Scope) => kv.undelete('none', [1])],
    ['destroy of no such version', 'destroy', ({ kv }: Scope) => kv.destroy(path, [9])],
    ['remove of nothing', 'purge', ({ kv }: Scope) => kv.remove('none')],
    ['annotate that changes nothing', 'annotate', ({ kv }: Scope) => kv.annotate(path, {})],
  ] as const)('%s is on record as a look', async (_, takes, call) => {
    const vault = await withSecrets()
    await call(await allow(vault, [takes]))
    const events = await eventsOf(vault, ana)
    expect(events.map(({ type }) => type)).toEqual(['secret.inspected'])
  })

  it.each([
    ['a put that lost', 'CONFLICT', ({ kv }: Scope) => kv.put(path, {}, { mount, ifVersion: 7 })],
    ['a patch of text', 'INVALID', ({ kv }: Scope) => kv.patch('text', { a: 1 }, { mount })],
  ] as const)('%s is on record as well', async (_, code, call) => {
    const vault = await withSecrets()
    await vault.write('text', 'x')
    await expect(call(await allow(vault, ['write', 'read']))).rejects.toMatchObject({ code })
    const events = await eventsOf(vault, ana)
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['secret.inspected', { operation: 'write' }],
    ])
  })
})

describe('the bound on the versions of a secret that is there', () => {
  it('takes the right to destroy besides, over the wire as anywhere', async () => {
    const vault = await withSecrets()
    const scope = await allow(vault, ['annotate'])
    const bound = scope.kv.annotate(path, { maxVersions: 1 })
    await expect(bound).rejects.toMatchObject({ code: 'DENIED' })
    await scope.kv.annotate('declared', { maxVersions: 1 })
    await scope.kv.annotate(path, { maxVersions: 0 })
    await (await allow(vault, ['annotate', 'destroy'])).kv.annotate(path, { maxVersions: 1 })
  })
})

describe('what was declared', () => {
  it('takes the right to annotate to be changed by whoever writes the secret', async () => {
    const vault = await withSecrets()
    await vault.kv.annotate('declared', { casRequired: true })
    const scope = await allow(vault, ['write'])
    const over = scope.write('declared', 'x', { casRequired: false, ifVersion: 0 })
    await expect(over).rejects.toMatchObject({ code: 'DENIED' })
    await expect(scope.write('declared', 'x')).rejects.toMatchObject({ expected: 'ifVersion' })
    await scope.write('declared', 'x', { ifVersion: 0 })
  })
})

describe('a patch', () => {
  it('takes the right to read besides, as it keeps what it does not name', async () => {
    const vault = await withSecrets()
    const scope = await allow(vault, ['write'])
    await expect(scope.kv.patch(path, { host: 'mine' }, { mount })).rejects.toMatchObject({
      code: 'DENIED',
      message: 'read of prod/db is not allowed',
    })
    expect((await vault.read(path)).fields()).toEqual({ n: 2 })
  })
})
