import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Capability } from '../../src/events/words.ts'
import type { AuditEvent, Vault } from '../../src/index.ts'
import { rotations } from '../../src/projections/rotations.ts'
import { testVault } from '../../src/testing.ts'
import { underPolicy } from '../../src/vault/permit.ts'
import type { Scope } from '../../src/vault/scope.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const ana = { actor: 'user/ana' }

/** Gives `user/ana` these capabilities on these paths, by the policy and the role `p`. */
async function allow(vault: Vault, capabilities: readonly Capability[], ...paths: string[]) {
  const { position } = await vault.policies.write('p', {
    rules: [{ effect: 'allow', capabilities, paths }],
  })
  await vault.roles.write('p', { policies: ['p'] })
  await vault.roles.grant(ana.actor, 'p')
  return position
}

async function eventsSeen(scope: Scope, query = {}): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const page of scope.audit.query(query)) events.push(...page.events)
  return events
}

describe('a change of policy', () => {
  it('holds from the next call on, and each event names the policy of its position', async () => {
    const { vault } = await testVault({ 'prod/db': 'x' })
    const scope = vault.as(ana)
    await expect(scope.read('prod/db')).rejects.toMatchObject({ code: 'DENIED' })
    const first = await allow(vault, ['read'], 'prod/**')
    await scope.read('prod/db')
    const second = await allow(vault, ['read'], 'prod/*')
    await scope.read('prod/db')
    await vault.roles.withdraw(ana.actor, 'p')
    await expect(scope.read('prod/db')).rejects.toMatchObject({ code: 'DENIED' })
    await vault.roles.grant(ana.actor, 'p')
    await vault.policies.remove('p')
    await expect(scope.read('prod/db')).rejects.toMatchObject({ code: 'DENIED' })
    const decisions = (await eventsOf(vault, ana)).map(({ context }) => context.decision?.policy)
    expect(decisions).toEqual([undefined, first, second, undefined, undefined])
  })

  it('falls between two calls, however many are under way', async () => {
    const step = fc.constantFrom('read', 'write', 'list', 'allow', 'deny', 'withdraw', 'grant')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const { vault } = await testVault({ a: 'x', b: 'x' })
        await allow(vault, ['read', 'write', 'list'], '**')
        const scope = vault.as(ana)
        const written = (effect: 'allow' | 'deny') =>
          vault.policies.write('p', {
            rules: [{ effect, capabilities: ['read', 'write', 'list'], paths: ['**'] }],
          })
        const run = {
          read: () => scope.read('a'),
          write: () => scope.write('b', 'y'),
          list: () => scope.list(),
          allow: () => written('allow'),
          deny: () => written('deny'),
          withdraw: () => vault.roles.withdraw(ana.actor, 'p'),
          grant: () => vault.roles.grant(ana.actor, 'p'),
        }
        await Promise.allSettled(steps.map((name) => run[name]()))
        let policy = -1
        let effect = ''
        let granted = true
        for (const event of await eventsOf(vault)) {
          if (event.type === 'policy.written') {
            policy = event.position
            effect = event.data.rules[0]?.effect ?? ''
          }
          if (event.type === 'role.withdrawn') granted = false
          if (event.type === 'role.granted') granted = true
          if (event.actor !== ana.actor) continue
          const isAllowed = granted && effect === 'allow'
          expect(event.type === 'secret.denied').toBe(!isAllowed)
          expect(event.context.decision).toEqual({
            rule: granted ? 'p#0' : '',
            role: granted ? 'p' : '',
            outcome: isAllowed ? 'allow' : 'deny',
            ...(granted && { policy }),
          })
        }
      }),
      { numRuns: 60 },
    )
  })

  it('ends a grant at its time, without an event', async () => {
    const { vault, clock } = await testVault({ a: 'x' })
    await allow(vault, ['read'], '*')
    await vault.roles.grant(ana.actor, 'p', { expiresAt: new Date(clock.now() + 1000) })
    const scope = vault.as(ana)
    clock.advance(999)
    await scope.read('a')
    clock.advance(1)
    await expect(scope.read('a')).rejects.toMatchObject({ code: 'DENIED' })
    const types = (await eventsOf(vault, ana)).map(({ type }) => type)
    expect(types).toEqual(['secret.accessed', 'secret.denied'])
  })

  it('holds for a vault that is opened again', async () => {
    const { vault } = await testVault({ a: 'x' })
    await allow(vault, ['read'], 'a')
    const scope = vault.as(ana)
    await vault.reopen()
    expect((await scope.read('a')).text()).toBe('x')
    await expect(scope.read('b')).rejects.toMatchObject({ code: 'DENIED' })
  })

  it('ends a watch, which is told so and nothing else', async () => {
    const { vault } = await testVault({ a: 'x' })
    await allow(vault, ['read'], 'a')
    const watching = vault.as(ana).watch('a')
    expect((await watching.next()).value?.text()).toBe('x')
    const next = watching.next()
    next.catch(() => undefined)
    await vault.write('unrelated', 'x')
    await vault.roles.withdraw(ana.actor, 'p')
    await expect(next).rejects.toMatchObject({ code: 'DENIED' })
    const [denied] = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied).toMatchObject({ subject: 'a', data: { operation: 'watch', cause: 'policy' } })
  })
})

