import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type {
  DestroyedVersion,
  EventType,
  SecretMeta,
  VaultEvent,
} from '../../src/events/catalogue.ts'
import { accesses } from '../../src/projections/accesses.ts'
import { changes } from '../../src/projections/changes.ts'
import { ChangeColumns } from '../../src/projections/derived/change-columns.ts'
import type { Life } from '../../src/projections/derived/life-table.ts'
import { keySpace, rowKinds, type SealedRows } from '../../src/projections/derived/sealed-rows.ts'
import { keeperOf } from '../../src/projections/kept-fold.ts'
import { type Fold, startFold } from '../../src/projections/projection.ts'
import { rotations } from '../../src/projections/rotations.ts'
import { type SecretRow, secrets } from '../../src/projections/secrets.ts'
import type { RowTable } from '../../src/store/port.ts'
import { type Fate, flush, keysOf, open, rowTable, storedMeta } from '../fixtures/derived.ts'

const space = keySpace(rowKinds.index, 'changes')
const sizes = { page: 8, base: 16 }
const paths = ['a', 'a/b', 'b', 'c', 'ä', 'Z'] as const
const numRuns = process.env.MUNIMENT_LONG === undefined ? 150 : 10_000

const types = [
  'secret.written',
  'secret.rotated',
  'secret.annotated',
  'secret.deleted',
  'secret.restored',
  'secret.destroyed',
  'secret.purged',
  'secret.accessed',
  'secret.accessed',
  'secret.denied',
] as const satisfies readonly EventType[]

interface Draft {
  readonly type: (typeof types)[number]
  readonly path: (typeof paths)[number]
  readonly changed: boolean
  readonly versions: readonly number[]
  /** Milliseconds since the event before; now and then the clock was set back, or the vault rested for months. */
  readonly later: number
}

const draft: fc.Arbitrary<Draft> = fc.record({
  type: fc.constantFrom(...types),
  path: fc.constantFrom(...paths),
  changed: fc.boolean(),
  versions: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  later: fc.oneof(
    { weight: 20, arbitrary: fc.nat(1000) },
    { weight: 1, arbitrary: fc.constantFrom(-5_000, 2 ** 33) },
  ),
})

/** A log of events that a vault could have written, and the folds that say what it means. */
class World {
  readonly events: VaultEvent[] = []
  readonly #now = startFold(secrets)
  #time = 1_700_000_000_000

  add({ type, path, changed, versions, later }: Draft): VaultEvent {
    const row = this.#now.state.get(path)
    this.#time += later
    const position = this.events.length
    const isCreation = type === 'secret.written' || type === 'secret.denied'
    const possible = row !== undefined || isCreation ? type : 'secret.denied'
    const event = {
      position,
      schema: 1,
      id: '',
      time: this.#time,
      actor: `user/${position}`,
      subject: path,
      context: {},
      type: possible,
      data: {
        version: possible === 'secret.purged' ? row?.version : (row?.version ?? 0) + 1,
        changed: changed || row === undefined,
        meta: { type: 'generic', description: `${position}` } satisfies SecretMeta,
        keyId: Uint8Array.of(position),
        box: new Uint8Array(0),
        trigger: 'manual',
        versions:
          possible === 'secret.destroyed'
            ? versions.map((version): DestroyedVersion => ({ version, keyId: new Uint8Array(0) }))
            : versions,
        ...(row && { previous: row.last }),
      },
    } as unknown as VaultEvent
    this.events.push(event)
    this.#now.apply([event])
    return event
  }

  /** What the first `size` events say, by folding all of them. */
  at(size: number): Map<string, { row: SecretRow; counts: unknown }> {
    const folds = [startFold(secrets), startFold(rotations), startFold(accesses)] as const
    for (const fold of folds) fold.apply(this.events.slice(0, size))
    const [rows, rotated, accessed] = folds.map(({ state }) => state) as unknown as [
      Map<string, SecretRow>,
      Map<string, { count: number; lastAt?: number }>,
      Map<string, { count: number; lastAt: number }>,
    ]
    return new Map(
      [...rows.keys()].sort().map((path) => {
        const [rotation, access] = [rotated.get(path), accessed.get(path)]
        const counts = [rotation?.count ?? 0, rotation?.lastAt, access?.count ?? 0, access?.lastAt]
        return [path, { row: rows.get(path) as SecretRow, counts }]
      }),
    )
  }

  /** The row that a life and its events make. */
  row(life: Life): SecretRow {
    const { version, state, position, oldest, last, createdAt, updatedAt, valueChangedAt } = life
    const data = (at: number) => (this.events[at] as VaultEvent).data as unknown as SecretRow
    return {
      version,
      state,
      position,
      keyId: data(position).keyId,
      oldest,
      last,
      meta: data(life.metaAt).meta,
      createdAt,
      updatedAt,
      valueChangedAt,
      updatedBy: (this.events[last] as VaultEvent).actor,
    }
  }
}

