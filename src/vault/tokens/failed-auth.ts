import { VaultError } from '../../errors.ts'
import type { AuthFailure, AuthMethod } from '../../events/words.ts'
import { sourceGroup } from './source-group.ts'

/** What was shown and does not hold. */
export interface Failure {
  readonly method: AuthMethod
  readonly cause: AuthFailure
  readonly source?: string | undefined
  readonly correlationId?: string | undefined
}

/** One event of it: a failure, or as many as could not be told apart. */
export interface FailureRecord extends Failure {
  /** Milliseconds since the epoch; of the first. */
  readonly triedAt: number
  readonly count: number
}

export interface FailedAuthParts {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds; never jumps. */
  readonly monotonic: () => number
  /** Puts one on record. */
  readonly record: (record: FailureRecord) => Promise<unknown>
  /** Resolves after so many milliseconds; rejects once the signal aborts. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<unknown>
  /** Calls back after so many milliseconds, which nothing stays alive for; gives back what cancels it. */
  readonly later: (ms: number, work: () => void) => () => void
}

const windowMs = 60_000
const hourMs = 60 * windowMs
const dayMs = 24 * hourMs
/** Failures that are told one by one: of one source in a minute, of all in a minute, and of all in a day. */
const toldOfSourceMax = 10
const toldMax = 60
const toldOfDayMax = 1000
/** Sources that are told apart at one time. */
const sourcesMax = 4096
/** How long the first refusal in a row is held back, the most that a later one is, and how many are at one time. */
const delayMs = 25
const delayMsMax = 2000
const delayedMax = 256

/**
 * What becomes of failures to be let in. Each is on record before it is answered, as long as there are few; of more than
 * that, a count a minute is, and once there were many in a day, a count an hour: a log that never shrinks must not be
 * filled by strangers, whatever number of addresses they have. And they are slowed down, each failure in a row twice as
 * long as the one before.
 */
export class FailedAuth {
  readonly #parts: FailedAuthParts
  /** By group; the one that failed last stands last. */
  readonly #sources = new Map<string, Source>()
  readonly #all = new Window({ most: toldMax })
  /** It counts nothing: what is beyond it is counted with all. */
  readonly #day = new Window({ most: toldOfDayMax, ms: dayMs })
  #delayed = 0
  #cancel: (() => void) | undefined
  #hasEnded = false

  constructor(parts: FailedAuthParts) {
    this.#parts = parts
  }