describe('a command under policy', () => {
  const asked = { operation: 'read', subject: 'a' } as const
  const decision = { rule: 'p#0', role: 'p', outcome: 'allow' } as const

  /** What of a command is run, under a permit that answers so, once a judgement. */
  async function runUnder(...answers: boolean[]) {
    const ran: string[] = []
    const run = (what: string) => async () => void ran.push(what)
    const judge = () => ({ allowed: answers.shift() ?? false, decision })
    const holder = { actor: 'user/ana', asserted: [] }
    const permit = { holder, judge, until: () => Number.POSITIVE_INFINITY }
    const command = underPolicy({ permit }, asked, {
      actor: 'user/ana',
      context: {},
      prepare: run('prepare'),
      decide: () => {
        ran.push('decide')
        return { facts: [] }
      },
    })
    await command.prepare?.()
    const { refused, context } = command.decide({ now: 0, position: 0 })
    return { ran, code: refused?.code, context }
  }

  it('is judged before anything is prepared, and again when it is decided', async () => {
    expect(await runUnder(true, true)).toEqual({
      ran: ['prepare', 'decide'],
      code: undefined,
      context: { decision },
    })
    expect(await runUnder(true, false)).toMatchObject({ ran: ['prepare'], code: 'DENIED' })
    expect(await runUnder(false, true)).toMatchObject({
      ran: [],
      code: 'DENIED',
      context: { decision },
    })
  })

  it('is the command itself where nobody is held to anything', () => {
    const command = { actor: 'host', context: {}, decide: () => ({ facts: [] }) }
    expect(underPolicy({}, asked, command)).toBe(command)
  })
})

describe('a rotation that policy refuses', () => {
  it('runs no generator', async () => {
    const { vault } = await testVault({ a: 'x', b: 'x' })
    await allow(vault, ['rotate'], 'b')
    let runs = 0
    const generated = { spec: 'a test', make: () => make() }
    const make = () => {
      runs++
      return 'made'
    }
    await expect(vault.as(ana).rotate('a', make)).rejects.toMatchObject({ code: 'DENIED' })
    await expect(vault.as(ana).rotate('a', generated)).rejects.toMatchObject({ code: 'DENIED' })
    expect(runs).toBe(0)
    await vault.as(ana).rotate('b', make)
    expect(runs).toBe(1)
    const types = (await eventsOf(vault, ana)).map(({ type }) => type)
    expect(types).toEqual(['secret.denied', 'secret.denied', 'secret.rotated'])
  })

  it('is on record as such where the right ended while the generator ran', async () => {
    const { vault } = await testVault({ a: 'x' })
    await allow(vault, ['rotate'], 'a')
    const rotating = vault.as(ana).rotate('a', async () => {
      await vault.roles.withdraw(ana.actor, 'p')
      throw new Error('no such host')
    })
    await expect(rotating).rejects.toMatchObject({ code: 'DENIED' })
    expect((await eventsOf(vault, ana)).map(({ type }) => type)).toEqual(['secret.denied'])
  })
})

