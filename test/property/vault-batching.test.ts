import { deepStrictEqual } from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { AuditEvent } from '../../src/vault/audit.ts'
import { Vault } from '../../src/vault/vault.ts'
import { plainViews } from './model/checks.ts'
import { run, steps } from './model/commands.ts'
import { viewsOf } from './model/followers.ts'
import { callers, type Operation } from './model/operations.ts'
import { recut } from './model/recut.ts'
import { assertProperty, forProperties } from './model/runs.ts'
import { Scheduled } from './model/scheduled-store.ts'
import { World } from './model/world.ts'

forProperties()

describe('the same operations', () => {
  it('come to the same events and the same state together as one by one', async () => {
    await assertProperty(
      fc.asyncProperty(fc.array(callers, { minLength: 1, maxLength: 2 }), async (rounds) => {
        const together = await World.create()
        for (const round of rounds) await together.perform(round)
        const oneByOne = await World.create()
        for (const operation of together.order) await oneByOne.perform([[operation]])
        deepStrictEqual(
          withoutKeys(plainViews(await viewsOf(oneByOne.vault, oneByOne.size))),
          withoutKeys(plainViews(await viewsOf(together.vault, together.size))),
        )
        deepStrictEqual(oneByOne.trail.map(factOf), together.trail.map(factOf))
        await together.close()
        await oneByOne.close()
      }),
    )
  })

  it('take effect in one order that their answers agree with, however the store interleaves them', async () => {
    await assertProperty(
      fc.asyncProperty(fc.scheduler(), callers, callers, async (scheduler, before, round) => {
        const scheduled = new Scheduled()
        const world = await World.create({ through: (store) => scheduled.through(store) })
        await world.perform(before)
        scheduled.scheduler = scheduler
        const asked = await scheduler.waitFor(world.ask(round))
        scheduled.scheduler = undefined
        await scheduler.waitIdle()
        await world.agree(asked)
        await world.close()
      }),
    )
  })
})

describe('a look at a secret', () => {
  it('shows it whole or not at all, at whatever tick of a purge that lands', async () => {
    const world = await World.create()
    const looks: Operation[][] = [
      [{ verb: 'describe', path: 'a', options: {} }],
      [{ verb: 'history', path: 'a', options: {} }],
      [{ verb: 'exists', path: 'a', options: {} }],
      [{ verb: 'list', prefix: '', options: {} }],
    ]
    for (let ticks = 0; ticks < 60; ticks++) {
      await world.perform([[{ verb: 'write', path: 'a', value: 'x', options: {} }]])
      const release = world.store.faults.hang('commit')
      const purging = world.ask([[{ verb: 'purge', path: 'a', options: {} }]])
      for (let turns = 0; turns < 3; turns++) await turn()
      release()
      for (let tick = 0; tick < ticks; tick++) await null
      const looked = await world.ask(looks)
      await world.agree([...(await purging), ...looked])
    }
    await world.close()
  })
})

describe('the same events', () => {
  it('are the same log and the same state in whatever commits they stand', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 })
    await assertProperty(
      fc.asyncProperty(steps({ perform: 6, rest: 1 }), sizes, async (commands, cut) => {
        const world = await World.create()
        await run(world, commands)
        const shown = plainViews(await viewsOf(world.vault, world.size))
        await world.close()
        const store = await recut(world.store, cut)
        const vault = await Vault.open({ store, unlock: noKdf, actor: 'host', clock: world.clock })
        deepStrictEqual(plainViews(await viewsOf(vault, world.size)), shown)
        deepStrictEqual(await trailOf(vault, world.size), world.trail)
        await vault.close()
      }),
    )
  })
})

/** The first so many events, as the index of the audit trail finds them. */
async function trailOf(vault: Vault, size: number): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const page of vault.audit.query({ order: 'newest' })) events.push(...page.events)
  return events.reverse().slice(0, size)
}

/** An event without what is random in it: two vaults have it differently. */
function factOf({ type, subject, actor, time, position, data }: AuditEvent): unknown {
  const isOwn = type.startsWith('vault.')
  return { type, subject, actor, time, position, ...(!isOwn && { data: withoutKeys(data) }) }
}

/** The ids of value keys are random. */
function withoutKeys(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, item) => (key === 'keyId' ? undefined : item)))
}
