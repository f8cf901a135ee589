import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventType } from '../../src/events/catalogue.ts'
import { AuditIndex, type CandidateQuery } from '../../src/projections/derived/audit-index.ts'
import {
  decodeLayout,
  type StoredSegment,
  segmentAt,
} from '../../src/projections/derived/index-layout.ts'
import { keySpace, rowKinds, type SealedRows } from '../../src/projections/derived/sealed-rows.ts'
import { segmentRows } from '../../src/projections/derived/segment-rows.ts'
import type { Term } from '../../src/projections/derived/terms.ts'
import type { RowTable } from '../../src/store/port.ts'
import { type Fate, flush, keysOf, open, rowTable, storedMeta } from '../fixtures/derived.ts'

const space = keySpace(rowKinds.index, 'audit')
const sizes = { mini: 8, full: 64 }

interface Entry {
  readonly position: number
  readonly type: EventType
  readonly subject: string
  readonly actor: string
}

const subjects = ['', 'prod', 'prod/a', 'prod/a/x', 'prod/b/x', 'dev/a', 'dev/a/x/y']
const actors = ['svc', 'svc/pay', 'user/ana', 'user/bo']
const types: readonly EventType[] = ['secret.accessed', 'secret.written', 'secret.denied']

function entryAt(position: number, seed: number): Entry {
  const at = Math.imul(seed ^ Math.imul(position + 1, 0x9e3779b1), 0x85ebca6b) >>> 8
  return {
    position,
    type: types[at % 3] as EventType,
    subject: subjects[(at >>> 3) % 7] as string,
    actor: actors[(at >>> 7) % 4] as string,
  }
}

function has(entry: Entry, { kind, text }: Term): boolean {
  if (kind === 'type') return entry.type === text
  if (kind === 'subject' || kind === 'actor') return entry[kind] === text
  return entry[kind === 'under-subject' ? 'subject' : 'actor'].startsWith(`${text}/`)
}

function matches(entry: Entry, { groups, from, to }: CandidateQuery): boolean {
  const { position } = entry
  if (position < from || position >= to) return false
  return groups.every((group) => group.some((term) => has(entry, term)))
}

function expected(entries: readonly Entry[], query: CandidateQuery): number[] {
  const found = entries.filter((entry) => matches(entry, query)).map(({ position }) => position)
  return query.order === 'oldest' ? found : found.reverse()
}

/** What the index finds, once each event has been checked; `meanwhile` runs after each batch. */
async function found(
  index: AuditIndex,
  entries: readonly Entry[],
  { query, meanwhile }: { query: CandidateQuery; meanwhile?: () => Promise<void> },
): Promise<number[]> {
  const positions: number[] = []
  for await (const batch of index.candidates(query)) {
    positions.push(...batch.filter((position) => matches(entries[position] as Entry, query)))
    await meanwhile?.()
  }
  return positions
}

const term: fc.Arbitrary<Term> = fc.oneof(
  fc.record({ kind: fc.constant('subject'), text: fc.constantFrom(...subjects, 'absent') }),
  fc.record({
    kind: fc.constant('under-subject'),
    text: fc.constantFrom('prod', 'prod/a', 'dev', 'dev/a/x'),
  }),
  fc.record({ kind: fc.constant('actor'), text: fc.constantFrom(...actors) }),
  fc.record({ kind: fc.constant('under-actor'), text: fc.constantFrom('svc', 'user') }),
  fc.record({ kind: fc.constant('type'), text: fc.constantFrom(...types) }),
) as fc.Arbitrary<Term>

const query: fc.Arbitrary<CandidateQuery> = fc.record({
  groups: fc.array(fc.array(term, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
  from: fc.oneof(fc.constant(0), fc.nat(400)),
  to: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(400)),
  order: fc.constantFrom('oldest', 'newest'),
})

type Command =
  | { readonly do: 'add'; readonly count: number }
  | { readonly do: 'flush'; readonly fate: Fate; readonly between: number }
  | { readonly do: 'step'; readonly count: number }
  | { readonly do: 'reload' }
  | { readonly do: 'query'; readonly query: CandidateQuery; readonly busy: boolean }

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('add'), count: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('flush'),
      fate: fc.constantFrom('written', 'written', 'written', 'lost', 'uncertain'),
      between: fc.nat(12),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('step'), count: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('query'), query, busy: fc.boolean() }) },
) as fc.Arbitrary<Command>