describe('a list', () => {
  const paths = Array.from({ length: 900 }, (_, i) => `${i % 3}/${String(i).padStart(3, '0')}`)

  it('has full pages of what may be seen, and goes on behind the last', async () => {
    const { vault } = await testVault(Object.fromEntries(paths.map((path) => [path, 'x'])))
    await allow(vault, ['list'], '1/**', '2/005')
    const wanted = paths.filter((path) => path.startsWith('1/') || path === '2/005').sort()
    const scope = vault.as(ana)
    const seen: string[] = []
    const sizes: number[] = []
    for (let after: string | undefined; ; ) {
      const page = await scope.list('', { limit: 70, ...(after !== undefined && { after }) })
      seen.push(...page.items.map(({ path }) => path))
      sizes.push(page.items.length)
      after = page.next
      if (after === undefined) break
      expect(after).toBe(seen.at(-1))
    }
    expect(seen).toEqual(wanted)
    expect(sizes).toEqual([70, 70, 70, 70, 21])
    expect((await scope.list('1/', { limit: 300 })).next).toBeUndefined()
    expect(await scope.list('2/00')).toMatchObject({ items: [{ path: '2/005' }] })
    await expect(scope.list('0/')).rejects.toMatchObject({ code: 'DENIED', path: '0' })
  })

  it('shows nothing that the policy of its record does not let be seen', async () => {
    const { vault } = await testVault({ 'a/1': 'x', 'b/1': 'x' })
    await allow(vault, ['list'], 'a/*', 'b/*')
    const listing = vault.as(ana).list()
    const narrowed = allow(vault, ['list'], 'b/*')
    expect((await listing).items.map(({ path }) => path)).toEqual(['b/1'])
    const [look] = await eventsOf(vault, ana)
    expect(look?.context.decision?.policy).toBe(await narrowed)
  })

  it('is recorded with what it showed, and by which rule', async () => {
    const { vault } = await testVault({ 'a/1': 'x', 'b/1': 'x' })
    const policy = await allow(vault, ['list'], 'a/*')
    const { items } = await vault.as(ana).list('', { limit: 1 })
    expect(items.map(({ path }) => path)).toEqual(['a/1'])
    expect(await eventsOf(vault, ana)).toEqual([
      expect.objectContaining({
        type: 'secret.inspected',
        subject: '',
        data: { operation: 'list', count: 1 },
        context: expect.objectContaining({
          decision: { rule: 'p#0', role: 'p', outcome: 'allow', policy },
        }),
      }),
    ])
  })
})

