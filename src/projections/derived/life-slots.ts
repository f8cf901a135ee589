import { setImmediate as turn } from 'node:timers/promises'
import { chunkSlots, type LifeTable } from './life-table.ts'

const chunksPerTurn = 8

/** Which slot of the life table each path has that has a secret. */
export class LifeSlots {
  readonly #slots = new Map<string, number>()
  /** Slots that purges have left, descending. */
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
        if (path === undefined) slots.#free.push(slot)
        else slots.#slots.set(path, slot)
        slots.#taken = slot + 1
      }
      if (n % chunksPerTurn === 0) await turn()
    }
    slots.#free.reverse()
    return slots
  }

  get(path: string): number | undefined {
    return this.#slots.get(path)
  }

  /** The lowest that is free, so that the same log always leads to the same slots. */
  take(path: string): number {
    const slot = this.#free.pop() ?? this.#taken++
    this.#slots.set(path, slot)
    return slot
  }

  /** The path's secret was purged. */
  free(path: string, slot: number): void {
    this.#slots.delete(path)
    let low = 0
    let high = this.#free.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#free[middle] as number) > slot) low = middle + 1
      else high = middle
    }
    this.#free.splice(low, 0, slot)
  }
}
