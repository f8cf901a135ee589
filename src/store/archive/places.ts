import type { FileHandle } from 'node:fs/promises'
import { VaultError } from '../../errors.ts'

/** How much one positioned read brings in at most, one larger record excepted. */
const batchBytes = 1024 * 1024

/** Where bytes stand in the archive. */
export interface Place {
  readonly at: number
  readonly length: number
}

/** Where records of one kind stand, by the numbers that order them. Some 32 bytes of memory a record. */
export class Places {
  readonly #firsts: number[] = []
  readonly #blocks: number[] = []
  readonly #ats: number[] = []
  readonly #lengths: number[] = []

  get count(): number {
    return this.#firsts.length
  }

  add({ first, block }: { first: number; block: number }, { at, length }: Place): void {
    this.#firsts.push(first)
    this.#blocks.push(block)
    this.#ats.push(at)
    this.#lengths.push(length)
  }

  id(index: number): { first: number; block: number } {
    return { first: this.#firsts[index] ?? -1, block: this.#blocks[index] ?? -1 }
  }

  place(index: number): Place {
    return { at: this.#ats[index] ?? 0, length: this.#lengths[index] ?? 0 }
  }

  /** The last record at or before an id, -1 where all are behind it. */
  atOrBefore({ first, block }: { first: number; block: number }): number {
    let low = -1
    let high = this.count - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const there = this.id(middle)
      if (there.first < first || (there.first === first && there.block <= block)) low = middle
      else high = middle - 1
    }
    return low
  }

  /** The bytes of records `from` to `to - 1` in order, as many at a time as one read brings in. */
  async *read(
    file: FileHandle,
    { from, to }: { from: number; to: number },
  ): AsyncGenerator<readonly { index: number; bytes: Uint8Array }[], void, undefined> {
    for (let index = from; index < to; ) {
      const begin = this.place(index).at
      const stop = this.#reach(index, to)
      const last = this.place(stop - 1)
      const bytes = await readAt(file, { at: begin, length: last.at + last.length - begin })
      const batch: { index: number; bytes: Uint8Array }[] = []
      for (; index < stop; index++) {
        const { at, length } = this.place(index)
        batch.push({ index, bytes: bytes.subarray(at - begin, at - begin + length) })
      }
      yield batch
    }
  }

  /** Where a read that begins with a record ends: behind that one at least. */
  #reach(index: number, to: number): number {
    const begin = this.place(index).at
    let stop = index + 1
    for (; stop < to; stop++) {
      const { at, length } = this.place(stop)
      if (at + length - begin > batchBytes) break
    }
    return stop
  }
}

/** Exactly these bytes. Throws `INTEGRITY` where the file has become shorter than it was. */
export async function readAt(file: FileHandle, { at, length }: Place): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done)
    if (bytesRead === 0) {
      throw new VaultError('INTEGRITY', `archive: byte ${at + done}: the file ends there`, {
        expected: at + length,
        found: at + done,
      })
    }
    done += bytesRead
  }
  return bytes
}
