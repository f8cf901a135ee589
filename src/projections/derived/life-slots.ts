import { setImmediate as turn } from 'node:timers/promises'
import { chunkSlots, type LifeTable } from './life-table.ts'

const chunksPerTurn = 8

/** Which slot of the life table each path has that has a secret. */
export class LifeSlots {
  readonly #slots = new Map<string, number>()
  /** Slots that purges have left, as a binary heap: the lowest comes first. */
  readonly #free: number[] = []
  #taken = 0

  /** Slots that were ever taken. */
  get taken(): number {
    return this.#taken
  }

  /** Those of a table as it was stored. */
  static async of(table: LifeTable): Promise<LifeSlots> {
    const slots = new LifeSlots()
    for (const [n, { paths }] of table.chunks.entries()) {
      for (const [at, path] of paths.entries()) {
        const slot = n * chunkSlots + at
        // In their order: an ascending list is a heap.
        if (path === undefined) slots.#free.push(slot)
        else slots.#slots.set(path, slot)
        slots.#taken = slot + 1
      }
      if (n % chunksPerTurn === 0) await turn()
    }
    return slots
  }

  get(path: string): number | undefined {
    return this.#slots.get(path)
  }

  /** The lowest that is free, so that the same log always leads to the same slots. */
  take(path: string): number {
    const slot = this.#leastFree() ?? this.#taken++
    this.#slots.set(path, slot)
    return slot
  }

  /** The path's secret was purged. */
  free(path: string, slot: number): void {
    this.#slots.delete(path)
    const heap = this.#free
    let at = heap.push(slot) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if ((heap[up] as number) <= slot) break
      heap[at] = heap[up] as number
      at = up
    }
    heap[at] = slot
  }

  #leastFree(): number | undefined {
    const heap = this.#free
    const [least] = heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return least
    let at = 0
    for (let down = 1; down < heap.length; down = 2 * at + 1) {
      const right = heap[down + 1]
      if (right !== undefined && right < (heap[down] as number)) down += 1
      if ((heap[down] as number) >= last) break
      heap[at] = heap[down] as number
      at = down
    }
    heap[at] = last
    return least
  }
}
