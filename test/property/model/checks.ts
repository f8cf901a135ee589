import { deepStrictEqual } from 'node:assert/strict'
import { concatMap, lastValueFrom, takeWhile, toArray } from 'rxjs'
import type { VaultEvent } from '../../../src/events/catalogue.ts'
import { type Projection, startFold } from '../../../src/projections/projection.ts'
import { followed, type Views } from './followers.ts'
import type { World } from './world.ts'

type Rows = ReadonlyMap<string, unknown>

/**
 * What each projection showed live at each size of the log is the fold of so many of its events; so is what a replay
 * shows at the sizes picked, by position and by time.
 */
export async function expectReplayAgrees(
  world: World,
  picks: readonly number[] = [],
): Promise<void> {
  const events = await eventsOf(world)
  const sizes = new Set(picks.map((pick) => 1 + (pick % events.length)))
  for (const [name, projection] of namedProjections) {
    const fold = startFold(projection)
    for (const event of events) {
      fold.apply([event])
      const { position } = fold
      const rows = plainRows(fold.state)
      for (const { size, views } of world.moments) {
        if (size === position)
          deepStrictEqual(plainRows(views[name]), rows, `${name} live at ${size}`)
      }
      if (!sizes.has(position)) continue
      const at = { position: position - 1 }
      const replayed = await world.vault.replay(projection, { at })
      deepStrictEqual(replayed.position, position)
      deepStrictEqual(plainRows(replayed.view), rows, `${name} replayed at ${position}`)
      await expectDated(world, { projection, events, time: event.time })
    }
  }
}

/** The state at a time is that of the last event at or before it. */
async function expectDated(
  world: World,
  about: {
    projection: Projection<Map<string, unknown>>
    events: readonly VaultEvent[]
    time: number
  },
): Promise<void> {
  const { projection, events, time } = about
  const fold = startFold(projection)
  fold.apply(events.filter((event) => event.time <= time))
  const dated = await world.vault.replay(projection, { at: { time: new Date(time) } })
  deepStrictEqual(dated.position, fold.position)
  deepStrictEqual(plainRows(dated.view), plainRows(fold.state), `${projection.name} as of a time`)
}

/** What is live in the vault is what a replay from the first event on shows. */
export async function expectLiveIsReplay(world: World): Promise<void> {
  const { views } = await world.followers.moment(world.size)
  for (const [name, projection] of namedProjections) {
    const { view } = await world.vault.replay(projection)
    deepStrictEqual(plainRows(views[name]), plainRows(view), name)
  }
}

/** The events of each secret's life number its versions from 1 on, and the vault counts what they count. */
export async function expectCounts(world: World): Promise<void> {
  const lives = new Map<string, { versions: number[]; rotations: number; accesses: number }>()
  for (const event of await eventsOf(world)) {
    const life = lives.get(event.subject) ?? { versions: [], rotations: 0, accesses: 0 }
    if (event.type === 'secret.written' || event.type === 'secret.rotated') {
      life.versions.push(event.data.version)
      lives.set(event.subject, life)
    }
    if (event.type === 'secret.rotated') life.rotations++
    if (event.type === 'secret.accessed') life.accesses++
    if (event.type === 'secret.purged') lives.delete(event.subject)
  }
  for (const [path, { versions, rotations, accesses }] of lives) {
    const dense = Array.from({ length: versions.length }, (_, i) => i + 1)
    deepStrictEqual(versions, dense, 'versions are dense from 1')
    const { version, rotationCount, accessCount } = await world.vault.describe(path)
    deepStrictEqual(
      { version, rotationCount, accessCount },
      { version: versions.length, rotationCount: rotations, accessCount: accesses },
    )
    const history = await world.vault.history(path)
    deepStrictEqual(
      history.map((row) => row.version),
      dense.reverse(),
    )
  }
  const { items } = await world.vault.list()
  deepStrictEqual(
    items.map(({ path }) => path),
    [...lives.keys()].sort(),
  )
}

/** All events so far, as the stream gives them. */
async function eventsOf({ vault, size }: World): Promise<readonly VaultEvent[]> {
  const events = vault.events$.pipe(
    takeWhile(({ end }) => end < size, true),
    concatMap((commit) => commit.events),
    toArray(),
  )
  return lastValueFrom(events)
}

const namedProjections = Object.entries(followed) as unknown as readonly (readonly [
  keyof Views,
  Projection<Map<string, unknown>>,
])[]

/** What projections show, made comparable. */
export function plainViews(views: Views): unknown {
  return Object.values(views).map(plainRows)
}

/** Rows in the order of their keys, bytes in hex: a snapshot keeps neither the order nor the class of bytes. */
function plainRows(rows: Rows): unknown {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(plain)
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}
