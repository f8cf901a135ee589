import type { Commit } from '../log/reader.ts'

const commitsMax = 65_536

/**
 * When the newest commits were made, and where they begin: 16 bytes each. All events of a commit bear one time, so that
 * what bears a time is found without a look at the log.
 */
export class CommitTimes {
  readonly #times: Float64Array
  readonly #firsts: Float64Array
  /** How many have been added since the beginning of the run of times that do not decrease. */
  #added = 0
  #end = 0

  /** @param max how many are known at the most */
  constructor(max = commitsMax) {
    this.#times = new Float64Array(max)
    this.#firsts = new Float64Array(max)
  }

  add({ first, end, events }: Commit): void {
    const time = events[0]?.time
    if (time === undefined) return
    if (this.#added > 0 && time < this.#time(this.#added - 1)) this.#added = 0
    const at = this.#added % this.#times.length
    this.#times[at] = time
    this.#firsts[at] = first
    this.#added++
    this.#end = end
  }

  /**
   * From which position to which the events of a time stand: both the same where there are none.
   * Undefined for a time that is earlier than all that is known.
   */
  rangeOf(time: number): { readonly from: number; readonly to: number } | undefined {
    const oldest = Math.max(0, this.#added - this.#times.length)
    if (this.#added === 0 || time <= this.#time(oldest)) return undefined
    const first = this.#firstFrom(time, oldest)
    const next = this.#firstFrom(time + 1, oldest)
    return { from: this.#position(first), to: this.#position(next) }
  }

  /** Which of them is the first of a time or of a later one. */
  #firstFrom(time: number, oldest: number): number {
    let [low, high] = [oldest, this.#added]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#time(middle) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  #time(nth: number): number {
    return this.#times[nth % this.#times.length] ?? 0
  }

  #position(nth: number): number {
    return nth === this.#added ? this.#end : (this.#firsts[nth % this.#times.length] ?? 0)
  }
}
