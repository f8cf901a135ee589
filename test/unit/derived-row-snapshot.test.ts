import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowSnapshot } from '../../src/projections/derived/row-snapshot.ts'
import { keySpace, rowKinds, type SealedRows } from '../../src/projections/derived/sealed-rows.ts'
import {
  decodeLayout,
  pagesOf,
  type RowSpan,
  recordsOf,
} from '../../src/projections/derived/snapshot-layout.ts'
import { TrackedMap } from '../../src/projections/derived/tracked-map.ts'
import type { RowTable } from '../../src/store/port.ts'
import { type Fate, flush, keysOf, open, rowTable, storedMeta } from '../fixtures/derived.ts'

interface CountRow {
  readonly count: number
  readonly by?: string
}

const space = keySpace(rowKinds.snapshot, 'counts')
/** Small enough that bases take several flushes and end often. */
const sizes = { pageRows: 1, recordRows: 2, deltaRowsMin: 6 }

function snapshotOf(rows: SealedRows) {
  const map = new TrackedMap<CountRow>()
  return { map, keeper: new RowSnapshot({ rows, space, map, ...sizes }) }
}

async function loaded(rows: SealedRows) {
  const snapshot = snapshotOf(rows)
  expect(await snapshot.keeper.load(await storedMeta(rows))).toBe(true)
  return snapshot
}

function keysIn({ from, end, keyOf }: RowSpan): string[] {
  return Array.from({ length: end - from }, (_, n) => keyOf(from + n).toString('hex'))
}

/** Nothing is missing, and nothing lies about that no meta names. */
async function expectNamedRowsOnly(rows: SealedRows, table: RowTable): Promise<void> {
  const layout = decodeLayout(await storedMeta(rows))
  if (layout === undefined) throw new Error('expected a layout')
  const { base, deltas, started } = layout
  const named = [
    ...keysIn(recordsOf(space, base.firstDelta, deltas.end)),
    ...keysIn(pagesOf(space, base)),
    ...(started === null ? [] : keysIn(pagesOf(space, started))),
  ]
  expect(await keysOf(table, space)).toEqual(named.sort())
}

describe('a snapshot of rows', () => {
  it('writes what was touched, and loads what was there', async () => {
    const table = await rowTable()
    const rows = open(table)
    const { map, keeper } = snapshotOf(rows)
    map.set('a', { count: 1 }).set('b', { count: 1 }).set('c', { count: 1 })
    await flush(keeper, rows)
    expect(await keysOf(table, space)).toHaveLength(2)
    map.set('a', { count: 2, by: 'ana' }).delete('b')
    await flush(keeper, rows)
    expect(await keysOf(table, space)).toHaveLength(3)
    expect(new Map((await loaded(rows)).map)).toEqual(
      new Map([
        ['a', { count: 2, by: 'ana' }],
        ['c', { count: 1 }],
      ]),
    )
  })

  it('loads what its position had, whatever is set while it encodes', async () => {
    const rows = open(await rowTable())
    const { map, keeper } = snapshotOf(rows)
    for (let n = 0; n < 5; n += 1) map.set(`${n}`, { count: 1 })
    await flush(keeper, rows, {
      meanwhile: () => map.set('4', { count: 2 }).set('5', { count: 1 }),
    })
    expect([...(await loaded(rows)).map.values()]).toEqual(Array(5).fill({ count: 1 }))
  })

  it('is rewritten whole once its deltas outgrow it', async () => {
    const table = await rowTable()
    const rows = open(table)
    const { map, keeper } = snapshotOf(rows)
    for (let n = 0; n < 50; n += 1) {
      map.set(`${n % 10}`, { count: n })
      await flush(keeper, rows)
      await expectNamedRowsOnly(rows, table)
    }
    // At the most, the deltas that made another base due, and those written while it was walked.
    expect((await keysOf(table, space)).length).toBeLessThan(10 + 10 + 5)
    expect(new Map((await loaded(rows)).map)).toEqual(new Map(map))
  })

  it('refuses a capture before the last has ended, and forgets one that a reset overtook', async () => {
    const rows = open(await rowTable())
    const { map, keeper } = snapshotOf(rows)
    map.set('a', { count: 1 })
    const capture = keeper.capture()
    expect(() => keeper.capture()).toThrow('expected the last capture to have ended')
    keeper.reset()
    expect(map.size).toBe(0)
    capture.done()
    map.set('b', { count: 1 })
    await flush(keeper, rows)
    expect([...(await loaded(rows)).map.keys()]).toEqual(['b'])
  })
})

type Command =
  | { readonly do: 'set' | 'delete'; readonly key: string; readonly count: number }
  | { readonly do: 'clear' | 'reload' }
  | { readonly do: 'flush'; readonly fate: Fate }

const key = fc.constantFrom(...'abcdefghijklmnopqrst')
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('set'), key, count: fc.nat(99) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete'), key, count: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.constantFrom({ do: 'clear' }, { do: 'reload' }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('flush'),
      fate: fc.constantFrom('written', 'written', 'written', 'lost', 'uncertain'),
    }),
  },
) as fc.Arbitrary<Command>