describe('the audit trail, in a scope', () => {
  async function withHistory() {
    const { vault } = await testVault()
    for (let i = 0; i < 30; i++) {
      await vault.write(`a/${i}`, 'x')
      await vault.read(`b/${i}`).catch(() => undefined)
    }
    return vault
  }

  it('is of the subjects that it may audit, in pages that are full', async () => {
    const vault = await withHistory()
    await allow(vault, ['audit'], 'a/*')
    const scope = vault.as(ana)
    const sizes: number[] = []
    const seen: AuditEvent[] = []
    for await (const { events, next } of scope.audit.query({ limit: 7 })) {
      sizes.push(events.length)
      seen.push(...events)
      if (next !== undefined) expect(next).toBe(events.at(-1)?.position)
    }
    expect(sizes).toEqual([7, 7, 7, 7, 2])
    expect(seen).toEqual(await eventsOf(vault, { subject: 'a/*' }))
    const newest = await eventsSeen(scope, { order: 'newest', limit: 4 })
    expect(newest).toEqual([...seen].reverse())
  })

  it('goes on from the page before', async () => {
    const vault = await withHistory()
    await allow(vault, ['audit'], 'b/*')
    const scope = vault.as(ana)
    const positions: number[] = []
    for (let after: number | undefined; ; ) {
      const page = (
        await scope.audit.query({ limit: 8, ...(after !== undefined && { after }) }).next()
      ).value
      if (!page) break
      positions.push(...page.events.map(({ position }) => position))
      after = page.next
      if (after === undefined) break
    }
    const wanted = await eventsOf(vault, { subject: 'b/*' })
    expect(positions).toEqual(wanted.map(({ position }) => position))
  })

  it('tells of the vault itself only with the right to everything', async () => {
    const vault = await withHistory()
    const scope = vault.as(ana)
    await allow(vault, ['audit'], '*', '*/**')
    const part = await eventsSeen(scope)
    expect(part.some(({ subject }) => subject === '')).toBe(false)
    await allow(vault, ['audit'], '**')
    const whole = await eventsSeen(scope)
    expect(whole.filter(({ subject }) => subject === '').length).toBeGreaterThan(3)
    expect(whole.map(({ position }) => position)).toEqual(whole.map((_, i) => i))
  })

  it('is followed for as long as policy lets it be seen', async () => {
    const { vault } = await testVault({ a: 'x', b: 'x' })
    await allow(vault, ['audit'], 'a')
    const abort = new AbortController()
    const following = vault.as(ana).audit.follow({ signal: abort.signal })
    expect((await following.next()).value?.subject).toBe('a')
    await vault.read('b')
    const read = following.next()
    await vault.read('a')
    expect((await read).value).toMatchObject({ type: 'secret.accessed', subject: 'a' })
    const last = following.next()
    last.catch(() => undefined)
    await vault.roles.withdraw(ana.actor, 'p')
    await vault.read('a')
    await vault.roles.grant(ana.actor, 'p')
    await vault.rotate('a', 'y')
    expect((await last).value).toMatchObject({ type: 'secret.rotated' })
    abort.abort()
  })

  it('is looked at on record, by which rule', async () => {
    const { vault } = await testVault({ a: 'x' })
    const policy = await allow(vault, ['audit'], 'a/**')
    await eventsSeen(vault.as(ana), { subject: 'a/**', type: 'secret.accessed' })
    const [read] = await eventsOf(vault, ana)
    expect(read).toMatchObject({
      type: 'audit.read',
      data: { filter: { subject: 'a/**', type: 'secret.accessed' } },
      context: { decision: { rule: 'p#0', policy } },
    })
    await expect(eventsSeen(vault.as(ana), { subject: 'b' })).rejects.toMatchObject({
      code: 'DENIED',
      message: 'audit of b is not allowed',
    })
  })
})

describe('an export, in a scope', () => {
  it('takes the right to every path that could be below the prefix', async () => {
    const { vault } = await testVault({ 'prod/a': 'x', 'prod/b/c': 'x', 'test/a': 'x' })
    const scope = vault.as(ana)
    const exported = async (prefix: string) => {
      const found: string[] = []
      const { entries } = await scope.export(prefix)
      for await (const { path } of entries) found.push(path)
      return found
    }
    await allow(vault, ['read'], 'prod/**')
    expect(await exported('prod/')).toEqual(['prod/a', 'prod/b/c'])
    expect(await exported('prod/b/')).toEqual(['prod/b/c'])
    for (const prefix of ['', 'prod', 'test/', 'pro']) {
      await expect(exported(prefix)).rejects.toMatchObject({ code: 'DENIED' })
    }
    await allow(vault, ['read'], 'prod/a', 'prod/b/c')
    await expect(exported('prod/')).rejects.toMatchObject({ code: 'DENIED' })
    await vault.policies.write('p', {
      rules: [
        { effect: 'allow', capabilities: ['read'], paths: ['**'] },
        { effect: 'deny', capabilities: ['read'], paths: ['prod/*/nothing'] },
      ],
    })
    await expect(exported('prod/')).rejects.toMatchObject({
      code: 'DENIED',
      message: 'export of prod is not allowed',
      path: 'prod',
    })
    expect(await exported('test/')).toEqual(['test/a'])
    const denied = await eventsOf(vault, { ...ana, type: 'secret.denied' })
    expect(denied.at(-1)).toMatchObject({
      subject: 'prod',
      data: { operation: 'export', cause: 'policy' },
      context: { decision: { rule: 'p#1' } },
    })
  })
})