  /**
   * Resolves once the failure is on record or counted, and its answer is due. Throws `ABORTED`, and what recording
   * throws.
   */
  async take(failure: Failure, signal?: AbortSignal): Promise<void> {
    const { now, monotonic } = this.#parts
    const at = monotonic()
    const source = this.#sourceOf(failure, at)
    source.inRow++
    const due = [...source.window.roll(at), ...this.#rollAll(at)]
    const record = { ...failure, triedAt: now(), count: 1 }
    const counting = this.#counting(source)
    if (counting === undefined) {
      await Promise.all([this.#record(record, source.window), this.#recordAll(due)])
    } else {
      counting.count(record)
      this.#arm()
      await this.#recordAll(due)
    }
    await this.#holdBack(source.inRow, signal)
  }

  /** Somebody from there was let in: what failed before is no row any more. */
  succeeded(source: string | undefined): void {
    const known = this.#sources.get(groupOf(source))
    if (known !== undefined) known.inRow = 0
  }

  /** Puts on record what is counted; what cannot be recorded stays counted. Never rejects. */
  async flush(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const windows = [...this.#sources.values()].map(({ window }) => window)
    await this.#recordAll([...windows, this.#all].flatMap((window) => window.drain()))
  }

  /** What is counted from here on is lost: there is nothing more to record it in. */
  end(): void {
    this.#hasEnded = true
    this.#cancel?.()
  }

  /** Where a failure is counted, if it is not told by itself. */
  #counting({ window }: Source): Window | undefined {
    if (window.isFull) return window
    if (this.#all.isFull || this.#day.isFull) return this.#all
    for (const each of [window, this.#all, this.#day]) each.told++
    return undefined
  }

  /** What is counted with all is due each minute, and each hour of a day that has had its share. */
  #rollAll(at: number): readonly Due[] {
    this.#day.roll(at)
    return this.#all.roll(at, this.#day.isFull ? hourMs : windowMs)
  }

  #sourceOf({ source }: Failure, at: number): Source {
    const group = groupOf(source)
    const known = this.#sources.get(group)
    this.#sources.delete(group)
    if (this.#sources.size >= sourcesMax) this.#forgetOldest()
    const hasRested = known !== undefined && at - known.at >= windowMs
    const window =
      known?.window ??
      new Window({ most: toldOfSourceMax, ...(source !== undefined && { source: group }) })
    const next = { window, inRow: hasRested ? 0 : (known?.inRow ?? 0), at }
    this.#sources.set(group, next)
    return next
  }

  /** What was counted of it goes on to be counted, with no source. */
  #forgetOldest(): void {
    for (const [group, { window }] of this.#sources) {
      for (const { record } of window.drain()) this.#all.count(record)
      this.#sources.delete(group)
      return
    }
  }

  async #recordAll(due: readonly Due[]): Promise<void> {
    await Promise.all(
      due.map(({ record, window }) => this.#record(record, window).catch(() => undefined)),
    )
  }

  /** What could not be recorded is counted, and recorded with what comes: twice at the worst, and never not at all. */
  async #record(record: FailureRecord, window: Window): Promise<void> {
    try {
      await this.#parts.record(record)
    } catch (error) {
      window.count(record)
      this.#arm()
      throw error
    }
  }

  /** Sees to it that what is counted is recorded within a minute of when it is due, whether or not anybody fails again. */
  #arm(): void {
    if (this.#hasEnded) return
    this.#cancel ??= this.#parts.later(windowMs, () => {
      this.#cancel = undefined
      void this.#recordDue()
    })
  }

  async #recordDue(): Promise<void> {
    const at = this.#parts.monotonic()
    const windows = [...this.#sources.values()].map(({ window }) => window)
    await this.#recordAll([...windows.flatMap((window) => window.roll(at)), ...this.#rollAll(at)])
    if ([...windows, this.#all].some((window) => window.isCounting)) this.#arm()
  }

  async #holdBack(inRow: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#delayed >= delayedMax) return
    this.#delayed++
    try {
      await this.#parts.wait(Math.min(delayMs * 2 ** (inRow - 1), delayMsMax), signal)
    } catch (cause) {
      throw new VaultError('ABORTED', 'the caller aborted', { cause })
    } finally {
      this.#delayed--
    }
  }
}

interface Source {
  readonly window: Window
  inRow: number
  /** When it failed last. */
  readonly at: number
}

interface Due {
  readonly record: FailureRecord
  readonly window: Window
}

function groupOf(source: string | undefined): string {
  return source === undefined ? '' : sourceGroup(source)
}

interface WindowOptions {
  readonly source?: string
  /** How many are told one by one in it. */
  readonly most: number
  /** Milliseconds; a minute unless said. */
  readonly ms?: number
}

/** A time of failures of one source, or of all. */
class Window {
  readonly #source: string | undefined
  readonly #most: number
  readonly #ms: number
  readonly #counted = new Map<AuthMethod, FailureRecord>()
  #from = Number.NEGATIVE_INFINITY
  /** How many were told one by one. */
  told = 0

  constructor({ source, most, ms = windowMs }: WindowOptions) {
    this.#source = source
    this.#most = most
    this.#ms = ms
  }

  get isFull(): boolean {
    return this.told >= this.#most
  }

  get isCounting(): boolean {
    return this.#counted.size > 0
  }

  count({ method, cause, triedAt, count }: FailureRecord): void {
    const before = this.#counted.get(method)
    this.#counted.set(method, {
      method,
      cause,
      ...(this.#source !== undefined && { source: this.#source }),
      triedAt: before === undefined ? triedAt : Math.min(triedAt, before.triedAt),
      count: count + (before?.count ?? 0),
    })
  }

  /** Begins another one where this one is over, and gives back what was counted in it. */
  roll(at: number, ms = this.#ms): readonly Due[] {
    if (at - this.#from < ms) return []
    this.#from = at
    this.told = 0
    return this.drain()
  }

  drain(): readonly Due[] {
    const due = [...this.#counted.values()].map((record) => ({ record, window: this }))
    this.#counted.clear()
    return due
  }
}