function indexOf(rows: SealedRows): AuditIndex {
  return new AuditIndex({ rows, space, sizes })
}

/** An index over a table of its own, beside the plain array that it has to agree with. */
class World {
  readonly rows: SealedRows
  readonly table: RowTable
  readonly seed: number
  index: AuditIndex
  entries: Entry[] = []
  /** The first positions of commits: each `add` is one. */
  starts: number[] = []

  constructor(table: RowTable, seed: number) {
    this.table = table
    this.seed = seed
    this.rows = open(table)
    this.index = indexOf(this.rows)
  }

  add(count: number): void {
    if (count === 0) return
    this.starts.push(this.entries.length)
    this.index.begin(this.entries.length)
    for (let n = 0; n < count; n += 1) {
      const entry = entryAt(this.entries.length, this.seed)
      this.index.add(entry)
      this.entries.push(entry)
    }
  }

  async flush(fate: Fate = 'written', between = 0): Promise<void> {
    let late = between
    const meanwhile = () => {
      this.add(late)
      late = 0
    }
    await flush(this.index, this.rows, { fate, meanwhile })
    // The store takes nothing more after such a failure until it is opened again.
    if (fate === 'uncertain') await this.reload()
  }

  async step(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) if (!(await this.index.step())) return
  }

  /** What was not flushed is folded again, as after a crash. */
  async reload(): Promise<void> {
    const { entries } = this
    this.index = indexOf(this.rows)
    expect(await this.index.load(await storedMeta(this.rows))).toBe(true)
    expect(this.index.size).toBeLessThanOrEqual(entries.length)
    for (const entry of entries.slice(this.index.size)) {
      if (this.starts.includes(entry.position)) this.index.begin(entry.position)
      this.index.add(entry)
    }
  }

  async expectFound(asked: CandidateQuery, busy = false): Promise<void> {
    const entries = [...this.entries]
    const meanwhile = async () => {
      this.add(3)
      await this.step(5)
      await this.flush()
    }
    const options = busy ? { query: asked, meanwhile } : { query: asked }
    expect(await found(this.index, entries, options)).toEqual(expected(entries, asked))
  }

  /** Each event's commit is found, in both directions. */
  async expectCommits(): Promise<void> {
    const { index, starts } = this
    const positions = this.entries.map(({ position }) => position)
    const first = (position: number) => starts.findLast((start) => start <= position)
    const find = index.commits()
    for (const position of [...positions, ...positions.toReversed()]) {
      expect(await find(position)).toBe(first(position))
    }
  }

  /** Nothing is missing, and nothing lies about that no meta names. */
  async expectNamedRowsOnly(): Promise<void> {
    const layout = decodeLayout(await storedMeta(this.rows), sizes) ?? expect.fail()
    const keys = segmentRows(this.rows, space, layout.seed).keys
    const named = segments(layout).flatMap((one) => keys(one).map((key) => key.toString('hex')))
    expect(await keysOf(this.table, space)).toEqual(named.sort())
  }
}

function segments(layout: { size: number; fulls: number; swept: number }): StoredSegment[] {
  const full = (number: number) => segmentAt(sizes, 'full', number * sizes.full)
  const fulls = Array.from({ length: layout.fulls }, (_, number) => full(number))
  const minis = Array.from({ length: Math.ceil(layout.size / sizes.mini) }, (_, number) =>
    segmentAt(sizes, 'mini', number * sizes.mini),
  )
  return [...fulls, ...minis.slice((layout.swept * sizes.full) / sizes.mini)]
}

async function obey(world: World, step: Command): Promise<void> {
  switch (step.do) {
    case 'add':
      return world.add(step.count)
    case 'flush':
      await world.flush(step.fate, step.between)
      return world.expectNamedRowsOnly()
    case 'step':
      return world.step(step.count)
    case 'reload':
      return world.reload()
    case 'query':
      await world.expectFound(step.query, step.busy)
      return world.expectCommits()
  }
}

