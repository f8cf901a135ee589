import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { expectCounts, expectLiveIsReplay, expectReplayAgrees, plainViews } from './model/checks.ts'
import { keep, run, steps } from './model/commands.ts'
import { assertProperty, forProperties } from './model/runs.ts'
import { World } from './model/world.ts'

forProperties()

describe('a vault, beside a Map of secrets', () => {
  it('answers every call as the Map does, across closings, crashes and failures', async () => {
    await assertProperty(
      fc.asyncProperty(steps(), async (commands) => {
        const world = await World.create({ held: ['answers'] })
        await run(world, commands)
        await world.close()
      }),
    )
  })

  it('has in its audit trail just the events that each call comes to, refused ones included', async () => {
    await assertProperty(
      fc.asyncProperty(steps(), async (commands) => {
        const world = await World.create({ held: ['trail'] })
        await run(world, commands)
        await world.close()
      }),
    )
  })

  it('numbers versions densely from 1, and counts rotations and accesses as their events do', async () => {
    await assertProperty(
      fc.asyncProperty(steps(), async (commands) => {
        const world = await World.create({ held: [] })
        await run(world, commands)
        await expectCounts(world)
        await world.close()
      }),
    )
  })

  it('shows live what a replay shows, at every position', async () => {
    const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 1 })
    await assertProperty(
      fc.asyncProperty(steps(), picks, async (commands, picked) => {
        const world = await World.create({ held: [], followed: true })
        await run(world, commands)
        await expectReplayAgrees(world, picked)
        await world.close()
      }),
    )
  })

  it('comes back from its snapshots and what followed as from a replay of everything', async () => {
    const weights = {
      perform: 8,
      rest: 2,
      'close and open': 1,
      crash: 1,
      'crash while closing': 1,
      'lose the derived rows': 1,
      'put derived rows back': 1,
    }
    await assertProperty(
      fc.asyncProperty(steps(weights, 4), steps({ perform: 1 }, 3), async (commands, later) => {
        const world = await World.create({ held: [], followed: true })
        await run(world, commands)
        const kept = await keep(world)
        await run(world, later)
        const shown = world.shown
        await world.crash('kept')
        const { keptTo } = await world.vault.health()
        deepStrictEqual(keptTo, kept, 'the opening began at the snapshot')
        deepStrictEqual(plainViews(world.shown), plainViews(shown))
        await expectLiveIsReplay(world)
        await world.close()
      }),
    )
  })
})
