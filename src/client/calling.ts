import { VaultError } from '../errors.ts'

/** As long as a timer takes. */
const timeoutMsMax = 2 ** 31 - 1

/** Nothing came within its time. */
export class Late extends Error {
  override readonly name = 'Late'
}

/** Whoever called gave up: the cause is what he gave up with, whatever that is. */
export class Aborted extends Error {
  override readonly name = 'Aborted'
}

/** Milliseconds, as the vault itself takes them. Throws `INVALID`. */
export function expectTimeout(ms: number): number {
  if (Number.isSafeInteger(ms) && ms > 0 && ms <= timeoutMsMax) return ms
  throw new VaultError(
    'INVALID',
    `timeout must be an integer from 1 to ${timeoutMsMax} milliseconds`,
  )
}

/** How long a call may take. */
export interface Patience {
  /** Milliseconds until it is given up; of an answer that comes in pieces, until that has begun. */
  readonly wholeMs: number
  /** Milliseconds after which nothing is sent again. */
  readonly againMs: number
}

/**
 * A call under way, from its first try to the last byte of its answer: the one place where it ends before it is done,
 * since its caller gave up or its time is up, and where it stands whether it may have changed something.
 *
 * Signals are listened to and not joined: what `AbortSignal.any` joins keeps a trace on a signal that outlives the call.
 */
export class Calling {
  /** Whether something was sent of which nobody knows what came. */
  isUncertain = false
  readonly #began = performance.now()
  readonly #againMs: number
  readonly #stop = new AbortController()
  readonly #signals: readonly AbortSignal[]
  readonly #onAbort = () =>
    this.#giveUp(new Aborted('its caller aborted', { cause: this.#reason() }))
  #timer: ReturnType<typeof setTimeout> | undefined
  #silenceMs: number | undefined
  #ended: Late | Aborted | undefined
  /** Whoever waits. A call does one thing at a time. */
  #reject: ((ended: Late | Aborted) => void) | undefined

  constructor({ wholeMs, againMs }: Patience, signals: readonly (AbortSignal | undefined)[]) {
    this.#againMs = againMs
    this.#signals = signals.filter((signal) => signal !== undefined)
    for (const signal of this.#signals) signal.addEventListener('abort', this.#onAbort)
    if (this.#signals.some(({ aborted }) => aborted)) this.#onAbort()
    else this.#allow(wholeMs)
  }

  /** Aborts when the call ends before it is done. It is its own, and so keeps nothing longer than that. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** What ended it before it was done. */
  get ended(): Late | Aborted | undefined {
    return this.#ended
  }

  /** Milliseconds of its caller's that are left, at least one. */
  leftOf(ms: number): number {
    return Math.max(1, Math.ceil(ms - this.#tookMs()))
  }

  /** Whether something may be sent again after so many milliseconds. */
  lets(delayMs: number): boolean {
    return this.#tookMs() + delayMs < this.#againMs
  }

  /** Throws what ended it. */
  expectOpen(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  /** What comes of a work. Throws what ends the call meanwhile, whether or not the work heeds its signal. */
  async within<T>(work: Promise<T>): Promise<T> {
    if (this.#silenceMs !== undefined) this.#allow(this.#silenceMs)
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#reject = reject
        work.then(resolve, reject)
        if (this.#ended !== undefined) reject(this.#ended)
      })
    } finally {
      this.#reject = undefined
      if (this.#silenceMs !== undefined) clearTimeout(this.#timer)
    }
  }

  /** Resolves after so many milliseconds. Throws what ends the call meanwhile. */
  async pause(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const waited = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    })
    try {
      await this.within(waited)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * The answer has begun, and goes on for as long as it takes: from here on it is given up only after so many milliseconds
   * in which somebody waits for a piece of it and none comes.
   */
  begun(silenceMs: number): void {
    clearTimeout(this.#timer)
    this.#silenceMs = silenceMs
  }

  /** It is done, or given up: nothing of it is left. */
  end(): void {
    clearTimeout(this.#timer)
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#onAbort)
  }

  #allow(ms: number): void {
    this.#timer = setTimeout(
      () => this.#giveUp(new Late('nothing came in time')),
      Math.min(ms, timeoutMsMax),
    )
  }

  #giveUp(ended: Late | Aborted): void {
    if (this.#ended !== undefined) return
    clearTimeout(this.#timer)
    this.#ended = ended
    this.#stop.abort(ended)
    this.#reject?.(ended)
  }

  #reason(): unknown {
    return this.#signals.find(({ aborted }) => aborted)?.reason
  }

  #tookMs(): number {
    return performance.now() - this.#began
  }
}
