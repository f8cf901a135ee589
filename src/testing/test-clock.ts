import type { Clock } from '../log/clock.ts'

/** A clock that stands still until it is told to move. */
export interface TestClock extends Clock {
  /** Lets time pass: the wall clock and the monotonic one together. */
  advance(ms: number): void
  /** Sets the wall clock alone, as a bad time server would. */
  jump(ms: number): void
}

/** @param startMs milliseconds since the epoch; the start of 2026 unless said */
export function testClock(startMs: number = Date.UTC(2026, 0, 1)): TestClock {
  let wall = startMs
  let monotonic = 0
  return {
    now: () => wall,
    monotonic: () => monotonic,
    // Where time stands still there is nothing to wait for.
    wait: async (_, signal) => signal?.throwIfAborted(),
    advance: (ms) => {
      wall += ms
      monotonic += ms
    },
    jump: (ms) => {
      wall += ms
    },
  }
}
