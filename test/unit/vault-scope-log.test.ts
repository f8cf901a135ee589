import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Capability } from '../../src/events/words.ts'
import { defineProjection, plainState, type Scope, type Vault } from '../../src/index.ts'
import { parseProofFile } from '../../src/proofs/proof-file.ts'
import { testVault } from '../../src/testing.ts'

const ana = { actor: 'user/ana' }

/** A vault in which `user/ana` may do this to everything, or below `paths`. */
async function opened(capabilities: readonly Capability[], paths = ['**']) {
  const { vault, clock, store } = await testVault({ 'prod/db': 'one', 'dev/db': 'two' })
  await vault.policies.write('p', { rules: [{ effect: 'allow', capabilities, paths }] })
  await vault.roles.write('r', { policies: ['p'] })
  await vault.roles.grant(ana.actor, 'r')
  await vault.proofs.checkpoint()
  return { vault, clock, store, scope: vault.as(ana) }
}

const writes = defineProjection({
  name: 'writes',
  version: 3,
  initial: () => new Map<string, { n: number; at: Date; tags: Set<string>; raw: Uint8Array }>(),
  on: {
    'secret.written': (state, { actor, time }) => {
      const n = (state.get(actor)?.n ?? 0) + 1
      const raw = Uint8Array.of(0xab, 1)
      state.set(actor, { n, at: new Date(time), tags: new Set(['x']), raw })
    },
  },
})

async function trail(vault: Vault) {
  const all = []
  for await (const { events } of vault.audit.query({ limit: 1000 })) all.push(...events)
  return all
}

const looks: Record<string, (scope: Scope) => Promise<unknown>> = {
  verify: (scope) => scope.verify(),
  health: (scope) => scope.health(),
  'a checkpoint': (scope) => scope.proofs.checkpoint(),
  checkpoints: async (scope) => {
    for await (const checkpoint of scope.proofs.checkpoints()) return checkpoint
    return undefined
  },
  'a proof': (scope) => scope.proofs.event(2),
  consistency: async (scope) => scope.proofs.consistency(await scope.proofs.checkpoint()),
  'a list of projections': (scope) => scope.projections.list(),
  'a projection': (scope) => scope.projections.get('secrets'),
  'a projection of then': (scope) => scope.projections.get('secrets', { at: { position: 3 } }),
}

describe('what a scope sees of the log as a whole', () => {
  it.each(Object.entries(looks))('%s takes the right to audit everything', async (_, look) => {
    for (const [capabilities, paths] of [
      [['read', 'list', 'report', 'policy', 'token', 'keys'], ['**']],
      [['audit'], ['prod/**', 'dev/**']],
    ] as const) {
      const { vault, scope } = await opened(capabilities, [...paths])
      const { position } = vault
      await expect(look(scope)).rejects.toMatchObject({ code: 'DENIED' })
      expect((await trail(vault)).slice(position + 1)).toMatchObject([
        { type: 'secret.denied', actor: ana.actor, data: { operation: 'audit', cause: 'policy' } },
      ])
    }
  })

  it.each(Object.entries(looks))('%s is on record', async (_, look) => {
    const { vault, scope } = await opened(['audit'])
    const { position } = vault
    expect(await look(scope)).toBeDefined()
    const [record] = (await trail(vault)).slice(position + 1)
    expect(record).toMatchObject({
      type: 'audit.read',
      actor: ana.actor,
      context: { decision: { rule: 'p#0', role: 'r' } },
    })
  })

  it.each(Object.entries(looks))('%s of the host leaves nothing', async (_, look) => {
    const { vault } = await opened(['audit'])
    const { position } = vault
    await look(vault)
    expect(vault.position).toBe(position)
  })

  it('says what it was about', async () => {
    const { vault, scope } = await opened(['audit'])
    const { position } = vault
    const { file } = await scope.proofs.event(2)
    expect(parseProofFile(file).index).toBe(2)
    const from = await vault.proofs.checkpoint()
    await scope.proofs.consistency(from)
    await scope.verify()
    await scope.projections.get('accesses', { at: { position: 3 } })
    const filters = (await trail(vault)).slice(position + 1).map(({ data }) => data)
    expect(filters).toEqual([
      { filter: { proof: 2 } },
      { filter: { look: 'consistency', fromSize: from.size } },
      { filter: { look: 'verify' } },
      { filter: { projection: 'accesses', position: 3 } },
    ])
  })
})

