/**
 * A `Map` that knows which of its keys were touched since they were last taken.
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
  #touched = new Set<string>()

  constructor(entries: Iterable<readonly [string, V]> = []) {
    // Not `super(entries)`: that would call `set` before `#touched` exists.
    super()
    for (const [key, row] of entries) this.set(key, row)
  }

  override set(key: string, row: V): this {
    this.#touched.add(key)
    return super.set(key, Object.freeze(row))
  }

  override delete(key: string): boolean {
    if (!super.delete(key)) return false
    this.#touched.add(key)
    return true
  }

  override clear(): void {
    for (const key of this.keys()) this.#touched.add(key)
    super.clear()
  }

  /** The keys touched since the last call. */
  takeTouched(): ReadonlySet<string> {
    const touched = this.#touched
    this.#touched = new Set()
    return touched
  }

  /** Marks keys as touched: a flush that held them has failed. */
  touch(keys: Iterable<string>): void {
    for (const key of keys) this.#touched.add(key)
  }

  /** Puts a stored row in, or takes one out, without touching its key. */
  restore(key: string, row: V | undefined): void {
    if (row === undefined) super.delete(key)
    else super.set(key, Object.freeze(row))
  }
}