async function expectLikeAMap(commands: readonly Command[]): Promise<void> {
  const table = await rowTable()
  const rows = open(table)
  let { map, keeper } = snapshotOf(rows)
  await flush(keeper, rows)
  let stored = new Map<string, CountRow>()
  const reload = async () => {
    ;({ map, keeper } = await loaded(rows))
    expect(new Map(map)).toEqual(stored)
  }
  for (const step of commands) {
    if (step.do === 'set') map.set(step.key, { count: step.count })
    else if (step.do === 'delete') map.delete(step.key)
    else if (step.do === 'clear') map.clear()
    else if (step.do === 'reload') await reload()
    else if (step.do === 'flush') {
      const captured = new Map(map)
      await flush(keeper, rows, { fate: step.fate })
      if (step.fate !== 'lost') stored = captured
      // The store takes nothing more after such a failure until it is opened again.
      if (step.fate === 'uncertain') await reload()
      await expectNamedRowsOnly(rows, table)
    }
  }
  await reload()
}

describe('snapshots of random histories', () => {
  it('load as the map that was flushed last, with failed flushes and reloads at any moment', () =>
    fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 120 }), expectLikeAMap),
      { numRuns: 150 },
    ))
})

describe('a doubt about a snapshot', () => {
  /** A base of 8 rows and deltas after it, with a look at the table before the last flush. */
  async function history() {
    const table = await rowTable()
    const rows = open(table)
    const { map, keeper } = snapshotOf(rows)
    for (let n = 0; n < 40; n += 1) {
      map.set(`${n % 8}`, { count: n })
      await flush(keeper, rows)
    }
    const { base, deltas } = decodeLayout(await storedMeta(rows)) ?? expect.fail()
    expect(base.pages).toBe(8)
    expect(deltas.end - base.firstDelta).toBeGreaterThan(2)
    return { table, rows, map, keeper, base, deltas }
  }

  async function expectDoubt(rows: SealedRows): Promise<void> {
    expect(await snapshotOf(rows).keeper.load(await storedMeta(rows))).toBe(false)
  }

  it('arises for each row that is missing', async () => {
    const { table, rows } = await history()
    for (const hex of await keysOf(table, space)) {
      const missing = Buffer.from(hex, 'hex')
      const row = (await table.get(missing)) ?? expect.fail()
      await table.write({ remove: [missing] })
      await expectDoubt(rows)
      await table.write({ put: [[missing, row]] })
    }
    await loaded(rows)
  })

  it('arises for each row that an older life of the vault had at that key', async () => {
    const { table, rows, keeper, map } = await history()
    const older = new Map<string, Uint8Array>()
    for (const hex of await keysOf(table, space)) {
      older.set(hex, (await table.get(Buffer.from(hex, 'hex'))) ?? expect.fail())
    }
    await rows.clear(space)
    keeper.reset()
    for (let n = 0; n < 40; n += 1) {
      map.set(`${n % 8}`, { count: n })
      await flush(keeper, rows)
    }
    const keys = await keysOf(table, space)
    expect(keys).toEqual([...older.keys()])
    for (const [hex, row] of older) {
      const at = Buffer.from(hex, 'hex')
      const newer = (await table.get(at)) ?? expect.fail()
      await table.write({ put: [[at, row]] })
      await expectDoubt(rows)
      await table.write({ put: [[at, newer]] })
    }
    await loaded(rows)
  })

  it('arises for the only row of an older life, which has no neighbour to betray it', async () => {
    const table = await rowTable()
    const rows = open(table)
    const { map, keeper } = snapshotOf(rows)
    map.set('a', { count: 1 })
    await flush(keeper, rows)
    const [hex] = await keysOf(table, space)
    const key = Buffer.from(hex ?? '', 'hex')
    const older = (await table.get(key)) ?? expect.fail()
    keeper.reset()
    map.set('a', { count: 2 })
    await flush(keeper, rows)
    await table.write({ put: [[key, older]] })
    await expectDoubt(rows)
  })

  it('arises for rows of another vault, and for a meta of another format', async () => {
    const { table, rows, keeper } = await history()
    const meta = await storedMeta(rows)
    expect(await snapshotOf(open(table, Buffer.alloc(24, 2))).keeper.load(meta)).toBe(false)
    keeper.reset()
    const foreign = Buffer.from(meta)
    foreign.writeUInt8(99, 1)
    expect(await keeper.load(foreign)).toBe(false)
  })

  it('does not arise for a fault of the store that is not ours to judge', async () => {
    const { table, rows } = await history()
    const broken: RowTable = { ...table, range: () => expect.fail('a bug') }
    await expect(snapshotOf(open(broken)).keeper.load(await storedMeta(rows))).rejects.toThrow(
      'a bug',
    )
  })
})
