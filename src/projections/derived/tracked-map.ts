import { VaultError } from '../../errors.ts'

/** Rows by key; `undefined` for one that was removed. */
export type Touched<V> = ReadonlyMap<string, V | undefined>

/**
 * A `Map` that knows which of its rows were touched since they were last taken.
 *
 * A capture takes references to rows and encodes them in later ticks, at a position that has passed by then. A row is
 * therefore **replaced, never changed**: `set` freezes it, so that an assignment to a field throws instead of
 * slipping past the snapshot. The freeze is shallow; what a row holds is replaced with the row.
 *
 * @example
 * const rotations = new TrackedMap<Rotation>()
 * rotations.set(path, { ...rotations.get(path), count: 2 })
 */
export class TrackedMap<V> extends Map<string, V> {
  #touched = new Map<string, V | undefined>()

  constructor(entries: Iterable<readonly [string, V]> = []) {
    // Not `super(entries)`: that would call `set` before `#touched` exists.
    super()
    for (const [key, row] of entries) this.set(key, row)
  }

  /** A row is never `undefined`, which stands for one that was removed: `INVALID`. */
  override set(key: string, row: V): this {
    if (row === undefined) throw new VaultError('INVALID', 'expected a row, found undefined')
    this.#touched.set(key, frozen(row))
    return super.set(key, row)
  }

  override delete(key: string): boolean {
    if (!super.delete(key)) return false
    this.#touched.set(key, undefined)
    return true
  }

  override clear(): void {
    for (const key of this.keys()) this.#touched.set(key, undefined)
    super.clear()
  }

  /** The rows touched since the last call, as they stand: an exchange of two references, however many there are. */
  takeTouched(): Touched<V> {
    const touched = this.#touched
    this.#touched = new Map()
    return touched
  }

  /** Gives back what a flush could not write, but for rows that were touched again since. */
  giveBack(touched: Touched<V>): void {
    for (const [key, row] of touched) {
      if (!this.#touched.has(key)) this.#touched.set(key, row)
    }
  }

  /** Puts a stored row in without touching its key. */
  restore(key: string, row: V): void {
    super.set(key, frozen(row))
  }
}

function frozen<V>(row: V): V {
  // Elements of typed arrays cannot be frozen, and the attempt throws.
  return ArrayBuffer.isView(row) ? row : Object.freeze(row)
}