interface Started {
  readonly columns: ChangeColumns
  readonly fold: Fold<unknown>
}

function start(rows: SealedRows, position = 0): Started {
  const columns = new ChangeColumns({ rows, space, sizes })
  return { columns, fold: foldOf(columns, position) }
}

function foldOf(columns: ChangeColumns, position: number): Fold<unknown> {
  const state = {
    columns: () => columns,
    at: (size: number) => columns.at(size),
    changed: (from: number, to: number) => columns.changed(from, to),
    [keeperOf]: () => columns,
  }
  return startFold(changes, { state, position }) as Fold<unknown>
}

async function expectAt(columns: ChangeColumns, world: World, size: number): Promise<void> {
  const then = await columns.at(size)
  const expected = world.at(size)
  expect(then.paths).toEqual([...expected.keys()])
  for (const path of paths) {
    const life = then.life(path)
    const found = life && {
      row: world.row(life),
      counts: [life.rotations, life.rotatedAt, life.accesses, life.accessedAt],
    }
    expect(found).toEqual(expected.get(path))
  }
}

async function expectChanged(columns: ChangeColumns, world: World): Promise<void> {
  const size = columns.size
  for (const [from, to] of [
    [0, size],
    [Math.floor(size / 3), Math.ceil(size / 2)],
    [size, size],
  ] as const) {
    const found: number[] = []
    for await (const batch of columns.changed(from, to)) found.push(...batch)
    const changing = (event: VaultEvent) => !/accessed|denied/.test(event.type)
    const expected = world.events.filter((event) => changing(event)).map((event) => event.position)
    expect(found).toEqual(expected.filter((position) => position >= from && position < to))
  }
}

type Command =
  | { readonly do: 'add'; readonly drafts: readonly Draft[] }
  | { readonly do: 'flush'; readonly fate: Fate; readonly between: readonly Draft[] }
  | { readonly do: 'reload' }
  | { readonly do: 'discard' }
  | { readonly do: 'look'; readonly at: number }

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('add'), drafts: fc.array(draft, { maxLength: 30 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('flush'),
      fate: fc.constantFrom('written', 'written', 'lost', 'uncertain'),
      between: fc.array(draft, { maxLength: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'reload' }) },
  { weight: 1, arbitrary: fc.constant({ do: 'discard' }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('look'), at: fc.nat(400) }) },
) as fc.Arbitrary<Command>

describe('the change columns', () => {
  it('are at any position what folding the log up to there gives, whatever was flushed or lost', async () => {
    const property = fc.asyncProperty(
      fc.array(command, { minLength: 4, maxLength: 24, size: 'max' }),
      async (commands) => {
        const world = new World()
        const rows = open(await rowTable())
        let started = start(rows)
        const add = (drafts: readonly Draft[]) => {
          for (const each of drafts) started.fold.apply([world.add(each)])
        }
        let isFlushed = false
        for (const each of commands) {
          if (each.do === 'add') add(each.drafts)
          if (each.do === 'flush') {
            const between = [...each.between]
            const meanwhile = () => add(between.splice(0, 2))
            await flush(started.columns, rows, { fate: each.fate, meanwhile })
            isFlushed ||= each.fate !== 'lost'
          }
          if (each.do === 'reload' && isFlushed) {
            const { columns } = start(rows)
            expect(await columns.load(await storedMeta(rows))).toBe(true)
            started = { columns, fold: foldOf(columns, columns.size) }
            started.fold.apply(world.events.slice(columns.size))
          }
          if (each.do === 'discard') {
            started.columns.reset()
            await rows.clear(space)
            isFlushed = false
            started = { columns: started.columns, fold: foldOf(started.columns, 0) }
            started.fold.apply(world.events)
          }
          if (each.do === 'look')
            await expectAt(started.columns, world, each.at % (world.events.length + 1))
        }
        for (let size = 0; size <= world.events.length; size += 5) {
          await expectAt(started.columns, world, size)
        }
        await expectChanged(started.columns, world)
      },
    )
    await fc.assert(property, { numRuns })
  })
})

const written = (path: (typeof paths)[number], later = 1): Draft => ({
  type: 'secret.written',
  path,
  changed: true,
  versions: [1],
  later,
})

async function withPages(): Promise<Started & { world: World; table: RowTable; rows: SealedRows }> {
  const world = new World()
  const table = await rowTable()
  const rows = open(table)
  const started = start(rows)
  for (let n = 0; n < 60; n++) {
    const type = types[n % types.length] as Draft['type']
    started.fold.apply([world.add({ ...written('a'), type, path: paths[n % 3] as 'a' })])
  }
  await flush(started.columns, rows)
  return { ...started, world, table, rows }
}

