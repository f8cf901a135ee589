import type { ReadCommit } from './reader.ts'

/** Bytes of events that are kept. */
const keptBytesMax = 1024 * 1024
/** Bytes of events that one reader is given at a time: he holds on to them for as long as he takes. */
export const heldBytesMax = 64 * 1024

/** The newest commits that were read, one behind the other: of a bounded number of bytes. */
export class RecentCommits {
  readonly #commits: ReadCommit[] = []
  #bytes = 0

  add(commit: ReadCommit): void {
    const last = this.#commits.at(-1)
    if (last !== undefined && last.end !== commit.first) {
      this.#commits.length = 0
      this.#bytes = 0
    }
    this.#commits.push(commit)
    this.#bytes += bytesOf(commit)
    while (this.#bytes > keptBytesMax) {
      const oldest = this.#commits.shift()
      this.#bytes -= oldest === undefined ? this.#bytes : bytesOf(oldest)
    }
  }

  /** From the one that holds a position; none where it is not there any more, or not yet. */
  from(position: number): readonly ReadCommit[] {
    const first = this.#indexOf(position)
    const found: ReadCommit[] = []
    let bytes = 0
    for (let at = first; at !== -1 && bytes < heldBytesMax; at++) {
      const commit = this.#commits[at]
      if (commit === undefined) break
      found.push(commit)
      bytes += bytesOf(commit)
    }
    return found
  }

  #indexOf(position: number): number {
    return this.#commits.findLastIndex(({ first, end }) => first <= position && position < end)
  }
}

export function bytesOf({ plain }: ReadCommit): number {
  return plain.buffer.length
}
