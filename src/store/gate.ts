import { VaultError } from '../errors.ts'
import type { FileTable, KeyTable, RowTable } from './port.ts'

/** Lets calls in for as long as a store is open, and lets the store go once the last of them has come out. */
export class Gate {
  readonly #location: string
  #inside = 0
  #emptied: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(location: string) {
    this.#location = location
  }

  async pass<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      throw new VaultError('CLOSED', `the store is closed: ${this.#location}`)
    }
    this.#inside += 1
    try {
      return await work()
    } finally {
      this.#inside -= 1
      if (this.#inside === 0) this.#emptied?.()
    }
  }

  /** Each step passes on its own: a reader that rests between two batches does not hold up `close`. */
  async *each<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const iterator = items[Symbol.asyncIterator]()
    try {
      for (;;) {
        const step = await this.pass(() => iterator.next())
        if (step.done === true) return
        yield step.value
      }
    } finally {
      await iterator.return?.()
    }
  }

  /** Refuses whatever comes from here on, waits for what is inside, then runs `letGo`, once. */
  close(letGo: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#empty().then(letGo)
    return this.#closing
  }

  async #empty(): Promise<void> {
    if (this.#inside === 0) return
    await new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
  }
}

export function gatedKeys(gate: Gate, table: KeyTable): KeyTable {
  return {
    get: (id) => gate.pass(() => table.get(id)),
    entries: () => gate.each(table.entries()),
  }
}

export function gatedRows(gate: Gate, table: RowTable): RowTable {
  return {
    get: (key) => gate.pass(() => table.get(key)),
    range: (from, to) => gate.each(table.range(from, to)),
    write: (changes) => gate.pass(() => table.write(changes)),
    clear: () => gate.pass(() => table.clear()),
  }
}

export function gatedFiles(gate: Gate, table: FileTable): FileTable {
  return {
    read: (name) => gate.pass(() => table.read(name)),
    replace: (name, bytes) => gate.pass(() => table.replace(name, bytes)),
    overwrite: (name, offset, bytes) => gate.pass(() => table.overwrite(name, offset, bytes)),
    remove: (name) => gate.pass(() => table.remove(name)),
    list: () => gate.pass(() => table.list()),
  }
}
