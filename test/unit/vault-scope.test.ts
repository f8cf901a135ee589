import { describe, expect, it } from 'vitest'
import type { PolicyRule } from '../../src/events/catalogue.ts'
import { type Capability, capabilities, type Operation } from '../../src/events/words.ts'
import { memoryStore, Vault, VaultError } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { rotations } from '../../src/projections/rotations.ts'
import { testVault } from '../../src/testing.ts'
import type { Scope } from '../../src/vault/scope.ts'
import { eventsOf } from '../fixtures/events.ts'

interface Verb {
  readonly operation: Operation
  readonly capability: Capability
  readonly run: (scope: Scope, path: string) => Promise<unknown>
  /** What an allowed call appends to a secret that is there. */
  readonly appends: readonly string[]
  /** Of what is refused: the path, unless it is about the vault itself. */
  readonly subject?: ''
}

async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item
  return undefined
}

const day = 24 * 3600 * 1000
const inspected = ['secret.inspected']

const verbs: Readonly<Record<string, Verb>> = {
  read: {
    operation: 'read',
    capability: 'read',
    run: (scope, path) => scope.read(path),
    appends: ['secret.accessed'],
  },
  'read, an older version': {
    operation: 'read',
    capability: 'read',
    run: (scope, path) => scope.read(path, { version: 1 }),
    appends: ['secret.accessed'],
  },
  watch: {
    operation: 'watch',
    capability: 'read',
    run: (scope, path) => first(scope.watch(path)),
    appends: ['secret.accessed'],
  },
  write: {
    operation: 'write',
    capability: 'write',
    run: (scope, path) => scope.write(path, 'next'),
    appends: ['secret.written'],
  },
  rotate: {
    operation: 'rotate',
    capability: 'rotate',
    run: (scope, path) => scope.rotate(path, 'next'),
    appends: ['secret.rotated'],
  },
  annotate: {
    operation: 'annotate',
    capability: 'annotate',
    run: (scope, path) => scope.annotate(path, { description: 'x' }),
    appends: ['secret.annotated'],
  },
  delete: {
    operation: 'delete',
    capability: 'delete',
    run: (scope, path) => scope.delete(path),
    appends: ['secret.deleted'],
  },
  restore: {
    operation: 'restore',
    capability: 'delete',
    run: (scope, path) => scope.restore(path, { versions: [1] }),
    appends: ['secret.restored'],
  },
  destroy: {
    operation: 'destroy',
    capability: 'destroy',
    run: (scope, path) => scope.destroy(path, { versions: [2] }),
    appends: ['secret.destroyed'],
  },
  purge: {
    operation: 'purge',
    capability: 'purge',
    run: (scope, path) => scope.purge(path),
    appends: ['secret.destroyed', 'secret.purged'],
  },
  exists: {
    operation: 'exists',
    capability: 'describe',
    run: (scope, path) => scope.exists(path),
    appends: inspected,
  },
  describe: {
    operation: 'describe',
    capability: 'describe',
    run: (scope, path) => scope.describe(path),
    appends: inspected,
  },
  history: {
    operation: 'history',
    capability: 'describe',
    run: (scope, path) => scope.history(path),
    appends: inspected,
  },
  list: {
    operation: 'list',
    capability: 'list',
    run: (scope, path) => scope.list(path),
    appends: inspected,
  },
  explain: {
    operation: 'audit',
    capability: 'audit',
    run: (scope, path) => scope.explain({ actor: 'user/eve' }, { capability: 'read', path }),
    appends: ['audit.read'],
  },
}

