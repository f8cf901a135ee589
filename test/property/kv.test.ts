import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/errors.ts'
import type { KvAnnotation, KvSettings, Vault } from '../../src/index.ts'
import { type TestClock, testClock, testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'
import { type JsonObject, KvModel } from './kv-model.ts'
import { assertProperty, forProperties, lengthOf } from './model/runs.ts'

forProperties()

const mount = 'secret'
const paths = ['a', 'a/b', 'a/c/d', 'e'] as const
const folders = ['', 'a/', 'a/c/', 'e/'] as const
const hour = 3_600_000

/** What can be asked of a vault, and of the model of one. */
type Step =
  | { do: 'put' | 'patch'; path: string; value: JsonObject; ifVersion: number | undefined }
  | { do: 'delete'; path: string; versions: readonly number[] | undefined }
  | { do: 'undelete' | 'destroy'; path: string; versions: readonly number[] }
  | { do: 'remove'; path: string }
  | { do: 'annotate'; path: string; annotation: KvAnnotation; mustExist: boolean }
  | { do: 'configure'; settings: Partial<KvSettings> }
  | { do: 'wait'; hours: number }
  | { do: 'reopen' }

/** Mostly one of them, so that much happens to it. */
const path = fc.constantFrom(...paths, ...Array<string>(6).fill('a/b'))
const version = fc.integer({ min: 1, max: 5 })
const versions = fc.array(version, { minLength: 1, maxLength: 3 })
const scalar = fc.oneof(fc.constant(null), fc.nat(3), fc.constantFrom('x', 'y'))
const value = fc.dictionary(
  fc.constantFrom('k', 'l', 'm'),
  fc.oneof(scalar, fc.dictionary(fc.constantFrom('k', 'l'), scalar, { noNullPrototype: true })),
  { noNullPrototype: true },
) as fc.Arbitrary<JsonObject>
const ifVersion = fc.option(fc.nat(3), { nil: undefined, freq: 2 })

const settings = {
  maxVersions: fc.nat(4),
  casRequired: fc.boolean(),
  expireAfter: fc.nat(2).map((hours) => hours * hour),
}
const tagKey = fc.constantFrom('s', 't')
const tag = fc.constantFrom('x', 'y')
const annotation = fc.record(
  {
    ...settings,
    casRequired: fc.boolean(),
    tags: fc.dictionary(tagKey, tag, { noNullPrototype: true }),
    patchTags: fc.dictionary(tagKey, fc.option(tag), { noNullPrototype: true }),
  },
  { requiredKeys: [] },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), path, value, ifVersion }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('patch' as const), path, value, ifVersion }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('delete' as const),
      path,
      versions: fc.option(versions, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('undelete' as const, 'destroy' as const),
      path,
      versions,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), path }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('annotate' as const),
      path,
      annotation,
      mustExist: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('configure' as const),
      settings: fc.record(settings, { requiredKeys: [] }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
)

const steps = fc.array(step, { minLength: 1, maxLength: lengthOf(30) })
const start = fc.record({ maxVersions: settings.maxVersions, expireAfter: settings.expireAfter })

interface World {
  readonly vault: Vault
  readonly model: KvModel
  readonly clock: TestClock
}

async function taken({ vault, clock }: World, step: Step): Promise<unknown> {
  const { kv } = vault
  switch (step.do) {
    case 'put':
    case 'patch': {
      const { path, value, ifVersion } = step
      const options = { mount, ...(ifVersion !== undefined && { ifVersion }) }
      const { version } = await kv[step.do](path, value, options)
      return version.version
    }
    case 'delete':
      return kv.deleteVersions(step.path, step.versions)
    case 'undelete':
    case 'destroy':
      return kv[step.do](step.path, step.versions)
    case 'remove':
      return kv.remove(step.path)
    case 'annotate':
      return kv.annotate(step.path, step.annotation, { mustExist: step.mustExist })
    case 'configure':
      return void (await kv.configure(mount, step.settings))
    case 'wait':
      return clock.advance(step.hours * hour)
    case 'reopen':
      return vault.reopen()
  }
}