describe('the scope of a token that has ended', () => {
  it('sees nothing of the log, not even what it did itself', async () => {
    const { vault } = await opened(['list'])
    const { token, accessor } = await vault.tokens.issue({ actor: 'svc/ci', policies: ['root'] })
    const scope = await vault.authenticate(token.text())
    const { id } = await scope.write('a', 'x')
    expect(await scope.outcome(id)).toMatchObject({ subject: 'a', actor: 'svc/ci' })
    await vault.tokens.revoke(accessor)
    for (const look of [
      () => scope.outcome(id),
      ...Object.values(looks).map((one) => () => one(scope)),
    ]) {
      await expect(look()).rejects.toMatchObject({ code: 'DENIED' })
    }
    await expect(scope.write('a', 'x', { id })).rejects.toMatchObject({ code: 'DENIED' })
  })
})

describe('a position', () => {
  it('is that of the newest event, for any scope', async () => {
    const { vault, scope } = await opened(['list'])
    const { position } = await vault.write('a', 'x')
    expect([vault.position, scope.position]).toEqual([position, position])
  })

  it('is waited for until the log holds it', async () => {
    const { vault, scope } = await opened(['list'])
    const { position } = scope
    await scope.reached(position)
    const seen: string[] = []
    const waiting = scope.reached(position + 2).then(() => seen.push('reached'))
    await vault.write('a', 'x')
    await turn()
    expect(seen).toEqual([])
    await vault.write('a', 'y')
    await waiting
    expect(seen).toEqual(['reached'])
  })

  it('is waited for no longer than its caller wants', async () => {
    const { scope } = await opened(['list'])
    const next = scope.position + 1
    await expect(scope.reached(next, { timeout: 5 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: `the log did not reach position ${next} within 5 ms: it ends at ${next - 1}`,
    })
    const stop = new AbortController()
    const waiting = scope.reached(next, { signal: stop.signal })
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(scope.reached(0, { signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    for (const none of [-1, 1.5, undefined, '7', Number.NaN]) {
      await expect(scope.reached(none as number)).rejects.toMatchObject({ code: 'INVALID' })
    }
  })

  it('is reached after a reopening, and never where the vault is closed', async () => {
    const { vault } = await opened(['list'])
    const waiting = vault.reached(vault.position + 1)
    await vault.reopen()
    await waiting
    const never = vault.reached(vault.position + 100)
    await vault.close()
    await expect(never).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(vault.reached(0)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('projections by their names', () => {
  it("are the vault's own and those of its host", async () => {
    const { vault } = await opened(['list'])
    const live = await vault.project(writes)
    await live.waitFor(vault.position)
    const position = vault.position + 1
    const own = await vault.projections.list()
    expect(own.map(({ name }) => name)).toEqual([
      'secrets',
      'versions',
      'rotations',
      'accesses',
      'lifecycle',
      'access',
      'rotation-policies',
      'tokens',
      'app-roles',
      'secret-ids',
      'mounts',
      'declarations',
      'writes',
    ])
    expect(own[0]).toEqual({
      name: 'secrets',
      version: 1,
      position,
      state: 'current',
      builtIn: true,
    })
    expect(own.at(-1)).toEqual({
      ...{ name: 'writes', version: 3, position, state: 'current', builtIn: false },
    })
    for (const { name } of own) {
      const { view } = await vault.projections.get(name)
      expect(JSON.parse(JSON.stringify(view)), name).toEqual(view)
      const then = await vault.projections.get(name, { at: { position: vault.position } })
      expect(then, name).toEqual({ name, position, view })
    }
  })

  it('say what the live view says, in plain JSON', async () => {
    const { vault, clock } = await opened(['list'])
    const live = await vault.project(writes)
    const { position } = await vault.write('a', 'x')
    const { view } = await vault.projections.get('writes', { minPosition: position })
    const at = new Date(clock.now()).toISOString()
    expect(view).toEqual({ test: { n: 3, at, tags: ['x'], raw: 'ab01' } })
    expect(view).toEqual(await plainState(live.view))
    const then = await vault.projections.get('writes', { at: { position: 2 } })
    expect(then).toMatchObject({ position: 3, view: { test: { n: 1 } } })
  })

  it('show no key, and nothing that a token is compared with', async () => {
    const { vault } = await opened(['list'])
    const issued = await vault.tokens.issue({ actor: 'svc/ci', meta: { hash: 'kept' } })
    await vault.appRoles.write('web')
    await vault.appRoles.issueSecretId('web')
    const { view: secrets } = await vault.projections.get('secrets')
    expect(secrets).toMatchObject({ 'prod/db': { version: 1, state: 'live', meta: {} } })
    const all = await Promise.all(
      ['secrets', 'versions', 'tokens', 'secret-ids'].map((name) => vault.projections.get(name)),
    )
    for (const { name, view } of all) {
      for (const rows of Object.values(view as object)) {
        for (const row of [rows].flat()) {
          for (const secret of ['keyId', 'hash', 'epoch', 'box']) {
            expect(row, name).not.toHaveProperty(secret)
          }
        }
      }
    }
    expect(all[2]?.view).toMatchObject({ [issued.accessor]: { meta: { hash: 'kept' } } })
  })

  it('are refused by a name that is none, and a moment that is none', async () => {
    const { vault, scope } = await opened(['audit'])
    for (const name of ['audit', 'changes', 'given-ids', 'x']) {
      const refused = { code: 'NOT_FOUND', message: `there is no projection named ${name}` }
      await expect(vault.projections.get(name)).rejects.toMatchObject(refused)
      await expect(scope.projections.get(name)).rejects.toMatchObject(refused)
    }
    for (const name of ['', 'A b', 7, undefined]) {
      await expect(vault.projections.get(name as string)).rejects.toMatchObject({
        code: 'INVALID',
        message: 'name must be the name of a projection',
      })
    }
    const get = (options: object) => vault.projections.get('secrets', options)
    await expect(get({ at: { position: 1e6 } })).rejects.toMatchObject({ code: 'INVALID' })
    await expect(get({ minPosition: -1 })).rejects.toMatchObject({ code: 'INVALID' })
    await expect(get({ minPosition: 1e6, timeout: 5 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('tell of a handler that threw, until it is followed again', async () => {
    const { vault } = await opened(['list'])
    let broken = true
    const odd = defineProjection({
      name: 'odd',
      version: 1,
      initial: () => new Map<string, number>(),
      on: {
        'secret.written': (state, { subject }) => {
          if (broken && subject === 'bad') throw new Error('no')
          state.set(subject, 1)
        },
      },
    })
    await vault.project(odd)
    const { position } = await vault.write('bad', 'x')
    const faulted = () => vault.projections.get('odd', { minPosition: position })
    await expect(faulted()).rejects.toThrow()
    await expect(faulted()).rejects.toMatchObject({
      code: 'FAILED',
      retry: 'never',
      message: `the projection odd failed at position ${position}`,
    })
    expect((await vault.projections.list()).at(-1)).toMatchObject({ name: 'odd', state: 'faulted' })
    expect((await vault.health()).projections).toMatchObject([{ name: 'odd', state: 'faulted' }])
    broken = false
    await vault.project(odd)
    expect((await faulted()).view).toMatchObject({ bad: 1 })
  })
})

describe('a large state', () => {
  const large = defineProjection({
    name: 'large',
    version: 1,
    initial: () => ({ rows: new Map<number, { n: number; list: number[] }>(), writes: 0 }),
    on: {
      'vault.created': ({ rows }) => {
        for (let n = 0; n < 100_000; n++) rows.set(n, { n, list: [n, n + 1] })
      },
      'secret.written': (state) => {
        state.writes++
        for (const row of state.rows.values()) row.list = [state.writes]
      },
    },
  })

  it('is of one position, however the projection moves on meanwhile', async () => {
    const { vault } = await opened(['list'])
    await (await vault.project(large)).waitFor(vault.position)
    const asked = vault.projections.get('large')
    for (let i = 0; i < 3; i++) {
      await vault.write('a', String(i))
      await turn()
    }
    const { position, view } = await asked
    const { rows, writes: seen } = view as {
      rows: Record<string, { list: number[] }>
      writes: number
    }
    expect(new Set(Object.values(rows).map(({ list }) => list[0]))).toEqual(new Set([seen]))
    const then = await vault.projections.get('large', { at: { position: position - 1 } })
    expect((then.view as { writes: number }).writes).toBe(seen)
  })

  it('gives others their turn', async () => {
    const rows = new Map<string, object>()
    for (let n = 0; n < 100_000; n++)
      rows.set(`p/${n}`, { n, meta: { type: 'x', tags: { a: 'b' } } })
    let turns = 0
    let busy = true
    const watching = (async () => {
      while (busy) {
        await turn()
        turns++
      }
    })()
    const shown = (await plainState(rows)) as Record<string, unknown>
    busy = false
    await watching
    expect(Object.keys(shown)).toHaveLength(100_000)
    expect(turns).toBeGreaterThan(10)
  })

  it('is refused where it has no end, and ends where its caller aborts', async () => {
    const endless: { self?: object } = {}
    endless.self = endless
    await expect(plainState(endless)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'the state is nested more than 64 deep',
    })
    const rows = new Map(Array.from({ length: 1000 }, (_, n) => [n, n]))
    await expect(plainState(rows, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    const odd = { f: () => 1, u: undefined, big: 7n, bad: new Date(Number.NaN), ['__proto__']: 1 }
    expect(JSON.stringify(await plainState(odd))).toBe('{"big":"7","bad":null,"__proto__":1}')
    expect(await plainState(null)).toBe(null)
  })
})