const onVault: Readonly<Record<string, Verb>> = {
  'audit.query': {
    operation: 'audit',
    capability: 'audit',
    run: (scope) => first(scope.audit.query({ subject: 'prod/**' })),
    appends: ['audit.read'],
  },
  'audit.follow': {
    operation: 'audit',
    capability: 'audit',
    run: (scope) => first(scope.audit.follow({ subject: 'prod/**' })),
    appends: ['audit.read'],
  },
  replay: {
    operation: 'audit',
    capability: 'audit',
    run: (scope) => scope.replay(rotations),
    appends: ['audit.read'],
  },
  project: {
    operation: 'audit',
    capability: 'audit',
    run: (scope) => scope.project(rotations),
    appends: ['audit.read'],
  },
  export: {
    operation: 'export',
    capability: 'read',
    run: (scope) => scope.export(),
    appends: ['export.created'],
  },
  backup: {
    operation: 'backup',
    capability: 'keys',
    run: async (scope) => {
      for await (const _ of scope.backupBytes());
    },
    appends: ['backup.created'],
  },
  'keys.list': {
    operation: 'keys',
    capability: 'keys',
    run: async (scope) => scope.keys.list(),
    appends: inspected,
  },
  'keys.rotate': {
    operation: 'keys',
    capability: 'keys',
    run: (scope) => scope.keys.rotate(),
    appends: ['keys.rotated'],
  },
  'keyslots.list': {
    operation: 'keys',
    capability: 'keys',
    run: async (scope) => scope.keyslots.list(),
    appends: inspected,
  },
  'keyslots.addRecovery': {
    operation: 'keys',
    capability: 'keys',
    run: (scope) => scope.keyslots.addRecovery(),
    appends: ['keyslot.added'],
  },
  'anchors.list': {
    operation: 'keys',
    capability: 'keys',
    run: (scope) => scope.anchors.list(),
    appends: inspected,
  },
  'policies.write': {
    operation: 'policy',
    capability: 'policy',
    run: (scope) => scope.policies.write('mine', { rules: [] }),
    appends: ['policy.written'],
  },
  'policies.remove': {
    operation: 'policy',
    capability: 'policy',
    run: (scope) => scope.policies.remove('other'),
    appends: ['policy.removed'],
  },
  'policies.list': {
    operation: 'policy',
    capability: 'policy',
    run: (scope) => scope.policies.list(),
    appends: inspected,
  },
  'policies.get': {
    operation: 'policy',
    capability: 'policy',
    run: (scope) => scope.policies.get('other'),
    appends: inspected,
  },
  'roles.write': {
    operation: 'policy',
    capability: 'policy',
    run: (scope) => scope.roles.write('mine', { policies: [] }),
    appends: ['role.written'],
  },
  'roles.grant': {
    operation: 'policy',
    capability: 'policy',
    run: (scope) => scope.roles.grant('user/ana', 'other'),
    appends: ['role.granted'],
  },
  'roles.granted': {
    operation: 'policy',
    capability: 'policy',
    run: (scope) => scope.roles.granted(),
    appends: inspected,
  },
}

const path = 'prod/db'

/** Two versions of one secret, the first of them deleted, and something of each kind that there is to see. */
async function prepared() {
  const made = await testVault({ 'test/other': 'x' })
  const { vault } = made
  await vault.write(path, 'one')
  await vault.write(path, 'two')
  await vault.policies.write('other', { rules: [] })
  await vault.roles.write('other', { policies: ['other'] })
  return made
}

function rule(effect: 'allow' | 'deny', can: readonly Capability[], on: string): PolicyRule {
  return { effect, capabilities: can, paths: [on] }
}

interface Situation {
  readonly rules: (verb: Verb) => readonly PolicyRule[]
  readonly grant: 'for good' | 'expired' | 'asserted' | 'none'
  /** Of the rule that decides, where one does. */
  readonly decides?: string
}

const refused: Readonly<Record<string, Situation>> = {
  'without a grant': {
    rules: ({ capability }) => [rule('allow', [capability], '**')],
    grant: 'none',
  },
  'with another path granted': {
    rules: ({ capability }) => [rule('allow', [capability], 'test/**')],
    grant: 'for good',
  },
  'with every other capability granted': {
    rules: ({ capability }) => [
      rule(
        'allow',
        capabilities.filter((other) => other !== capability),
        '**',
      ),
    ],
    grant: 'for good',
  },
  'with a denial beside the allowance': {
    rules: ({ capability }) => [
      rule('allow', [capability], '**'),
      rule('deny', [capability], '**'),
    ],
    grant: 'for good',
    decides: 'p#1',
  },
  'with a grant that has expired': {
    rules: ({ capability }) => [rule('allow', [capability], '**')],
    grant: 'expired',
  },
}

