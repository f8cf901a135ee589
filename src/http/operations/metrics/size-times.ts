/** Sizes of the log that are kept with their times. */
const samplesMax = 2048
/** Of two sizes that are nearer to each other in time, one is kept. */
const apartMs = 1000

interface Sample {
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly time: number
}

/**
 * When the log grew to which size, as far as this process has seen it: what the age of a checkpoint is told by. Memory is
 * bounded; the longer ago, the coarser.
 */
export class SizeTimes {
  #samples: Sample[] = []

  note(size: number, time: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && (time - last.time < apartMs || size <= last.size)) return
    this.#samples.push({ size, time })
    if (this.#samples.length > samplesMax) {
      this.#samples = this.#samples.filter((_, i) => i % 2 === 0)
    }
  }

  /** When the log had grown so far; undefined where that was before this process looked at it. */
  at(size: number): number | undefined {
    const [first] = this.#samples
    if (first === undefined || size < first.size) return undefined
    let [low, high] = [0, this.#samples.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#samples[middle] as Sample).size <= size) low = middle
      else high = middle - 1
    }
    return this.#samples[low]?.time
  }
}
