import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it, vi } from 'vitest'
import {
  type AuditEvent,
  memoryStore,
  type SecretInfo,
  type StoreOpener,
  Vault,
  VaultError,
} from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { type TestClock, testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

const paths = ['a', 'a/b', 'b'] as const
const numRuns = process.env.MUNIMENT_LONG === undefined ? 40 : 2_000

type Act = (vault: Vault, clock: TestClock) => Promise<unknown>

const path = fc.constantFrom(...paths)
const versions = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 })

/** Something done to a vault; what it refuses is part of its history too. */
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.tuple(path, fc.constantFrom('x', 'y'), fc.option(fc.integer({ min: 1, max: 2 }))).map(
    ([at, value, maxVersions]): Act =>
      (vault) =>
        vault.write(at, value, maxVersions === null ? {} : { maxVersions }),
  ),
  path.map(
    (at): Act =>
      (vault) =>
        vault.rotate(at, 'z', { reason: 'drill', actor: 'svc/rotor' }),
  ),
  path.map(
    (at): Act =>
      (vault) =>
        vault.rotate(at, () => Promise.reject(new Error('no'))),
  ),
  path.map(
    (at): Act =>
      (vault, clock) =>
        vault.annotate(at, { tags: { on: 'call' }, expiresAt: new Date(clock.now() + 5000) }),
  ),
  path.map(
    (at): Act =>
      (vault) =>
        vault.read(at),
  ),
  fc.tuple(path, versions).map(
    ([at, some]): Act =>
      (vault) =>
        vault.delete(at, { versions: some }),
  ),
  fc.tuple(path, versions).map(
    ([at, some]): Act =>
      (vault) =>
        vault.restore(at, { versions: some }),
  ),
  fc.tuple(path, versions).map(
    ([at, some]): Act =>
      (vault) =>
        vault.destroy(at, { versions: some }),
  ),
  path.map(
    (at): Act =>
      (vault) =>
        vault.purge(at),
  ),
  fc.integer({ min: 1, max: 4000 }).map(
    (ms): Act =>
      async (_, clock) =>
        clock.advance(ms),
  ),
  fc.constant<Act>((vault) => vault.reopen()),
)

/** What a vault shows of all its secrets at once. */
async function shown(vault: Pick<Vault, 'list' | 'describe' | 'history' | 'exists'>) {
  const { items, position } = await vault.list('', { limit: 2 })
  const rest = items.length < 2 ? [] : (await vault.list('', { after: 'a/b' })).items
  const secrets: Record<string, unknown> = {}
  for (const at of paths) {
    secrets[at] = {
      exists: await vault.exists(at),
      info: await vault.describe(at).catch(codeOf),
      history: await vault.history(at).catch(codeOf),
    }
  }
  return { items: [...items, ...rest], position, secrets }
}

function codeOf(error: unknown): string {
  if (error instanceof VaultError) return error.code
  throw error
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a vault as of a position', () => {
  it('is what the live one was, and what a plain look at its events gives, before and after a reopen', async () => {
    const acts = fc.array(act, { minLength: 5, maxLength: 20 })
    const property = fc.asyncProperty(
      acts,
      fc.array(fc.nat(), { maxLength: 3 }),
      fc.boolean(),
      async (all, at, isDiscarded) => {
        const store = memoryStore()
        const { vault, clock } = await testVault({}, { store })
        const moments = new Map<number, Awaited<ReturnType<typeof shown>>>()
        for (const each of all) {
          await each(vault, clock).catch(codeOf)
          const live = await shown(vault)
          moments.set(live.position, live)
        }
        const expectAll = async (of: Vault) => {
          for (const [position, live] of moments) {
            deepStrictEqual(await shown(await of.asOf({ position })), live, `as of ${position}`)
          }
        }
        await expectAll(vault)
        const events = await eventsOf(vault)
        for (const pick of at) {
          const position = pick % events.length
          const { secrets } = await shown(await vault.asOf({ position }))
          deepStrictEqual(plainly(secrets), lookedUp(events.slice(0, position + 1)))
        }
        await vault.close()
        if (isDiscarded) await discardDerived(store)
        const again = await Vault.open({ store, unlock: noKdf, actor: 'test', clock })
        await expectAll(again)
        await again.close()
      },
    )
    await fc.assert(property, { numRuns })
  })
})

async function discardDerived(opener: StoreOpener): Promise<void> {
  const store = await opener.open()
  await store.derived.clear()
  await store.close()
}

/** The part of what is shown that `lookedUp` finds too. */
function plainly(secrets: Record<string, unknown>): unknown {
  return Object.fromEntries(
    Object.entries(secrets).map(([at, one]) => {
      const { info, history, exists } = one as Secret
      if (typeof info === 'string') return [at, { exists, info, history }]
      const { version, state, rotationCount, accessCount, createdAt, updatedAt, updatedBy } = info
      const times = [createdAt, updatedAt].map(Number)
      const states = history.map((row) => [row.version, row.state])
      const known = [version, state, rotationCount, accessCount, updatedBy, ...times]
      return [at, { exists, known, states }]
    }),
  )
}

interface Secret {
  readonly exists: boolean
  readonly info: SecretInfo | string
  readonly history: readonly { version: number; state: string }[]
}

/** The same, by looking at each event of a path since it was last purged. */
function lookedUp(events: readonly AuditEvent[]): unknown {
  return Object.fromEntries(
    paths.map((at) => {
      const all = events.filter(({ subject }) => subject === at)
      const life = all.slice(all.findLastIndex(({ type }) => type === 'secret.purged') + 1)
      const count = (type: string) => life.filter((event) => event.type === type).length
      const written = life.flatMap((event) =>
        event.type === 'secret.written' || event.type === 'secret.rotated' ? [event] : [],
      )
      const [newest] = written.slice(-1)
      const changed = life.findLast(({ type }) => changing.has(type))
      if (newest === undefined) {
        return [at, { exists: false, info: 'NOT_FOUND', history: 'NOT_FOUND' }]
      }
      const states = written
        .map(({ data }) => [data.version, stateOf(life, data.version)])
        .reverse()
      const [[version, state] = []] = states
      const counts = [count('secret.rotated'), count('secret.accessed')]
      const times = [written[0]?.time, changed?.time]
      const known = [version, state, ...counts, changed?.actor, ...times]
      return [at, { exists: state === 'live', known, states }]
    }),
  )
}

const changing = new Set(
  ['written', 'rotated', 'annotated', 'deleted', 'restored', 'destroyed'].map((c) => `secret.${c}`),
)

function stateOf(life: readonly AuditEvent[], version: number): string {
  let state = 'live'
  for (const event of life) {
    if (event.type === 'secret.deleted' && event.data.versions.includes(version)) state = 'deleted'
    if (event.type === 'secret.restored' && event.data.versions.includes(version)) state = 'live'
    if (event.type !== 'secret.destroyed') continue
    if (event.data.versions.some((each) => each.version === version)) state = 'destroyed'
  }
  return state
}