describe('rows of the change columns', () => {
  it('that are missing, damaged or stale are refused, never taken for others', async () => {
    const { columns, table, world } = await withPages()
    const keys = (await keysOf(table, space)).map((key) => Buffer.from(key, 'hex'))
    const pages = keys.filter((key) => key[space.length] === 0x63)
    expect(pages).toHaveLength(8)
    const [first, second] = pages as [Buffer, Buffer]
    const whole = await table.get(first)
    await table.write({ remove: [first] })
    await expect(columns.at(4)).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: 'page 0 of the change columns is missing or stale',
    })
    await table.write({ put: [[first, (await table.get(second)) as Uint8Array]] })
    await expect(columns.at(4)).rejects.toMatchObject({ code: 'INTEGRITY' })
    await table.write({ put: [[first, whole as Uint8Array]] })
    await expectAt(columns, world, 4)
    const bases = keys.filter((key) => key[space.length] === 0x62)
    await table.write({ remove: bases })
    await expect(columns.at(59)).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: 'chunk 0 of the base at page 6 of the change columns is missing or stale',
    })
  })

  it('of columns that were built before are stale to those built again', async () => {
    const { columns, table, rows, world } = await withPages()
    const keys = (await keysOf(table, space)).map((key) => Buffer.from(key, 'hex'))
    const before = await Promise.all(keys.map((key) => table.get(key)))
    columns.reset()
    const fold = foldOf(columns, 0)
    fold.apply(world.events)
    await flush(columns, rows)
    const meta = await storedMeta(rows)
    await table.write({ put: keys.map((key, n) => [key, before[n] as Uint8Array]) })
    expect(await start(rows).columns.load(meta)).toBe(false)
    await expect(columns.at(10)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  it('of another size, or format, are not loaded', async () => {
    const { rows } = await withPages()
    const other = new ChangeColumns({ rows, space, sizes: { page: 16, base: 16 } })
    expect(await other.load(await storedMeta(rows))).toBe(false)
  })

  it('hold more lives than a chunk has slots, and a freed slot is taken again', async () => {
    const rows = open(await rowTable())
    const columns = new ChangeColumns({ rows, space, sizes: { page: 64, base: 128 } })
    const fold = foldOf(columns, 0)
    const world = new World()
    const add = (each: Draft) => fold.apply([world.add(each)])
    const pathOf = (n: number) => `p/${n}` as 'a'
    for (let n = 0; n < 1_200; n++) add(written(pathOf(n)))
    for (let n = 0; n < 1_200; n += 2) add({ ...written(pathOf(n)), type: 'secret.purged' })
    for (let n = 0; n < 100; n++) add(written(pathOf(5_000 + n)))
    await flush(columns, rows)
    const { columns: loaded } = start(rows)
    const again = new ChangeColumns({ rows, space, sizes: { page: 64, base: 128 } })
    expect(await loaded.load(await storedMeta(rows))).toBe(false)
    expect(await again.load(await storedMeta(rows))).toBe(true)
    for (const each of [columns, again]) {
      for (const size of [1_900, 1_300, 700]) {
        const then = await each.at(size)
        expect(then.paths).toEqual([...world.at(size).keys()])
        expect(then.life(pathOf(699))?.position).toBe(699)
      }
    }
  })

  it('depend on the log alone, and on no reload in between', async () => {
    const rows = open(await rowTable())
    const { columns, fold } = start(rows)
    const world = new World()
    for (let n = 0; n < 40; n++) fold.apply([world.add(written(`p/${n}` as 'a'))])
    for (const n of [30, 3, 17, 9]) {
      fold.apply([world.add({ ...written(`p/${n}` as 'a'), type: 'secret.purged' })])
    }
    await flush(columns, rows)
    const { columns: loaded } = start(rows)
    expect(await loaded.load(await storedMeta(rows))).toBe(true)
    const later = foldOf(loaded, columns.size)
    for (const n of [1, 2, 3]) {
      const event = world.add(written(`q/${n}` as 'a'))
      fold.apply([event])
      later.apply([event])
    }
    const pages = async (of: ChangeColumns) => {
      const table = await rowTable()
      await flush(of, open(table))
      const keys = await keysOf(table, space)
      return Promise.all(keys.map((key) => open(table).get(Buffer.from(key, 'hex'))))
    }
    const kept = await pages(columns)
    expect(kept).toHaveLength(1)
    expect(await pages(loaded)).toEqual(kept)
  })

  it('end a look that is aborted, and refuse a moment that has not come', async () => {
    const { columns } = await withPages()
    const aborted = columns.at(4, AbortSignal.abort())
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', message: 'the caller aborted' })
    expect(() => columns.at(61)).toThrow('expected at most 60, found 61')
    expect(() => columns.passed(7)).toThrow(
      expect.objectContaining({ code: 'INTEGRITY', expected: 60, found: 7 }),
    )
  })
})
