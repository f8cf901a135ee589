import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Outcome } from '../../src/decide/outcome.ts'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import type { RowSnapshotOptions } from '../../src/projections/derived/row-snapshot.ts'
import type { Fold, Projection } from '../../src/projections/projection.ts'
import { expectCounts, expectLiveIsReplay, expectReplayAgrees } from './model/checks.ts'
import { keep, run, steps } from './model/commands.ts'
import { forProperties, runs } from './model/runs.ts'
import { World } from './model/world.ts'

/*
 * Five defects, each seeded into a module of the vault while its name is set. A property that does not notice them
 * would not notice a defect of ours either.
 */
type Mutant = 'lost event' | 'double count' | 'stale snapshot' | 'skipped fold' | 'wrong version'

const seeded = vi.hoisted((): { mutant: Mutant | undefined } => ({ mutant: undefined }))

/** A refusal is thrown and not recorded. */
vi.mock(import('../../src/decide/outcome.ts'), async (importOriginal) => {
  const original = await importOriginal()
  const refuse: typeof original.refuse = (...about) => {
    const outcome = original.refuse(...about)
    return seeded.mutant === 'lost event' ? { ...outcome, facts: [] } : outcome
  }
  return { ...original, refuse }
})

/** A rotation of a secret that has a past counts twice. */
vi.mock(import('../../src/projections/rotations.ts'), async (importOriginal) => {
  const { rotations } = await importOriginal()
  const { 'secret.rotated': rotated, ...rest } = rotations.on
  const on: typeof rotations.on = {
    ...rest,
    'secret.rotated': (rows, event) => {
      rotated?.(rows, event)
      if (seeded.mutant === 'double count' && event.data.version > 2) rotated?.(rows, event)
    },
  }
  return { rotations: { ...rotations, on } }
})

/** Whatever a snapshot was taken of before is kept; what was touched since is not. */
vi.mock(import('../../src/projections/derived/row-snapshot.ts'), async (importOriginal) => {
  const { RowSnapshot: Original } = await importOriginal()
  class RowSnapshot<V> extends Original<V> {
    readonly #options: RowSnapshotOptions<V>
    #captures = 0

    constructor(options: RowSnapshotOptions<V>) {
      super(options)
      this.#options = options
    }

    override capture() {
      if (seeded.mutant === 'stale snapshot' && this.#captures++ > 0)
        this.#options.map.takeTouched()
      return super.capture()
    }
  }
  return { RowSnapshot }
})

/** Commits of several events pass the count of accesses by. */
vi.mock(import('../../src/projections/projection.ts'), async (importOriginal) => {
  const original = await importOriginal()
  function startFold<S>(
    projection: Projection<S>,
    from?: { state?: S; position?: number },
  ): Fold<S> {
    const fold = original.startFold(projection, from)
    const { apply } = fold
    const isSkipped = (events: readonly VaultEvent[]) =>
      seeded.mutant === 'skipped fold' && projection.name === 'accesses' && events.length > 1
    return Object.defineProperty(fold, 'apply', {
      value: (events: readonly VaultEvent[]) =>
        apply(isSkipped(events) ? events.map(passed) : events),
    })
  }
  const passed = ({ position }: VaultEvent) =>
    ({ position, type: 'secret.inspected' }) as VaultEvent
  return { ...original, startFold }
})

/** The third version bears the number of the second. */
vi.mock(import('../../src/decide/write.ts'), async (importOriginal) => {
  const original = await importOriginal()
  const misnumbered = (outcome: Outcome): Outcome => ({
    ...outcome,
    facts: outcome.facts.map((fact) =>
      fact.type === 'secret.written' && fact.data.version === 3
        ? { ...fact, data: { ...fact.data, version: 2 } }
        : fact,
    ),
  })
  const write: typeof original.write = (...about) => {
    const outcome = original.write(...about)
    return seeded.mutant === 'wrong version' ? misnumbered(outcome) : outcome
  }
  return { ...original, write }
})

forProperties()

/** What the other files of this folder hold one by one. */
const everything = fc.asyncProperty(
  steps(),
  steps({ perform: 1 }, 4),
  fc.array(fc.nat(), { maxLength: 1 }),
  async (commands, later, picks) => {
    const world = await World.create({ followed: true })
    await run(world, commands)
    await keep(world)
    await run(world, later)
    await world.closeAndOpen()
    await expectReplayAgrees(world, picks)
    await expectLiveIsReplay(world)
    await expectCounts(world)
    await world.close()
  },
)

/** Runs the properties until one of them fails; what failed then. */
async function noticed(mutant: Mutant | undefined, numRuns: number): Promise<unknown> {
  seeded.mutant = mutant
  const { failed, errorInstance } = await fc.check(everything, { numRuns, endOnFailure: true })
  seeded.mutant = undefined
  return failed ? errorInstance : undefined
}

describe('the properties', () => {
  const mutants = [
    'lost event',
    'double count',
    'stale snapshot',
    'skipped fold',
    'wrong version',
  ] as const satisfies readonly Mutant[]

  it.each(mutants)('notice the mutant: %s', async (mutant) => {
    expect(await noticed(mutant, runs)).toMatchObject({ code: 'ERR_ASSERTION' })
  })

  it('hold where nothing is seeded', async () => {
    expect(await noticed(undefined, 20)).toBeUndefined()
  })
})
