import { sourceGroup } from '../../index.ts'
import { WireError } from '../wire-error.ts'

/** How often callers of one address may fail to be let in. */
export interface FailureLimitOptions {
  /** How many failures in a row are answered as such; 100 unless said. */
  readonly burst?: number
  /** How many more each second allows; 1 unless said. */
  readonly perSecond?: number
}

const burstDefault = 100
const perSecondDefault = 1
/** Addresses that are told apart at one time. */
const sourcesMax = 4096

interface Bucket {
  /** Failures that are still allowed, as of `at`. */
  readonly left: number
  /** Milliseconds of the monotonic clock. */
  readonly at: number
}

/**
 * A bucket of failures for each address that callers come from: whoever has emptied it is told when to come again. Only
 * what fails takes of it, so a token that holds never waits, whoever else comes from its address. Memory is bounded: of
 * too many addresses, the one that failed the longest ago is forgotten.
 */
export class FailureLimit {
  readonly #burst: number
  readonly #perMs: number
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(
    { burst = burstDefault, perSecond = perSecondDefault }: FailureLimitOptions = {},
    now: () => number = () => performance.now(),
  ) {
    this.#burst = burst
    this.#perMs = perSecond / 1000
    this.#now = now
  }

  /** Whole seconds until another failure is allowed; 0 where one is. */
  wait(source: string): number {
    const { left } = this.#bucket(sourceGroup(source))
    return left >= 1 ? 0 : Math.max(1, Math.ceil((1 - left) / this.#perMs / 1000))
  }

  /** Somebody from there was not let in. Gives what `wait` gave before. */
  failed(source: string): number {
    const seconds = this.wait(source)
    const group = sourceGroup(source)
    const { left, at } = this.#bucket(group)
    this.#buckets.delete(group)
    if (this.#buckets.size >= sourcesMax) this.#forgetOldest()
    this.#buckets.set(group, { left: Math.max(0, left - 1), at })
    return seconds
  }

  get size(): number {
    return this.#buckets.size
  }

  #bucket(group: string): Bucket {
    const at = this.#now()
    const known = this.#buckets.get(group)
    if (known === undefined) return { left: this.#burst, at }
    const refilled = known.left + (at - known.at) * this.#perMs
    return { left: Math.min(this.#burst, refilled), at }
  }

  #forgetOldest(): void {
    for (const group of this.#buckets.keys()) {
      this.#buckets.delete(group)
      return
    }
  }
}

/** Too many from one address were not let in. */
export class TooManyFailures extends WireError {
  /** When to come again. */
  readonly seconds: number

  constructor(seconds: number) {
    super(429, ['too many attempts from this address failed: come again later'])
    this.seconds = seconds
  }
}
