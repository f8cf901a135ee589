import { VaultError } from '../errors.ts'

/** Where time comes from. Both in milliseconds; `monotonic` never jumps and has no meaning of its own. */
export interface Clock {
  now(): number
  monotonic(): number
  /** Resolves after so many milliseconds, and rejects once the signal aborts; the event loop's timers unless said. */
  wait?(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Math.floor(performance.now()),
}

/** How far the wall clock may drift from the monotonic one between two events. */
const jumpMsMax = 60 * 60 * 1000
/** How far the newest event may lie in the future when a vault is opened. */
const aheadMsMax = 5 * 60 * 1000

export interface Moment {
  /** The time that events decided now bear: never below the head's. */
  readonly time: number
  /** How far the clock read below it. */
  readonly skewMs: number
}

/** Keeps the log's time from ever going back, and refuses a clock that jumped until an owner accepts it. */
export class Timekeeper {
  readonly #clock: Clock
  #newest: number
  /** Wall minus monotonic time, as last believed. */
  #offset: number

  constructor(clock: Clock, newest: number) {
    this.#clock = clock
    this.#newest = newest
    this.#offset = clock.now() - clock.monotonic()
  }

  get newest(): number {
    return this.#newest
  }

  /** What the wall clock reads, unjudged. */
  now(): number {
    return this.#clock.now()
  }

  /** The time that what expires is judged by outside the writer: as there, a clock that was set back brings nothing back. */
  judged(): number {
    return Math.max(this.#clock.now(), this.#newest)
  }

  /** Throws `CLOCK` where the newest event lies too far in the future to be believed. */
  expectBelievable(): void {
    const now = this.#clock.now()
    if (this.#newest - now <= aheadMsMax) return
    throw new VaultError(
      'CLOCK',
      `the newest event bears ${iso(this.#newest)} and the clock reads ${iso(now)}; set the clock right, ` +
        'or accept it with acceptClock',
      { expected: this.#newest, found: now },
    )
  }

  /** Throws `CLOCK` after a jump of more than an hour. */
  read(): Moment {
    const now = this.#clock.now()
    const jump = now - this.#clock.monotonic() - this.#offset
    if (Math.abs(jump) > jumpMsMax) {
      throw new VaultError(
        'CLOCK',
        `the clock jumped by ${Math.round(jump / 1000)} s to ${iso(now)}; set it right, or accept it with acceptClock`,
        { expected: now - jump, found: now },
      )
    }
    // A drift below the bound is a clock being disciplined; it is believed, so that drifts do not add up.
    this.#offset += jump
    return { time: Math.max(now, this.#newest), skewMs: Math.max(0, this.#newest - now) }
  }

  /** The moment of a `clock.corrected`: what the clock reads, even below the head. */
  accept(): Moment {
    const now = this.#clock.now()
    this.#offset = now - this.#clock.monotonic()
    return { time: now, skewMs: 0 }
  }

  /** Events of this time are on disk. */
  advance(time: number): void {
    this.#newest = time
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
