import fc from 'fast-check'
import type { Row, StoreOpener } from '../../../src/store/port.ts'
import type { Break, Power } from './breaks.ts'
import { caller, callers, hourMs, type Operation } from './operations.ts'
import { lengthOf } from './runs.ts'
import type { World } from './world.ts'

/** One step of a run, as plain data. */
type Step =
  | { do: 'perform'; callers: Operation[][] }
  | { do: 'fail a commit'; callers: Operation[][]; at: Break }
  | { do: 'crash meanwhile'; callers: Operation[][]; at: Break & Power }
  | { do: 'crash'; unsynced: Power['unsynced'] }
  | { do: 'crash while closing' | 'crash while opening'; at: Break & Power }
  | { do: 'close and open' | 'reopen' | 'open with a wrong key' }
  | { do: 'rest'; fault: Break['when'] | undefined }
  | { do: 'let time pass'; ms: number }
  | { do: 'set the clock back' }
  | { do: 'lose the derived rows' }
  | { do: 'put derived rows back'; nth: number }

const when = fc.constantFrom('before', 'after')
const unsynced = fc.constantFrom('kept', 'dropped')
const at = fc.record(
  { nth: fc.integer({ min: 1, max: 4 }), when, unsynced },
  { noNullPrototype: true },
)
const alone = caller.map((one) => [one])

type Fields = Readonly<Record<string, fc.Arbitrary<unknown>>>

const fieldsOf: { readonly [D in Step['do']]: Fields } = {
  perform: { callers: fc.oneof({ weight: 3, arbitrary: alone }, callers) },
  'fail a commit': { callers, at },
  'crash meanwhile': { callers, at },
  crash: { unsynced },
  'crash while closing': { at },
  'crash while opening': { at },
  'close and open': {},
  reopen: {},
  'open with a wrong key': {},
  rest: { fault: fc.option(when, { freq: 3, nil: undefined }) },
  'let time pass': { ms: fc.constantFrom(1, 60_000, hourMs, 30 * hourMs) },
  'set the clock back': {},
  'lose the derived rows': {},
  'put derived rows back': { nth: fc.integer({ min: 1, max: 3 }) },
}

type Weights = Partial<Record<Step['do'], number>>

const everything: Weights = {
  perform: 30,
  'fail a commit': 3,
  'crash meanwhile': 3,
  crash: 1,
  'crash while closing': 1,
  'crash while opening': 1,
  'close and open': 1,
  reopen: 1,
  'open with a wrong key': 1,
  rest: 3,
  'let time pass': 8,
  'set the clock back': 1,
  'lose the derived rows': 1,
  'put derived rows back': 1,
}

/**
 * Runs of steps, all kinds of them unless said. An array rather than `fc.commands`: what that one shrinks depends on
 * what was run, so that replaying a counterexample would take a third number beside its seed and path.
 */
export function steps(weights: Weights = everything, most = 6): fc.Arbitrary<Command[]> {
  const kinds = Object.entries(weights).map(([name, weight]) => ({
    weight,
    arbitrary: fc.record(
      { do: fc.constant(name), ...fieldsOf[name as Step['do']] },
      { noNullPrototype: true },
    ) as fc.Arbitrary<unknown> as fc.Arbitrary<Step>,
  }))
  return fc.array(
    fc.oneof(...kinds).map((step) => new Command(step)),
    { minLength: 1, maxLength: lengthOf(most), size: 'max' },
  )
}

/** Runs steps on a world, which compares itself with its model after each. */
export async function run(world: World, commands: Iterable<Command>): Promise<void> {
  await fc.asyncModelRun(() => ({ model: world, real: world }), commands)
}

/** Lets the projections be kept, after an event that is reason enough; the size of the log that they are kept at. */
export async function keep(world: World): Promise<number> {
  await world.perform([[{ verb: 'read', path: 'a', options: {} }]])
  await world.rest()
  return world.size
}

export class Command implements fc.AsyncCommand<World, World> {
  readonly #step: Step

  constructor(step: Step) {
    this.#step = step
  }

  check(world: Readonly<World>): boolean {
    if (this.#step.do !== 'set the clock back') return true
    // Further back and the next opening would refuse the clock.
    return world.newest - (world.clock.now() - backMs) < aheadMsMax
  }

  async run(_model: World, world: World): Promise<void> {
    await take(world, this.#step)
  }

  toString(): string {
    return fc.stringify(this.#step)
  }
}

const backMs = 100_000
const aheadMsMax = 300_000

async function take(world: World, step: Step): Promise<void> {
  switch (step.do) {
    case 'perform':
      return world.perform(step.callers)
    case 'fail a commit':
      return world.performThroughFailure(step.callers, step.at)
    case 'crash meanwhile':
      return world.performThroughCrash(step.callers, step.at)
    case 'crash':
      return world.crash(step.unsynced)
    case 'crash while closing':
      return world.crashWhileClosing(step.at)
    case 'crash while opening':
      return world.crashWhileOpening(step.at)
    case 'close and open':
      return world.closeAndOpen()
    case 'reopen':
      return world.reopen()
    case 'open with a wrong key':
      return world.openWithWrongKey()
    case 'rest':
      return world.rest(step.fault)
    case 'let time pass':
      return world.clock.advance(step.ms)
    case 'set the clock back':
      return world.clock.jump(-backMs)
    case 'lose the derived rows':
      return world.closeAndOpen((store) => withStore(store, ({ derived }) => derived.clear()))
    case 'put derived rows back':
      return putBack(world, step.nth)
  }
}

/** Every n-th row of the derived store is put back as it was one closing earlier. */
async function putBack(world: World, nth: number): Promise<void> {
  let older: readonly Row[] = []
  await world.closeAndOpen(async (store) => {
    older = await withStore(store, ({ derived }) => rowsOf(derived))
  })
  await world.closeAndOpen((store) =>
    withStore(store, ({ derived }) =>
      derived.write({ put: older.filter((_, i) => i % nth === 0) }),
    ),
  )
}

type Opened = Awaited<ReturnType<StoreOpener['open']>>

async function withStore<T>(opener: StoreOpener, work: (store: Opened) => Promise<T>): Promise<T> {
  const store = await opener.open()
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function rowsOf(table: Opened['derived']): Promise<readonly Row[]> {
  const rows: Row[] = []
  for await (const batch of table.range(Buffer.alloc(0), Buffer.from([0xff]))) rows.push(...batch)
  return rows
}
