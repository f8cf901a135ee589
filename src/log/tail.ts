import type { Observable, Subscription } from 'rxjs'
import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import { expectOngoing } from '../ongoing.ts'
import { type Awaited, type Waiter, Waiters } from './awaited.ts'
import { type LogSource, type ReadCommit, readCommits } from './reader.ts'
import { RecentCommits } from './recent-commits.ts'

/** The log as it is at a moment. */
export type SizedLog = LogSource & { readonly size: number }

export interface Waiting {
  /** What it takes to be woken; any event unless said. */
  readonly about?: Awaited
  /** Milliseconds after which it is woken in any case. */
  readonly ms?: number
  readonly signal?: AbortSignal
}

/** By then whoever waits for what does not come is told how far the log was looked through for it. */
const passedEventsMax = 8192
/** Node clamps longer timers to 1 ms. */
const timerMsMax = 2 ** 31 - 1

/**
 * The end of a log for all who follow it: each commit is read from the store, opened and decoded once, and wakes only
 * those whom it concerns. A thousand who wait for what does not come cost an append next to nothing.
 *
 * It is asleep where nobody waits. Whoever was woken reads for himself; the newest commits are still at hand.
 */
export class Tail {
  readonly #source: () => SizedLog
  readonly #heads: Observable<number>
  readonly #waiters = new Waiters()
  readonly #recent = new RecentCommits()
  /** Every event before this position was looked at for those who wait. */
  #seen = 0
  #reading = false
  #listening: Subscription | undefined

  /** @param heads emits the size after each commit and each reopen; completes when the vault closes */
  constructor(source: () => SizedLog, heads: Observable<number>) {
    this.#source = source
    this.#heads = heads
  }

  /** Commits from the one that holds a position, as far as they are at hand: some of the newest, or none. */
  recent(position: number): readonly ReadCommit[] {
    return this.#recent.from(position)
  }

  /**
   * Resolves once an event at `next` or behind it is one that is awaited; with the position to go on from, before which
   * there is none. Now and then it does so without one. Resolves with undefined once there will be no more. Throws `ABORTED`.
   */
  async grown(next: number, { about = {}, ms, signal }: Waiting = {}): Promise<number | undefined> {
    expectOngoing(signal)
    const { size } = this.#source()
    if (this.#waiters.size === 0 && !this.#reading) this.#seen = Math.min(next, size)
    // What went by while he did not wait he has to read himself.
    if (next < Math.min(this.#seen, size)) return next
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        this.#waiters.remove(waiter)
        if (this.#waiters.size === 0) this.#sleep()
      }
      const onAbort = () => {
        leave()
        reject(new VaultError('ABORTED', 'the caller aborted', { cause: signal?.reason }))
      }
      const waiter: Waiter = {
        next,
        about,
        wake: (position) => {
          leave()
          resolve(position)
        },
      }
      const timer =
        ms === undefined || ms === Infinity
          ? undefined
          : setTimeout(() => waiter.wake(next), Math.min(ms, timerMsMax))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
      this.#listen()
      void this.#read()
    })
  }

  #listen(): void {
    if (this.#listening !== undefined) return
    let log = this.#source()
    const listening = this.#heads.subscribe({
      next: () => {
        const now = this.#source()
        // What reopened the vault may have changed what nobody appended: time, for one.
        if (now !== log) this.#wakeAll()
        log = now
        void this.#read()
      },
      complete: () => {
        for (const waiter of this.#waiters.all()) waiter.wake(undefined)
      },
    })
    // Of a log that has ended it is told at once, and nobody waits any more.
    if (this.#waiters.size > 0) this.#listening = listening
  }

  #sleep(): void {
    const listening = this.#listening
    this.#listening = undefined
    // It may be the emission at hand that woke the last of them.
    queueMicrotask(() => listening?.unsubscribe())
  }

  /** Reads on, for as long as there is more and somebody waits for it. */
  async #read(): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    try {
      for (;;) {
        const log = this.#source()
        if (this.#waiters.size === 0 || this.#seen >= log.size) return
        for await (const commit of readCommits(log, { from: this.#seen, to: log.size })) {
          this.#recent.add(commit)
          this.#seen = commit.end
          await this.#tell(commit)
          if (this.#waiters.size === 0) break
        }
      }
    } catch {
      // Closed under it, or damaged: each of them reads for himself, and so learns what it is.
      this.#wakeAll()
    } finally {
      this.#reading = false
    }
  }

  /** Wakes those whom a commit concerns: there may be many, and each of them has work to do. */
  async #tell(commit: ReadCommit): Promise<void> {
    const { first, end } = commit
    const breathe = breather()
    for (const waiter of this.#waiters.concernedBy(commit)) {
      if (this.#waiters.has(waiter)) waiter.wake(Math.max(waiter.next, first))
      await breathe()
    }
    if (Math.floor(first / passedEventsMax) === Math.floor(end / passedEventsMax)) return
    for (const waiter of this.#waiters.all()) {
      if (waiter.next < end && this.#waiters.has(waiter)) waiter.wake(end)
      await breathe()
    }
  }

  #wakeAll(): void {
    for (const waiter of this.#waiters.all()) waiter.wake(waiter.next)
  }
}
