import { commitCount, type Store, type StoredCommit } from '../../store/port.ts'
import { type IntegrityFault, integrityOf } from './integrity.ts'
import type { ReadItem } from './verifier.ts'

/**
 * The commits of the first `size` positions, as far as the store gives them. A store refuses a whole batch for one row
 * that is missing or damaged: the commits around it are then asked for one by one, and reading goes on behind it.
 */
export async function* readStore(
  store: Store,
  size: number,
): AsyncGenerator<readonly ReadItem[], void, void> {
  for (let next = 0; next < size; ) {
    let fault: IntegrityFault | undefined
    try {
      for await (const batch of store.read({ from: next, to: size })) {
        yield batch
        next = Math.max(next, endOf(batch.at(-1)))
      }
      // A store that ends early without a word: whoever counts positions finds out.
      return
    } catch (error) {
      fault = integrityOf(error)
    }
    const around = await readAround(store, { next, size }, fault)
    yield around.items
    next = around.next
  }
}

/** The commits from `next` to the first that cannot be had, which is named; and where the one behind it begins. */
async function readAround(
  store: Store,
  { next, size }: { next: number; size: number },
  fault: IntegrityFault,
): Promise<{ items: readonly ReadItem[]; next: number }> {
  const items: ReadItem[] = []
  const { within = size } = gapOf(fault)
  let at = next
  for (;;) {
    const stored = await commitFrom(store, at)
    if (stored === undefined) break
    items.push(stored)
    at = endOf(stored)
    if (at > within && stored.first < within) return { items, next: within }
    if (at >= size) return { items, next: at }
  }
  items.push({ first: at, fault: fault.message })
  return { items, next: await behind(store, { at, size }, fault) }
}

/** Where the next commit begins: the store says it of a gap; else it is looked for. */
async function behind(
  store: Store,
  { at, size }: { at: number; size: number },
  fault: IntegrityFault,
): Promise<number> {
  const { beyond = at } = gapOf(fault)
  if (beyond > at && (await commitFrom(store, beyond)) !== undefined) return beyond
  for (let position = at + 1; position < size; position++) {
    if ((await commitFrom(store, position)) !== undefined) return position
  }
  return size
}

/** Where a store says that the log goes on: beyond the position that it looked for, or within the commit before it. */
function gapOf({ expected, found }: IntegrityFault): { within?: number; beyond?: number } {
  if (typeof expected !== 'number' || typeof found !== 'number') return {}
  return found < expected ? { within: found } : { beyond: found }
}

/** The commit that begins at a position, if the store has one there. */
async function commitFrom(store: Store, position: number): Promise<StoredCommit | undefined> {
  try {
    for await (const [stored] of store.read({ from: position, to: position + 1 })) {
      return stored?.first === position ? stored : undefined
    }
  } catch (error) {
    integrityOf(error)
  }
  return undefined
}

function endOf(stored: StoredCommit | undefined): number {
  return stored === undefined ? 0 : stored.first + commitCount(stored.sealed)
}
