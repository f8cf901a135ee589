import { VaultError } from '../errors.ts'
import type { EventContext, Fact, GivenRequest, VaultEvent } from '../events/catalogue.ts'
import type { KeyRowEntry } from '../keys/key-row.ts'
import type { KeyRowId } from '../store/port.ts'
import type { KeyRef } from './key-rows.ts'

/** What a command decided: the facts to append, the keys that come and go with them, and the caller's refusal. */
export interface Decision {
  readonly facts: readonly Fact[]
  /** Recorded with each of the facts, over what the command says. */
  readonly context?: EventContext
  readonly addKeys?: readonly KeyRowEntry[]
  readonly removeKeys?: readonly KeyRef[]
  /** Key rows to seal under the newest wrapping key, as they are by then. */
  readonly rewrap?: readonly KeyRowId[]
  /** The id of the first fact's event, where the caller gave one, and what that event says of it. */
  readonly given?: { readonly id: string; readonly said: GivenRequest }
  /** Thrown to the caller, but not before the facts (its `secret.denied`) are on disk. */
  readonly refused?: VaultError
}

/** One operation on its way into the log. */
export interface Command {
  readonly actor: string
  readonly context: EventContext
  /** What a changing command changes; at most one an aggregate in a commit. Absent: it changes nothing. */
  readonly aggregate?: string
  /** The id that its caller gave it: at most one command of an id in a commit. */
  readonly id?: string
  /** It commits by itself: lifecycle, keys, policy. */
  readonly alone?: boolean
  /** It is the owner's word that the clock is right. */
  readonly acceptsClock?: boolean
  /** Fetches what `decide` needs from disk. Runs in the writer, when no other change can come between. */
  prepare?(): Promise<void> | undefined
  /**
   * Pure: the state that the caller closed over, what was prepared, the time, and the position that its first
   * fact will have. A throw appends nothing.
   */
  decide(at: { readonly now: number; readonly position: number }): Decision
  /** Work whose result is handed out only once the commit is durable; runs while the disk syncs. */
  during?(): Promise<void> | undefined
  /**
   * What no later commit may come before: runs in the writer once the facts are durable and folded. Only of a command
   * that commits alone. A throw fails the log.
   */
  afterwards?(): Promise<void>
}

export interface CallLimits {
  /** Milliseconds. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/** A caller waiting for its command. */
export class Waiting {
  readonly command: Command
  readonly #resolve: (events: readonly VaultEvent[]) => void
  readonly #reject: (error: unknown) => void
  #settled = false
  /** Ids of its events once they were handed to the store. */
  #ids: readonly string[] | undefined
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => void) | undefined

  constructor(
    command: Command,
    limits: CallLimits,
    answer: { resolve: (events: readonly VaultEvent[]) => void; reject: (error: unknown) => void },
  ) {
    this.command = command
    this.#resolve = answer.resolve
    this.#reject = answer.reject
    this.#limit(limits)
  }

  get settled(): boolean {
    return this.#settled
  }

  /** From here on a caller that gives up cannot know whether its events landed. */
  handedOver(ids: readonly string[]): void {
    this.#ids = ids
  }

  /** Its events were not written after all: it goes back to the queue. */
  takenBack(): void {
    this.#ids = undefined
  }

  get ids(): readonly string[] {
    return this.#ids ?? []
  }

  resolve(events: readonly VaultEvent[]): void {
    if (this.#settle()) this.#resolve(events)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #limit({ timeout, signal }: CallLimits): void {
    if (timeout !== undefined) {
      this.#timer = setTimeout(
        () => this.#giveUp('TIMEOUT', `no answer within ${timeout} ms`),
        timeout,
      )
    }
    if (signal === undefined) return
    const onAbort = () => this.#giveUp('ABORTED', 'the caller aborted', signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', onAbort)
  }

  #giveUp(code: 'TIMEOUT' | 'ABORTED', why: string, cause?: unknown): void {
    // A command that changes nothing disclosed nothing either: its caller has no value, and may ask again.
    const uncertain = this.#ids !== undefined && this.command.aggregate !== undefined
    this.reject(
      uncertain
        ? new VaultError(
            'UNCERTAIN',
            `${why}; the change was handed to the store and may still land: ask outcome(id)`,
            { cause, eventIds: this.ids, retry: 'never' },
          )
        : new VaultError(code, `${why}; nothing was ${this.#ids ? 'disclosed' : 'appended'}`, {
            cause,
          }),
    )
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    clearTimeout(this.#timer)
    this.#unlisten?.()
    return true
  }
}

/** Commands that batches are made from; callers beyond them wait outside for their turn. */
const queueMax = 4096
/** How far past what fits a batch is looked for commands that may overtake a blocked one. */
const lookAheadMax = 512

/**
 * Callers in the order they came. A batch holds commands that change nothing first, then at most one changing
 * command an aggregate, and one of an id; a command that must stand alone waits for its own batch, and nothing overtakes it. What a
 * batch costs is bounded whatever the number of callers; none of them is dropped.
 */
export class Queue {
  #entries: Waiting[] = []
  /** Callers who found the queue full, and how many of them have come in since. */
  #outside: Waiting[] = []
  #cameIn = 0

  get length(): number {
    return this.#entries.length + this.#outside.length - this.#cameIn
  }

  push(entry: Waiting): void {
    const full = this.#entries.length >= queueMax || this.#outside.length > 0
    if (full) this.#outside.push(entry)
    else this.#entries.push(entry)
  }

  /** Entries that were taken and did not fit go back to the front. */
  unshift(entries: readonly Waiting[]): void {
    if (entries.length > 0) this.#entries.unshift(...entries)
  }

  take(most: number): Waiting[] {
    const reads: Waiting[] = []
    const changes: Waiting[] = []
    const left: Waiting[] = []
    const aggregates = new Set<string>()
    const ids = new Set<string>()
    let at = 0
    for (
      ;
      at < this.#entries.length && at < lookAheadMax && reads.length + changes.length < most;
      at++
    ) {
      const entry = this.#entries[at]
      if (entry === undefined || entry.settled) continue
      const { alone, aggregate, id } = entry.command
      if (alone === true) {
        if (reads.length + changes.length + left.length === 0) {
          reads.push(entry)
          at++
        }
        break
      }
      if (aggregate === undefined) reads.push(entry)
      else {
        const isBlocked = aggregates.has(aggregate) || (id !== undefined && ids.has(id))
        // Nothing that came later overtakes one that is left.
        aggregates.add(aggregate)
        if (id !== undefined) ids.add(id)
        const taken = isBlocked ? left : changes
        taken.push(entry)
      }
    }
    this.#entries.splice(0, at, ...left)
    this.#letIn()
    return [...reads, ...changes]
  }

  /** Empties the queue: what a log that failed or closed tells those who still wait. */
  drain(): Waiting[] {
    const outside = this.#outside.splice(0).slice(this.#cameIn)
    this.#cameIn = 0
    return [...this.#entries.splice(0), ...outside]
  }

  #letIn(): void {
    const end = Math.min(this.#outside.length, this.#cameIn + queueMax - this.#entries.length)
    if (end <= this.#cameIn) return
    this.#entries.push(...this.#outside.slice(this.#cameIn, end))
    this.#cameIn = end
    // Those who came in are let go of, in pieces that make the copying cheap.
    if (end < this.#outside.length && end < queueMax) return
    this.#outside = this.#outside.slice(end)
    this.#cameIn = 0
  }
}
