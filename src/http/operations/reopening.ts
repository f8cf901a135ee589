import { VaultError } from '../../index.ts'

/** How far the opening of a vault after a failure has come. Counts are since the process began. */
export interface Reopening {
  readonly opened: number
  readonly failed: number
  /** Whether nothing more is tried, until somebody sees to it. */
  readonly hasGivenUp: boolean
}

/** A step of it, for whoever watches. */
export type ReopeningStep =
  | { readonly step: 'opened'; readonly attempt: number }
  | {
      readonly step: 'failed'
      readonly attempt: number
      readonly code: string
      /** Milliseconds until the next attempt. */
      readonly againIn: number
    }
  | { readonly step: 'given up'; readonly attempt: number; readonly code: string }

/** Before each attempt, in milliseconds: a disk that is full or away may be back by the last of them, ten minutes later. */
const delaysMs = [0, 1000, 5000, 15_000, 30_000, 60_000, 120_000, 360_000]

/** What no waiting mends: bytes that are wrong, and a vault that is gone or closed. */
const hopeless: readonly string[] = [
  'INTEGRITY',
  'UNSUPPORTED',
  'NOT_FOUND',
  'WRONG_KEY',
  'AUDITOR_ONLY',
  'CLOSED',
]

/**
 * Opens a vault again after a write that failed, by itself: at once, then after longer and longer waits, and not for ever.
 * A store that goes on failing is not mended by trying, and its folder should be left as it is.
 */
export class SupervisedReopening implements Reopening {
  readonly #reopen: () => Promise<void>
  readonly #told: (step: ReopeningStep) => void
  #attempt = 0
  #isTrying = false
  #timer: NodeJS.Timeout | undefined
  /** One opening of the vault; another begins anew. */
  #round = 0
  opened = 0
  failed = 0
  hasGivenUp = false

  constructor(reopen: () => Promise<void>, told: (step: ReopeningStep) => void = () => undefined) {
    this.#reopen = reopen
    this.#told = told
  }

  /** The vault has failed. Does nothing where that is being seen to, or was given up. */
  begin(): void {
    if (this.#isTrying || this.hasGivenUp) return
    this.#isTrying = true
    this.#attempt = 0
    this.#try(this.#round)
  }

  /** Nothing is to be opened any more; or what is opened from here on is another opening. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#round++
    this.#isTrying = false
    this.hasGivenUp = false
  }

  #try(round: number): void {
    const attempt = ++this.#attempt
    this.#reopen().then(
      () => {
        if (round === this.#round) this.#done(attempt)
      },
      (error: unknown) => {
        if (round === this.#round) this.#again(error, { attempt, round })
      },
    )
  }

  #done(attempt: number): void {
    this.opened++
    this.#isTrying = false
    this.#told({ step: 'opened', attempt })
  }

  #again(error: unknown, { attempt, round }: { attempt: number; round: number }): void {
    this.failed++
    const code = error instanceof VaultError ? error.code : 'FAILED'
    const againIn = delaysMs[attempt]
    if (againIn === undefined || hopeless.includes(code)) {
      this.#isTrying = false
      this.hasGivenUp = true
      this.#told({ step: 'given up', attempt, code })
      return
    }
    this.#told({ step: 'failed', attempt, code, againIn })
    this.#timer = setTimeout(() => this.#try(round), againIn).unref()
  }
}