describe('a backup, in a scope', () => {
  it('is refused before the place for it is looked at', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-'))
    try {
      const { vault } = await testVault()
      await writeFile(join(folder, 'there'), '')
      for (const name of ['there', 'new', 'no/folder']) {
        await expect(vault.as(ana).backup(join(folder, name))).rejects.toMatchObject({
          code: 'DENIED',
          message: 'backup is not allowed',
        })
      }
      expect(await readdir(folder)).toEqual(['there'])
      await allow(vault, ['keys'], '**')
      const { size } = await vault.as(ana).backup(join(folder, 'new'))
      expect(size).toBe((await vault.health()).size)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('what shows everything at once', () => {
  it('takes the right to audit all of it, which any denial ends', async () => {
    const { vault } = await testVault({ a: 'x' })
    const scope = vault.as(ana)
    await allow(vault, ['audit'], '**')
    await scope.replay(rotations)
    await scope.project(rotations)
    await vault.policies.write('p', {
      rules: [
        { effect: 'allow', capabilities: ['audit'], paths: ['**'] },
        { effect: 'deny', capabilities: ['audit'], paths: ['prod/sealed'] },
      ],
    })
    expect((await eventsSeen(scope)).length).toBeGreaterThan(3)
    for (const attempt of [() => scope.replay(rotations), () => scope.project(rotations)]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'DENIED' })
    }
    const denied = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied.map(({ context }) => context.decision?.rule)).toEqual(['p#1', 'p#1'])
  })
})

describe('explain', () => {
  const question = { capability: 'read', path: 'prod/db' } as const

  it('says what holds now, and what held', async () => {
    const { vault, clock } = await testVault()
    const before = (await vault.health()).size - 1
    clock.advance(1000)
    const policy = await allow(vault, ['read'], 'prod/**')
    clock.advance(1000)
    await vault.roles.grant(ana.actor, 'p', { expiresAt: new Date(clock.now() + 1000) })
    const granted = clock.now()
    clock.advance(5000)
    const allowed = { allowed: true, effect: 'allow', rule: 'p#0', role: 'p', policy }
    expect(await vault.explain(ana, question)).toEqual({
      allowed: false,
      effect: 'deny',
      why: 'user/ana has no role, and what no rule allows is denied',
    })
    const at = async (time: number) =>
      vault.explain(ana, question, { at: { time: new Date(time) } })
    expect(await at(granted)).toMatchObject(allowed)
    expect(await at(granted + 999)).toMatchObject(allowed)
    expect(await at(granted + 1000)).toMatchObject({ allowed: false })
    expect(await at(granted - 1500)).toMatchObject({ allowed: false })
    expect(await vault.explain(ana, question, { at: { position: before } })).toMatchObject({
      allowed: false,
    })
    const { size } = await vault.health()
    const newest = await vault.explain(ana, question, { at: { position: size - 1 } })
    expect(newest).toMatchObject(allowed)
    expect(await at(0)).toMatchObject({
      allowed: false,
      why: expect.stringContaining('has no role'),
    })
    await expect(vault.explain(ana, question, { at: { position: size } })).rejects.toMatchObject({
      code: 'INVALID',
    })
  })

  it('agrees with what a call of that moment was told', async () => {
    const { vault } = await testVault({ 'prod/db': 'x' })
    const scope = vault.as(ana)
    for (const paths of [['prod/*'], ['test/*'], ['prod/db', 'test/*'], ['*/**']]) {
      await allow(vault, ['read'], ...paths)
      await scope.read('prod/db').catch(() => undefined)
    }
    const events = await eventsOf(vault, ana)
    expect(events).toHaveLength(4)
    for (const { position, type, context } of events) {
      const told = await vault.explain(ana, question, { at: { position } })
      expect(told.allowed).toBe(type === 'secret.accessed')
      expect(told.policy).toBe(context.decision?.policy)
      expect(told.rule ?? '').toBe(context.decision?.rule)
    }
  })

  it('takes roles that a host would assert, and is on record where looks are', async () => {
    const { vault } = await testVault({}, { inspections: true })
    await vault.policies.write('p', {
      rules: [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }],
    })
    await vault.roles.write('p', { policies: ['p'] })
    const asserted = { actor: 'user/eve', roles: ['p'] }
    const types = await appendedBy(vault, async () => {
      expect(await vault.explain(asserted, question)).toMatchObject({ asserted: true })
    })
    expect(types).toEqual(['audit.read', 'audit.read'])
    const [read] = await eventsOf(vault, { type: 'audit.read' })
    expect(read).toMatchObject({
      subject: 'prod/db',
      data: { filter: { explain: 'read', actor: 'user/eve' } },
    })
  })
})
