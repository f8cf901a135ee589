import type { Projection } from '../../projections/projection.ts'
import { firstIndex } from './first-index.ts'

/** A block beyond this is split in two. */
const blockKeysMax = 512

/**
 * A map that can also be gone through in the order of its keys' UTF-16 code units. It is kept in order as it grows, so
 * that whoever asks for that order does not wait while a million keys are sorted.
 */
export class SortedMap<V> extends Map<string, V> {
  /** None is empty; the keys of each stand before those of the next. */
  readonly #blocks: string[][] = []

  override set(key: string, value: V): this {
    if (!this.has(key)) this.#insert(key)
    return super.set(key, value)
  }

  override delete(key: string): boolean {
    if (!super.delete(key)) return false
    const at = this.#blockOf(key)
    const block = this.#blocks[at] ?? []
    block.splice(firstFrom(block, key), 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    return true
  }

  override clear(): void {
    super.clear()
    this.#blocks.length = 0
  }

  /** Entries in the order of their keys. */
  *inOrder(): Generator<readonly [string, V], void, void> {
    for (const block of this.#blocks) {
      for (const key of block) yield [key, this.get(key) as V]
    }
  }

  /** Entries whose keys begin with a prefix, in the order of their keys. */
  *below(prefix: string): Generator<readonly [string, V], void, void> {
    for (let at = this.#blockOf(prefix); at < this.#blocks.length; at++) {
      const block = this.#blocks[at] ?? []
      for (let place = firstFrom(block, prefix); place < block.length; place++) {
        const key = block[place] ?? ''
        if (!key.startsWith(prefix)) return
        yield [key, this.get(key) as V]
      }
    }
  }

  #insert(key: string): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at]
    if (block === undefined) {
      this.#blocks.push([key])
      return
    }
    block.splice(firstFrom(block, key), 0, key)
    if (block.length > blockKeysMax) {
      this.#blocks.splice(at + 1, 0, block.splice(blockKeysMax >>> 1))
    }
  }

  /** The last block that begins at or before a key, or else the first. */
  #blockOf(key: string): number {
    const next = firstIndex(this.#blocks, ([first = '']) => first > key)
    return Math.max(0, next - 1)
  }
}

/** A projection whose rows can be gone through in order. */
export function sorted<V>(projection: Projection<Map<string, V>>): Projection<SortedMap<V>> {
  const { name, version, on, each } = projection
  return { name, version, on, ...(each && { each }), initial: () => new SortedMap<V>() }
}

function firstFrom(keys: readonly string[], key: string): number {
  return firstIndex(keys, (each) => each >= key)
}
