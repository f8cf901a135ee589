import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { VaultError } from '../../src/errors.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { StoreOpener } from '../../src/store/port.ts'
import { testVault } from '../../src/testing/test-vault.ts'
import { Vault } from '../../src/vault/vault.ts'
import { codeOf, plainAnswer } from './model/answers.ts'
import { run, steps } from './model/commands.ts'
import { expectationOf } from './model/expectation.ts'
import { followed } from './model/followers.ts'
import type { OperationOf } from './model/operations.ts'
import { assertProperty, forProperties } from './model/runs.ts'
import type { Answer } from './model/secrets.ts'
import { tampered, tampering } from './model/tamper.ts'
import { World } from './model/world.ts'

forProperties()

/** Another vault, from which rows are taken. */
let foreign: StoreOpener
beforeAll(async () => {
  const another = await testVault({ a: 'hunter2' })
  await another.vault.close()
  foreign = another.store
})

describe('a log that was tampered with', () => {
  it('is refused with INTEGRITY when it is opened by a full replay', async () => {
    await assertProperty(
      fc.asyncProperty(steps({ perform: 1 }, 3), tampering, async (commands, how) => {
        const world = await closedVault(commands)
        await loseDerived(world)
        const store = await tampered(world.store, how, foreign)
        await expect(openIn(store, world)).rejects.toMatchObject({ code: 'INTEGRITY' })
      }),
    )
  })

  it('is never silently wrong when it is opened from snapshots: what it touched is INTEGRITY, the rest right', async () => {
    await assertProperty(
      fc.asyncProperty(steps({ perform: 1 }, 3), tampering, async (commands, how) => {
        const world = await closedVault(commands)
        const store = await tampered(world.store, how, foreign)
        const vault = await openIn(store, world).catch((error: unknown) => error)
        if (!(vault instanceof Vault)) {
          expect(vault).toMatchObject({ code: 'INTEGRITY' })
          return
        }
        for (const projection of Object.values(followed)) {
          await expect(vault.replay(projection as typeof followed.secrets)).rejects.toMatchObject({
            code: 'INTEGRITY',
          })
        }
        await expectRightOrRefused(world, vault)
        await vault.close()
      }),
    )
  })
})

/** A vault with a history, closed. */
async function closedVault(commands: Parameters<typeof run>[1]): Promise<World> {
  const world = await World.create()
  await run(world, commands)
  await world.close()
  return world
}

async function loseDerived({ store }: World): Promise<void> {
  const opened = await store.open()
  await opened.derived.clear()
  await opened.close()
}

function openIn(store: Awaited<ReturnType<typeof tampered>>, world: World): Promise<Vault> {
  return Vault.open({ store, unlock: noKdf, actor: 'host', clock: world.clock })
}

/** Each version is read as the model has it, or not at all. */
async function expectRightOrRefused(world: World, vault: Vault): Promise<void> {
  const at = { now: Math.max(world.clock.now(), world.newest), position: 0, actor: 'host' }
  for (const [path, { versions }] of world.model) {
    for (const { version } of versions) {
      const options = { version, allowExpired: true, reason: 'a test' }
      const operation: OperationOf<'read'> = { verb: 'read', path, options }
      const { answer } = expectationOf(world.model, operation, at)
      const found = await vault.read(path, options).catch((error: unknown) => error)
      if (found instanceof VaultError && found.code === 'INTEGRITY') continue
      deepStrictEqual(answerOf(found), answer)
    }
  }
}

function answerOf(found: unknown): Answer {
  return found instanceof Error ? { throws: codeOf(found) } : { returns: plainAnswer(found).answer }
}