const allowed: Readonly<Record<string, Situation>> = {
  'with a grant': {
    rules: ({ capability }) => [rule('allow', [capability], '**')],
    grant: 'for good',
    decides: 'p#0',
  },
  'with a role that the host asserts': {
    rules: ({ capability }) => [rule('allow', [capability], '**')],
    grant: 'asserted',
    decides: 'p#0',
  },
}

async function scopeIn(situation: Situation, verb: Verb) {
  const made = await prepared()
  const { vault, clock } = made
  const written = await vault.policies.write('p', { rules: situation.rules(verb) })
  await vault.roles.write('r', { policies: ['p'] })
  const { grant } = situation
  if (grant === 'for good') await vault.roles.grant('user/ana', 'r')
  if (grant === 'expired') {
    await vault.roles.grant('user/ana', 'r', { expiresAt: new Date(clock.now() + day) })
    clock.advance(day)
  }
  if (verb.operation === 'restore') await vault.delete(path, { versions: [1] })
  const scope = vault.as({
    actor: 'user/ana',
    source: '10.0.0.7',
    ...(grant === 'asserted' && { roles: ['r'] }),
  })
  return { ...made, scope, policy: written.position }
}

/** All that there is to be changed. */
async function stateOf(vault: Vault) {
  return {
    secrets: await vault.list(),
    history: await vault.history(path),
    policies: await vault.policies.list(),
    roles: await vault.roles.list(),
    grants: await vault.roles.granted(),
    keyslots: vault.keyslots.list(),
    keys: vault.keys.list(),
  }
}

async function appendedSince(vault: Vault, size: number) {
  return eventsOf(vault, { after: size - 1 })
}

describe.each(Object.entries({ ...verbs, ...onVault }))('%s, in a scope', (name, verb) => {
  const isOnVault = Object.hasOwn(onVault, name)
  const subject = isOnVault ? '' : path

  it.each(Object.entries(refused))('is refused %s', async (_, situation) => {
    const { vault, scope, policy } = await scopeIn(situation, verb)
    const { position: __, ...before } = (await stateOf(vault)).secrets
    const state = await stateOf(vault)
    const { size } = await vault.health()
    const words = subject === '' ? verb.operation : `${verb.operation} of ${subject}`
    await expect(verb.run(scope, path)).rejects.toMatchObject({
      code: 'DENIED',
      message: `${words} is not allowed`,
    })
    const events = await appendedSince(vault, size)
    expect(events).toEqual([
      expect.objectContaining({
        type: 'secret.denied',
        actor: 'user/ana',
        subject,
        data: { operation: verb.operation, cause: 'policy' },
        context: expect.objectContaining({
          source: '10.0.0.7',
          auth: { method: 'claimed', id: expect.any(String) },
          decision: {
            rule: situation.decides ?? '',
            role: situation.decides ? 'r' : '',
            outcome: 'deny',
            ...(situation.decides && { policy }),
          },
        }),
      }),
    ])
    const after = await stateOf(vault)
    expect({ ...after, secrets: before }).toEqual({ ...state, secrets: before })
    expect(after.secrets.items).toEqual(state.secrets.items)
  })

  it.each(Object.entries(allowed))('is let through %s', async (_, situation) => {
    const { vault, scope, policy } = await scopeIn(situation, verb)
    const { size } = await vault.health()
    await verb.run(scope, path)
    const events = await appendedSince(vault, size)
    expect(events.map(({ type }) => type)).toEqual(verb.appends)
    for (const { actor, context } of events) {
      expect(actor).toBe('user/ana')
      expect(context).toMatchObject({ source: '10.0.0.7', auth: { method: 'claimed' } })
      expect(context.decision).toEqual({
        rule: 'p#0',
        role: 'r',
        outcome: 'allow',
        policy,
        ...(situation.grant === 'asserted' && { asserted: true }),
      })
    }
  })
})

