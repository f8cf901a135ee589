import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { SecretInput } from '../../src/secret/value.ts'
import { checkStore } from '../fixtures/check-vault.ts'
import { run, steps } from './model/commands.ts'
import type { Operation } from './model/operations.ts'
import { assertProperty, forProperties } from './model/runs.ts'
import { shownValue } from './model/secrets.ts'
import { World } from './model/world.ts'

forProperties()

describe('a vault whose store breaks off', () => {
  it('keeps all that it acknowledged, whenever the process is killed', async () => {
    const weights = {
      perform: 4,
      'crash meanwhile': 4,
      crash: 1,
      'crash while closing': 1,
      'crash while opening': 1,
      rest: 1,
    }
    await assertProperty(
      fc.asyncProperty(steps(weights, 4), async (commands) => {
        const world = await World.create()
        await run(world, commands)
        await expectOnDisk(world)
      }),
    )
  })

  it('tells by outcome what became of all that is UNCERTAIN, and its state agrees', async () => {
    await assertProperty(
      fc.asyncProperty(
        steps({ perform: 3, 'fail a commit': 4, 'crash meanwhile': 1 }, 4),
        async (commands) => {
          const world = await World.create()
          await run(world, commands)
          await expectOnDisk(world)
        },
      ),
    )
  })
  it.each(['before', 'after'] as const)(
    'answers a call that changes nothing although the commit beside it failed %s it was stored',
    async (when) => {
      const world = await World.create()
      const write = (path: string): Operation => ({ verb: 'write', path, value: 'x', options: {} })
      await world.perform([[write('a')]])
      const restore: Operation = { verb: 'restore', path: 'a', options: {} }
      await world.performThroughFailure([[restore], [write('b')]], { nth: 1, when })
      await expectOnDisk(world)
    },
  )
})

/** After a close, the bytes hold every version of the model, and its value for as long as it is not destroyed. */
async function expectOnDisk(world: World): Promise<void> {
  await world.close()
  const store = await world.store.open()
  const { events, versions } = await checkStore(store)
  await store.close()
  deepStrictEqual(events.length, world.size + 1, 'the log ends in vault.closed')
  for (const [path, secret] of world.model) {
    const written = new Set(secret.versions.map(({ position }) => position))
    const found = versions
      .filter(({ position }) => written.has(position))
      .map(({ version, state, value }) => ({ path, version, state, value: plainValue(value) }))
    const expected = secret.versions.map(({ version, state, value }) => ({
      path,
      version,
      state,
      value: state === 'destroyed' ? undefined : plainValue(value),
    }))
    deepStrictEqual(found, expected)
  }
}

function plainValue(value: unknown): unknown {
  return value === undefined ? undefined : shownValue(value as SecretInput)
}
