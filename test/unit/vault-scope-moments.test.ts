import { describe, expect, it } from 'vitest'
import type { Capability } from '../../src/events/words.ts'
import type { Moment, Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

const eve = { actor: 'user/eve' }
const minute = 60_000

async function allow(
  vault: Vault,
  capabilities: readonly Capability[],
  { path = '**', name = 'r', ...options }: { path?: string; name?: string; expiresAt?: Date } = {},
) {
  await vault.policies.write(name, { rules: [{ effect: 'allow', capabilities, paths: [path] }] })
  await vault.roles.write(name, { policies: [name] })
  await vault.roles.grant(eve.actor, name, options)
  return vault.as(eve)
}

async function since(vault: Vault, size: number) {
  const events = await eventsOf(vault, { after: size - 1 })
  return events.map(({ type, subject, data }) => ({ type, subject, data }))
}

const outside: readonly (readonly [string, Moment])[] = [
  ['a position behind the end', { position: 1_000_000 }],
  ['a time before the beginning', { time: '1999-01-01' }],
]

describe('a moment of the log, in a scope', () => {
  it.each([...outside, ['one that there was', { position: 1 }]] as const)(
    'tells nothing to who may look at nothing: %s',
    async (_, moment) => {
      const { vault } = await testVault({ 'a/b': 'x' })
      const { size } = await vault.health()
      await expect(vault.as(eve).asOf(moment)).rejects.toMatchObject({
        code: 'DENIED',
        message: 'list is not allowed',
      })
      expect(await since(vault, size)).toEqual([
        { type: 'secret.denied', subject: '', data: { operation: 'list', cause: 'policy' } },
      ])
    },
  )

  it('is not looked for before that is decided', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const asked = { signal: AbortSignal.abort() }
    const position = { position: 1 }
    await expect(vault.asOf(position, asked)).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(vault.as(eve).asOf(position, asked)).rejects.toMatchObject({ code: 'DENIED' })
  })

  it.each(outside)(
    'is refused on record, and does not tell where the log ends: %s',
    async (...at) => {
      const [, moment] = at
      const { vault } = await testVault({ 'a/b': 'x' })
      const scope = await allow(vault, ['read', 'audit'], { path: 'a/b' })
      const { size } = await vault.health()
      const refused = await scope.asOf(moment).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'INVALID', message: 'moment is outside the log' })
      expect(refused).toMatchObject({ expected: undefined, found: undefined })
      expect(await since(vault, size)).toEqual([
        { type: 'secret.inspected', subject: '', data: { operation: 'list' } },
      ])
    },
  )

  it('is refused on record to who asks why something is allowed', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const scope = await allow(vault, ['audit'], { path: 'a/b' })
    const { size } = await vault.health()
    const what = { capability: 'read', path: 'a/b' } as const
    const at = { position: 1_000_000 }
    await expect(scope.explain(eve, what, { at })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'at is outside the log',
    })
    expect((await since(vault, size)).map(({ type }) => type)).toEqual(['audit.read'])
    await expect(vault.explain(eve, what, { at })).rejects.toThrow('and the log ends at')
  })

  it.each(['read', 'describe', 'list'] as const)(
    'is opened on record to who may %s a path, and each look at it is judged by itself',
    async (capability) => {
      const { vault } = await testVault({ 'a/b': 'x', 'z/b': 'x' })
      const scope = await allow(vault, [capability], { path: 'a/**' })
      const { size } = await vault.health()
      const then = await scope.asOf({ position: 2 })
      const run = {
        read: (path: string) => then.read(path),
        describe: (path: string) => then.describe(path),
        list: (path: string) => then.list(path),
      }[capability]
      await run('a/b')
      await expect(run('z/b')).rejects.toMatchObject({ code: 'DENIED' })
      const events = await since(vault, size)
      expect(events[0]).toEqual({
        type: 'secret.inspected',
        subject: '',
        data: { operation: 'list', asOf: 2 },
      })
      expect(events.map(({ type }) => type)).toEqual([
        'secret.inspected',
        capability === 'read' ? 'secret.accessed' : 'secret.inspected',
        'secret.denied',
      ])
    },
  )
})

describe('a clock that was set back', () => {
  it('brings no grant back that has run out', async () => {
    const { vault, clock } = await testVault({ 'a/b': 'x', 'z/b': 'x' })
    await allow(vault, ['list', 'audit'], { path: 'a/**' })
    const until = { expiresAt: new Date(clock.now() + minute) }
    const more = ['list', 'audit', 'read'] as const
    const scope = await allow(vault, more, { path: 'z/**', name: 'temp', ...until })
    clock.advance(10 * minute)
    await vault.read('a/b')
    clock.jump(-20 * minute)
    expect((await scope.list()).items.map(({ path }) => path)).toEqual(['a/b'])
    const subjects = new Set<string>()
    for await (const { events } of scope.audit.query()) {
      for (const { subject } of events) subjects.add(subject)
    }
    expect([...subjects]).toEqual(['a/b'])
    await expect(scope.read('z/b')).rejects.toMatchObject({ code: 'DENIED' })
    const asked = await vault.explain(eve, { capability: 'read', path: 'z/b' })
    expect(asked.allowed).toBe(false)
    const grants = await vault.roles.granted(eve.actor)
    expect(grants.map(({ role, expired }) => [role, expired])).toEqual([
      ['r', false],
      ['temp', true],
    ])
  })
})