describe('the audit index', () => {
  it('finds what a plain filter finds, whatever is flushed, lost, merged and loaded again', () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(command, { minLength: 10, maxLength: 50 }),
        fc.array(query, { minLength: 5, maxLength: 5 }),
        async (seed, commands, queries) => {
          const world = new World(await rowTable(), seed)
          await world.flush()
          for (const step of commands) await obey(world, step)
          for (const asked of queries) await world.expectFound(asked)
          await world.expectCommits()
        },
      ),
      { numRuns: 25 },
    ))

  it('finds the same while flushes and merges overtake its reads', async () => {
    const table = await rowTable()
    // Reads are answered some turns later, as a disk would, with what stands there by then.
    const get: RowTable['get'] = async (key) => {
      for (let n = 0; n < 3; n += 1) await turn()
      return table.get(key)
    }
    // And a write has happened some turns before it is known to have.
    const write: RowTable['write'] = async (changes) => {
      await table.write(changes)
      for (let n = 0; n < 6; n += 1) await turn()
    }
    const world = new World({ ...table, get, write }, 3)
    let growing = true
    const grow = async () => {
      for (let n = 0; n < 60; n += 1) {
        world.add(5)
        await world.flush()
        await world.step(9)
      }
      growing = false
    }
    const ask = async () => {
      for (let n = 0; growing; n += 1) {
        const from = Math.max(0, world.entries.length - 200)
        await world.expectFound({ ...everything, from, order: n % 2 === 0 ? 'oldest' : 'newest' })
        await turn()
      }
    }
    await Promise.all([grow(), ask(), ask()])
    expect(decodeLayout(await storedMeta(world.rows), sizes)?.swept).toBeGreaterThan(2)
  })

  it('knows no commit for an event that none began near', async () => {
    const world = new World(await rowTable(), 1)
    world.add(1)
    for (let n = 1; n < 200; n += 1) world.index.add(entryAt(n, 1))
    const find = world.index.commits()
    expect([await find(127), await find(135)]).toEqual([0, undefined])
  })

  it('takes events in order only', () => {
    const index = indexOf(open({} as RowTable))
    const message = 'the audit index takes every event, in order'
    const error = expect.objectContaining({ code: 'INTEGRITY', message, expected: 0, found: 1 })
    expect(() => index.add(entryAt(1, 0))).toThrow(error)
  })

  it('reads no segment before it is asked for', async () => {
    const world = await history()
    let reads = 0
    const get: RowTable['get'] = (key) => {
      reads += 1
      return world.table.get(key)
    }
    const index = indexOf(open({ ...world.table, get }))
    expect(await index.load(await storedMeta(world.rows))).toBe(true)
    reads = 0
    const groups = [[{ kind: 'type', text: 'secret.accessed' } as const]]
    for (const order of ['newest', 'oldest'] as const) {
      const pages = index.candidates({ groups, from: 0, to: index.size, order })
      expect((await pages.next()).value?.length).toBeGreaterThan(0)
    }
    // The newest lie in memory, the oldest in one bucket of one segment.
    expect(reads).toBe(1)
  })
})

/** Two full segments whose minis are gone, one with its minis still there, minis, and one that is partial. */
async function history(): Promise<World> {
  const world = new World(await rowTable(), 5)
  for (let n = 0; n < 27; n += 1) {
    world.add(8)
    await world.flush()
    await world.step(n < 24 ? 17 : 0)
  }
  world.add(3)
  await world.flush()
  const layout = decodeLayout(await storedMeta(world.rows), sizes)
  expect(layout).toMatchObject({ size: 219, fulls: 3, swept: 3 })
  return world
}

const everything: CandidateQuery = {
  groups: [subjects.map((text) => ({ kind: 'subject', text }))],
  from: 0,
  to: 1000,
  order: 'oldest',
}

/** Whether an index either is refused or answers with every event: false would be a silent gap. */
async function doubts(world: World, rows = world.rows): Promise<boolean> {
  const index = indexOf(rows)
  if (!(await index.load(await storedMeta(world.rows)))) return true
  // Buckets without any subject's hash are not looked at by the query; a merge would.
  const all = Array.from({ length: 4096 }, (_, n) => ({ kind: 'subject', text: `${n}` }) as const)
  try {
    const asked = { ...everything, groups: [[...subjects.map(subjectTerm), ...all]] }
    expect(await found(index, world.entries, { query: asked })).toHaveLength(219)
    const find = index.commits()
    for (const { position } of world.entries) await find(position)
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'INTEGRITY' })
    return true
  }
}

