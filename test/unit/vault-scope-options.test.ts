import { describe, expect, it } from 'vitest'
import type { Capability } from '../../src/events/words.ts'
import type { AuditQuery, CallOptions, ReadOptions, Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

const eve = { actor: 'user/eve' }

async function allow(vault: Vault, capabilities: readonly Capability[], path = '**') {
  await vault.policies.write('p', { rules: [{ effect: 'allow', capabilities, paths: [path] }] })
  await vault.roles.write('r', { policies: ['p'] })
  await vault.roles.grant(eve.actor, 'r')
}

/** Options whose field says something else once it has been read, or so many times. */
function turning<T>(field: string, ...[first, later, times = 1]: [unknown, unknown, number?]): T {
  let reads = 0
  const get = () => (reads++ < times ? first : later)
  return Object.defineProperty({}, field, { enumerable: true, get }) as T
}

describe('the options of a call in a scope', () => {
  it('name nobody else than its actor, however often they are asked', async () => {
    const { vault } = await testVault({ a: 'x' })
    await allow(vault, ['read', 'write'])
    const scope = vault.as(eve)
    await scope.read('a', turning('actor', undefined, 'user/root'))
    await scope.write('a', 'y', turning('actor', eve.actor, 'user/root'))
    await expect(scope.read('a', turning('actor', 'user/root', eve.actor))).rejects.toMatchObject({
      code: 'INVALID',
    })
    expect(await eventsOf(vault, { actor: 'user/root' })).toEqual([])
    expect(await eventsOf(vault, eve)).toHaveLength(2)
  })

  it('do not say otherwise than the host where it comes from', async () => {
    const { vault } = await testVault({ a: 'x' })
    await allow(vault, ['read'])
    const said: CallOptions = { source: '127.0.0.1', correlationId: 'mine', reason: 'why' }
    await vault.as({ ...eve, source: '10.0.0.7', correlationId: 'c-1' }).read('a', said)
    await vault.as(eve).read('a', said)
    const contexts = (await eventsOf(vault, eve)).map(({ context }) => context)
    expect(contexts).toMatchObject([
      { source: '10.0.0.7', correlationId: 'c-1', reason: 'why' },
      { source: '127.0.0.1', correlationId: 'mine', reason: 'why' },
    ])
  })

  it('of a read are those that were checked', async () => {
    const { vault, clock } = await testVault()
    await vault.write('a', 'x', { expiresAt: new Date(clock.now() + 1000) })
    clock.advance(2000)
    await allow(vault, ['read', 'describe'])
    const scope = vault.as(eve)
    const options: { allowExpired?: boolean; version?: number } = {}
    const read = scope.read('a', options)
    options.allowExpired = true
    options.version = Number.NaN
    await expect(read).rejects.toMatchObject({ code: 'EXPIRED' })
    const unexplained = turning<ReadOptions>('reason', undefined, 'why')
    const explained = Object.assign(unexplained, { allowExpired: true })
    await expect(scope.read('a', explained)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'allowExpired needs a reason',
    })
    const then = await scope.asOf({ position: 2 })
    for (let reads = 1; reads < 6; reads++) {
      for (const reader of [scope, then]) {
        const late = turning<ReadOptions>('allowExpired', undefined, true, reads)
        const error = await reader.read('a', late).catch((thrown: { code: string }) => thrown)
        expect(error).toMatchObject({ code: expect.stringMatching('EXPIRED|INVALID') })
      }
    }
    expect(await eventsOf(vault, { type: 'secret.accessed' })).toEqual([])
  })

  it('of a write are those that were checked', async () => {
    const { vault } = await testVault({ a: 'x' })
    const options: { ifVersion?: number } = { ifVersion: 1 }
    const written = vault.write('a', 'y', options)
    options.ifVersion = 7
    expect((await written).version).toBe(2)
  })

  it('of a look at the audit trail are those that are on record', async () => {
    const { vault } = await testVault({ a: 'x', b: 'x' })
    await allow(vault, ['audit'])
    const scope = vault.as(eve)
    const query = { subject: 'a', type: ['secret.written'] as 'secret.written'[] }
    const pages = scope.audit.query(query)
    query.subject = '**'
    query.type.push('secret.written')
    const seen: string[] = []
    for await (const { events } of pages) seen.push(...events.map(({ subject }) => subject))
    expect(seen).toEqual(['a'])
    for await (const { events } of scope.audit.query(turning<AuditQuery>('subject', 'b', '**'))) {
      expect(events.map(({ subject }) => subject)).toEqual(['b'])
    }
    const followed = { subject: 'b' }
    const following = scope.audit.follow(followed)
    followed.subject = '**'
    expect((await following.next()).value?.subject).toBe('b')
    await following.return()
    const looks = await eventsOf(vault, { type: 'audit.read' })
    expect(looks.map(({ data }) => data)).toEqual([
      { filter: { subject: 'a', type: 'secret.written' } },
      { filter: { subject: 'b' } },
      { filter: { subject: 'b' } },
    ])
  })
})