function expected({ model }: World, step: Step): unknown {
  switch (step.do) {
    case 'put':
    case 'patch':
      return model[step.do](step.path, step.value, step.ifVersion)
    case 'delete':
      return model.deleteVersions(step.path, step.versions)
    case 'undelete':
    case 'destroy':
      return model[step.do](step.path, step.versions)
    case 'remove':
      return model.remove(step.path)
    case 'annotate':
      return model.annotate(step.path, step.annotation, step.mustExist)
    case 'configure':
      return model.configure(step.settings)
    default:
      return undefined
  }
}

/** What comes of it, or by which code it is refused. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof VaultError) return error.code
    throw error
  }
}

async function expectSame(world: World, numbers: readonly (number | undefined)[]): Promise<void> {
  const { vault, model } = world
  for (const path of paths) {
    const metadata = await outcome(() => vault.kv.metadata(path))
    expect(metadata).toEqual(await outcome(() => model.metadata(path)))
    for (const number of numbers) {
      const read = await outcome(async () => {
        const { secret, ...rest } = await vault.kv.read(
          path,
          number === undefined ? {} : { version: number },
        )
        return { value: secret?.fields(), ...rest }
      })
      expect(read).toEqual(await outcome(() => model.read(path, number)))
    }
  }
  for (const folder of folders) {
    expect((await vault.kv.children(folder)).keys).toEqual(model.children(folder))
  }
  expect(await vault.kv.settings(mount)).toEqual(model.mount)
}

async function worldOf(start: Partial<KvSettings>): Promise<World> {
  const clock = testClock()
  const { vault } = await testVault({}, { clock })
  const model = new KvModel(() => clock.now())
  await vault.kv.configure(mount, start)
  model.configure(start)
  return { vault, clock, model }
}

describe('the KV v2 verbs, beside maps in memory', () => {
  it('do and show what those do, whatever is asked in whatever order', async () => {
    await assertProperty(
      fc.asyncProperty(
        start,
        steps,
        fc.tuple(version, version),
        async (settings, asked, numbers) => {
          const world = await worldOf(settings)
          for (const each of asked) {
            const before = await outcome(() => expected(world, each))
            expect(await outcome(() => taken(world, each))).toEqual(before)
            await expectSame(world, [undefined])
          }
          await expectSame(world, [undefined, ...numbers])
          await world.vault.close()
        },
      ),
    )
  })

  it('count as a rotation each change of the value of a live version, and nothing else', async () => {
    await assertProperty(
      fc.asyncProperty(steps, async (asked) => {
        const world = await worldOf({})
        const rotated: string[] = []
        for (const each of asked) {
          const path = 'path' in each ? each.path : ''
          const info = await world.vault.describe(path || 'none').catch(() => undefined)
          const before =
            info?.state === 'live'
              ? await world.vault
                  .read(path, { allowExpired: true, reason: 'to compare' })
                  .then((secret) => secret.fields())
              : undefined
          const isNew = each.do === 'put' || each.do === 'patch'
          const written = await outcome(() => taken(world, each))
          if (!isNew || typeof written !== 'number' || before === undefined) continue
          const after = await world.vault.read(path, { allowExpired: true, reason: 'to compare' })
          const same = JSON.stringify(sorted(before)) === JSON.stringify(sorted(after.fields()))
          if (!same) rotated.push(`${path} ${written}`)
        }
        const events = await eventsOf(world.vault, { type: 'secret.rotated' })
        const found = events.map((event) => {
          if (event.type !== 'secret.rotated') throw new RangeError('expected a rotation')
          expect(event.data.trigger).toBe('wire')
          return `${event.subject} ${event.data.version}`
        })
        expect(found).toEqual(rotated)
        await world.vault.close()
      }),
    )
  })
})

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([key, item]) => [key, sorted(item)] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
