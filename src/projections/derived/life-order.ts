import { setImmediate as turn } from 'node:timers/promises'
import { chunkSlots, type LifeChange, type LifeTable } from './life-table.ts'

/** Paths sorted, or merged, before other work of the process gets its turn. */
const pathsPerTurn = 1024

/** The paths of a table's lives, and their slots. It is shared by tables of the same paths, and never changed. */
export interface LifeOrder {
  /** In the order of UTF-16 code units. */
  readonly paths: readonly string[]
  readonly slots: ReadonlyMap<string, number>
}

/** What became of paths: the slot of a life that began, undefined for one that ended. */
export type PathChanges = Map<string, number | undefined>

/** Takes note of a change before `table` has it. */
export function noteChange(changes: PathChanges, table: LifeTable, change: LifeChange): void {
  const { born, slot } = change
  if (born !== undefined) changes.set(born, slot)
  const ended = change.kind === 'purged' ? table.pathOf(slot) : undefined
  if (ended !== undefined) changes.set(ended, undefined)
}

/** The order of a table's paths; `near` is one of nearly the same paths, so that few are left to be sorted. */
export async function orderOf(table: LifeTable, near?: LifeOrder): Promise<LifeOrder> {
  const slots = new Map<string, number>()
  for (const [n, { paths }] of table.chunks.entries()) {
    for (const [at, path] of paths.entries()) {
      if (path !== undefined) slots.set(path, n * chunkSlots + at)
    }
    if ((n * chunkSlots) % pathsPerTurn === 0) await turn()
  }
  if (near === undefined) return { paths: await sorted([...slots.keys()]), slots }
  return orderAfter(near, await changesBetween(near.slots, slots))
}

async function changesBetween(
  before: LifeOrder['slots'],
  after: LifeOrder['slots'],
): Promise<PathChanges> {
  const changes: PathChanges = new Map()
  let seen = 0
  for (const path of before.keys()) {
    if (!after.has(path)) changes.set(path, undefined)
    if (++seen % pathsPerTurn === 0) await turn()
  }
  for (const [path, slot] of after) {
    if (before.get(path) !== slot) changes.set(path, slot)
    if (++seen % pathsPerTurn === 0) await turn()
  }
  return changes
}

/** The order once paths came and went; the one given where none did. */
export async function orderAfter(order: LifeOrder, changes: PathChanges): Promise<LifeOrder> {
  if (changes.size === 0) return order
  const slots = new Map<string, number>()
  const stayed: string[] = []
  for (const path of order.paths) {
    if (changes.has(path)) continue
    slots.set(path, order.slots.get(path) as number)
    if (stayed.push(path) % pathsPerTurn === 0) await turn()
  }
  const came: string[] = []
  for (const [path, slot] of changes) {
    if (slot === undefined) continue
    slots.set(path, slot)
    came.push(path)
  }
  return { paths: await merged(stayed, await sorted(came)), slots }
}

async function sorted(paths: readonly string[]): Promise<readonly string[]> {
  let runs: (readonly string[])[] = []
  for (let at = 0; at < paths.length; at += pathsPerTurn) {
    runs.push(paths.slice(at, at + pathsPerTurn).sort())
    await turn()
  }
  while (runs.length > 1) {
    const wider: (readonly string[])[] = []
    for (let n = 0; n < runs.length; n += 2) {
      wider.push(await merged(runs[n] as readonly string[], runs[n + 1] ?? []))
    }
    runs = wider
  }
  return runs[0] ?? []
}

/** Of two sorted lists without a path in common. */
async function merged(a: readonly string[], b: readonly string[]): Promise<readonly string[]> {
  if (b.length === 0) return a
  const all: string[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]]
    const takesLeft = right === undefined || (left !== undefined && left < right)
    all.push((takesLeft ? left : right) as string)
    if (takesLeft) i += 1
    else j += 1
    if (all.length % pathsPerTurn === 0) await turn()
  }
  return all
}