function subjectTerm(text: string): Term {
  return { kind: 'subject', text }
}

describe('a doubt about the audit index', () => {
  it('arises for each row that is missing', async () => {
    const world = await history()
    expect(await doubts(world)).toBe(false)
    const keys = await keysOf(world.table, space)
    expect(keys).toHaveLength((3 + 4) * 17)
    for (const hex of keys) {
      const key = Buffer.from(hex, 'hex')
      const row = (await world.table.get(key)) ?? expect.fail()
      await world.table.write({ remove: [key] })
      expect(await doubts(world)).toBe(true)
      await world.table.write({ put: [[key, row]] })
    }
    expect(await doubts(world)).toBe(false)
  })

  it('arises for a mini segment as it was when it held less', async () => {
    const world = await history()
    const older = await allRows(world.table)
    world.add(2)
    await world.flush()
    const keys = [...older.keys()].filter((hex) => older.get(hex) !== undefined).slice(-17)
    await putBack(world, keys, older)
    expect(await indexOf(world.rows).load(await storedMeta(world.rows))).toBe(false)
    world.add(3)
    await world.flush()
    await putBack(world, keys.slice(3, 4), older)
    const index = indexOf(world.rows)
    expect(await index.load(await storedMeta(world.rows))).toBe(true)
    const asked = {
      ...everything,
      groups: [Array.from({ length: 4096 }, (_, n) => subjectTerm(`${n}`))],
    }
    await expect(found(index, world.entries, { query: asked })).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: 'a row of mini segment 27 of the audit index is missing or stale',
    })
  })

  it('arises for each row of an index that was built before this one', async () => {
    const world = await history()
    const older = await allRows(world.table)
    const { entries } = world
    await world.rows.clear(space)
    world.index.reset()
    world.entries = []
    world.starts = []
    for (let n = 0; n < 27; n += 1) {
      world.add(8)
      await world.flush()
      await world.step(n < 24 ? 17 : 0)
    }
    world.add(3)
    await world.flush()
    expect(world.entries).toEqual(entries)
    for (const [hex, row] of older) {
      const key = Buffer.from(hex, 'hex')
      const newer = (await world.table.get(key)) ?? expect.fail()
      await world.table.write({ put: [[key, row]] })
      expect(await doubts(world)).toBe(true)
      await world.table.write({ put: [[key, newer]] })
    }
    expect(await doubts(world)).toBe(false)
  })

  it('arises for rows of another vault', async () => {
    const world = await history()
    expect(await doubts(world, open(world.table, Buffer.alloc(24, 2)))).toBe(true)
  })

  it.each([
    ['a bucket', 5],
    ['the starts', 16],
  ])('arises when a merge meets it in the row of %s', async (_, row) => {
    const world = new World(await rowTable(), 5)
    world.add(64)
    await world.flush()
    await world.table.write({
      remove: [Buffer.from((await keysOf(world.table, space))[row] ?? '', 'hex')],
    })
    await expect(world.step(17)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  it('arises for a query that a reset overtakes', async () => {
    const world = await history()
    const answers = world.index.candidates(everything)
    await answers.next()
    world.index.reset()
    await expect(answers.next()).rejects.toMatchObject({
      code: 'CONFLICT',
      message: 'the audit index was built again',
    })
  })
})

async function allRows(table: RowTable): Promise<Map<string, Uint8Array>> {
  const rows = new Map<string, Uint8Array>()
  for (const hex of await keysOf(table, space)) {
    rows.set(hex, (await table.get(Buffer.from(hex, 'hex'))) ?? expect.fail())
  }
  return rows
}

async function putBack(world: World, keys: string[], rows: Map<string, Uint8Array>): Promise<void> {
  const put = keys.map((hex) => [Buffer.from(hex, 'hex'), rows.get(hex) ?? expect.fail()] as const)
  await world.table.write({ put })
}
