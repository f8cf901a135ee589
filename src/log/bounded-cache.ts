/** A map of a bounded number of bytes: what was not asked for longest goes first. */
export class BoundedCache<V> {
  readonly #bytesMax: number
  readonly #bytesOf: (value: V) => number
  readonly #onEnd: (value: V) => void
  readonly #entries = new Map<string, V>()
  #bytes = 0

  /** `onEnd` is told of each value that leaves, for whatever reason. */
  constructor(
    bytesMax: number,
    bytesOf: (value: V) => number,
    onEnd: (value: V) => void = () => undefined,
  ) {
    this.#bytesMax = bytesMax
    this.#bytesOf = bytesOf
    this.#onEnd = onEnd
  }

  get(name: string): V | undefined {
    const value = this.#entries.get(name)
    if (value === undefined) return undefined
    this.#entries.delete(name)
    this.#entries.set(name, value)
    return value
  }

  /** A value of more than a sixteenth of the whole is not kept: it would push out too much. */
  put(name: string, value: V): void {
    const bytes = this.#bytesOf(value)
    this.delete(name)
    if (bytes > this.#bytesMax / 16) {
      this.#onEnd(value)
      return
    }
    this.#entries.set(name, value)
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.delete(oldest)
    }
  }

  delete(name: string): void {
    const value = this.#entries.get(name)
    if (value === undefined) return
    this.#entries.delete(name)
    this.#bytes -= this.#bytesOf(value)
    this.#onEnd(value)
  }

  clear(): void {
    for (const name of [...this.#entries.keys()]) this.delete(name)
  }
}
