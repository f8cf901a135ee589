import type { Observable } from 'rxjs'
import { VaultError } from '../errors.ts'
import { type Commit, type LogSource, readCommits } from './reader.ts'

export interface Followed {
  /** The log as it is at this moment; another one after a reopen. */
  readonly source: () => LogSource & { readonly size: number }
  /** Emits the size after each commit and each reopen; completes when the vault closes. */
  readonly heads: Observable<number>
}

/**
 * Every commit from the one that holds `from`, then each as it lands; ends when the vault closes. The signal only
 * wakes it: what it yields always comes from the store, so there is no gap and no duplicate to get wrong.
 * Throws `ABORTED`, `INTEGRITY`, or what the store throws.
 */
export async function* follow(
  { source, heads }: Followed,
  { from, signal }: { from: number; signal?: AbortSignal },
): AsyncGenerator<Commit, void, void> {
  let next = from
  for (;;) {
    const log = source()
    if (next < log.size) {
      try {
        const range = { from: next, to: log.size, ...(signal && { signal }) }
        for await (const commit of readCommits(log, range)) {
          next = commit.end
          yield commit
        }
      } catch (error) {
        // The store was closed under the reader: by a reopen, which wakes it again, or for good.
        if (!(error instanceof VaultError) || error.code !== 'CLOSED') throw error
        if (source() === log && !(await grown(heads, -1, signal))) return
      }
    } else if (!(await grown(heads, next, signal))) return
  }
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
