import type { Observable } from 'rxjs'
import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import { expectOngoing } from '../ongoing.ts'
import type { Awaited } from './awaited.ts'
import { type Commit, type ReadCommit, readCommits } from './reader.ts'
import { bytesOf, heldBytesMax } from './recent-commits.ts'
import type { SizedLog, Tail } from './tail.ts'

export interface Followed {
  /** The log as it is at this moment; another one after a reopen. */
  readonly source: () => SizedLog
  /** Emits the size after each commit and each reopen; completes when the vault closes. */
  readonly heads: Observable<number>
  /** Of the same log. */
  readonly tail: Tail
}

export interface Following {
  readonly from: number
  /** Which events it is for, as far as that can be told: of commits without any it is given as few as may be. */
  readonly about?: Awaited
  /**
   * Awaited before it waits, once everything before the position was given or is not meant. Resolves with the milliseconds
   * after which it is to be asked again in any case, if there is such a time; what it throws ends the following.
   */
  readonly onRest?: (next: number) => Promise<number | undefined>
  readonly signal?: AbortSignal
}

/** Events that are read at a time: a reader who takes his time holds no more, and keeps nothing of the store open. */
const eventsAtOnce = 256

/**
 * Every commit from the one that holds `from`, then each as it lands; ends when the vault closes. The signal only
 * wakes it: what it yields always comes from the store, so there is no gap and no duplicate to get wrong.
 * Throws `ABORTED`, `INTEGRITY`, or what the store throws.
 */
export async function* follow(
  { source, heads, tail }: Followed,
  { from, about, onRest, signal }: Following,
): AsyncGenerator<Commit, void, void> {
  const breathe = breather()
  let next = from
  for (;;) {
    const log = source()
    if (next < log.size) {
      let commits: readonly Commit[] = tail.recent(next)
      if (commits.length === 0) {
        try {
          commits = await someFrom(log, next, signal)
        } catch (error) {
          // The store was closed under the reader: by a reopen, which wakes it again, or for good.
          if (!(error instanceof VaultError) || error.code !== 'CLOSED') throw error
          if (source() === log && !(await grown(heads, -1, signal))) return
        }
      }
      for (const commit of commits) {
        expectOngoing(signal)
        next = commit.end
        yield commit
      }
      await breathe()
    } else {
      const ms = await onRest?.(next)
      const woken = await tail.grown(next, {
        ...(about && { about }),
        ...(ms !== undefined && { ms }),
        ...(signal && { signal }),
      })
      if (woken === undefined) return
      next = woken
    }
  }
}

/** Some commits from the one that holds a position: what reads them is closed again before anybody is given one. */
async function someFrom(
  log: SizedLog,
  next: number,
  signal: AbortSignal | undefined,
): Promise<readonly ReadCommit[]> {
  const commits: ReadCommit[] = []
  let bytes = 0
  const to = Math.min(log.size, next + eventsAtOnce)
  for await (const commit of readCommits(log, { from: next, to, ...(signal && { signal }) })) {
    commits.push(commit)
    bytes += bytesOf(commit)
    if (bytes >= heldBytesMax) break
  }
  return commits
}

/** Resolves with true once the log holds position `next`, with false once there will be no more. */
export function grown(
  heads: Observable<number>,
  next: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      subscription.unsubscribe()
      reject(new VaultError('ABORTED', 'the caller aborted', { cause: signal?.reason }))
    }
    const done = (more: boolean) => {
      signal?.removeEventListener('abort', onAbort)
      queueMicrotask(() => subscription.unsubscribe())
      resolve(more)
    }
    const subscription = heads.subscribe({
      next: (size) => size > next && done(true),
      complete: () => done(false),
    })
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}