describe.each(Object.entries(verbs))('%s, refused', (_, verb) => {
  it('says the same whether or not there is such a secret, and whatever state it is in', async () => {
    const { vault, clock } = await testVault({
      'prod/live': 'x',
      'prod/deleted': 'x',
      'prod/destroyed': 'x',
      'prod/expired': 'x',
    })
    await vault.delete('prod/deleted')
    await vault.destroy('prod/destroyed', { versions: [1] })
    await vault.annotate('prod/expired', { expiresAt: new Date(clock.now() + 1000) })
    clock.advance(2000)
    const scope = vault.as({ actor: 'user/eve' })
    const answers: unknown[] = []
    for (const name of ['live', 'deleted', 'destroyed', 'expired', 'absent']) {
      const error = await verb.run(scope, `prod/${name}`).catch((thrown: VaultError) => thrown)
      if (!(error instanceof VaultError)) throw new Error('it was let through')
      answers.push({ ...error, message: error.message.replace(name, ''), path: '' })
    }
    expect(answers).toEqual(Array(5).fill(expect.objectContaining({ code: 'DENIED' })))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    const denied = await eventsOf(vault, { type: 'secret.denied', actor: 'user/eve' })
    expect(new Set(denied.map(({ data }) => JSON.stringify(data))).size).toBe(1)
  })
})

describe('a scope', () => {
  it('acts as its own actor alone, whatever a call or the ambient context says', async () => {
    const vault = await Vault.create({
      store: memoryStore(),
      unlock: noKdf,
      actor: 'svc/host',
      context: () => ({ actor: 'user/root', source: '10.0.0.1', correlationId: 'ambient' }),
    })
    await vault.write(path, 'x')
    const scope = vault.as({ actor: 'user/ana', correlationId: 'c-1' })
    await expect(scope.read(path, { actor: 'root' })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'actor: this scope acts as user/ana and nobody else',
    })
    await expect(scope.read(path, { actor: 'user/ana', reason: 'why' })).rejects.toMatchObject({
      code: 'DENIED',
      path,
    })
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied).toMatchObject({
      actor: 'user/ana',
      context: { reason: 'why', correlationId: 'c-1', source: '10.0.0.1' },
    })
  })

  it('is not given to what is no actor or no role', async () => {
    const { vault } = await testVault()
    expect(() => vault.as({ actor: 'a//b' })).toThrow('expected no empty segment')
    expect(() => vault.as({ actor: 'a', roles: ['x/y'] })).toThrow('roles[0]: expected no "/"')
    expect(() => vault.as({ actor: 'a', source: '' })).toThrow('source must be a string')
  })

  it('checks arguments before policy, and records nothing of what is none', async () => {
    const { vault } = await testVault()
    const scope = vault.as({ actor: 'user/eve' })
    const { size } = await vault.health()
    for (const attempt of [
      () => scope.read('a//b'),
      () => scope.list('a//b'),
      () => scope.write('a', 'x', { ifVersion: -1 }),
      () => scope.explain({ actor: 'x' }, { capability: 'fly' as never, path: 'a' }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'INVALID' })
    }
    expect((await vault.health()).size).toBe(size)
    expect((await vault.health()).rejected.invalid).toBe(4)
  })

  it('is not held to anything where it is the host', async () => {
    const { vault } = await testVault({ [path]: 'x' })
    await vault.policies.write('p', { rules: [rule('deny', capabilities, '**')] })
    await vault.roles.write('r', { policies: ['p'] })
    await vault.roles.grant('test', 'r')
    expect((await vault.read(path)).text()).toBe('x')
    const [accessed] = await eventsOf(vault, { type: 'secret.accessed' })
    expect(accessed?.context.decision).toBeUndefined()
    const { size } = await vault.health()
    await vault.list()
    await vault.policies.list()
    expect((await vault.health()).size).toBe(size)
  })
})
