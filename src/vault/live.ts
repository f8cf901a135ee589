import type { OperatorFunction } from 'rxjs'
import { Observable } from 'rxjs/internal/Observable'
import { defer } from 'rxjs/internal/observable/defer'
import { map } from 'rxjs/internal/operators/map'
import { share } from 'rxjs/internal/operators/share'
import { ReplaySubject } from 'rxjs/internal/ReplaySubject'
import { VaultError } from '../errors.ts'
import { type Followed, follow, grown } from '../log/follow.ts'
import type { Commit } from '../log/reader.ts'
import {
  type Fold,
  type Projection,
  shieldedViewOf,
  startFold,
  type View,
  viewOf,
} from '../projections/projection.ts'

/** A projection's state at a position. The view is live: it moves on with the projection. */
export interface Projected<S> {
  /** How many events it has seen. */
  readonly position: number
  readonly view: View<S>
}

export interface LiveStatus {
  readonly state: 'behind' | 'current' | 'faulted' | 'closed'
  readonly position: number
  /** What the handler threw, where it faulted. */
  readonly fault?: unknown
}

/** A projection that follows the log. */
export interface LiveProjection<S> {
  readonly name: string
  readonly view: View<S>
  readonly position: number
  readonly status: LiveStatus
  /** The state now, then after each commit. It errors where a handler throws, and completes on close. */
  readonly view$: Observable<Projected<S>>
  /** Resolves once it has seen the event at `position`. Throws `ABORTED`, `CLOSED`, or what the handler threw. */
  waitFor(position: number, options?: { signal?: AbortSignal }): Promise<View<S>>
  /** Stops following. The vault's own projections go on. */
  close(): void
}

/**
 * Folds commits from position 0 on: `vault.events$.pipe(project(mine))` emits the state once a commit.
 *
 * @example
 * vault.events$.pipe(project(rotations)).subscribe(({ view }) => gauge.set(view.size))
 */
export function project<S>(projection: Projection<S>): OperatorFunction<Commit, Projected<S>> {
  return (commits) => defer(() => commits.pipe(applied(startFold(projection))))
}

function applied<S>(fold: Fold<S>): OperatorFunction<Commit, Projected<S>> {
  return map((commit) => {
    fold.apply(commit.events)
    return { position: fold.position, view: viewOf(fold) }
  })
}

/** Every commit from the one that holds `from`, then each as it lands. Each subscription reads for itself. */
export function eventsFrom(
  followed: Followed,
  from: number,
  stop?: AbortSignal,
): Observable<Commit> {
  return new Observable((subscriber) => {
    const unsubscribed = new AbortController()
    const onStop = () => subscriber.complete()
    stop?.addEventListener('abort', onStop, { once: true })
    const run = async () => {
      for await (const commit of follow(followed, { from, signal: unsubscribed.signal })) {
        if (subscriber.closed) return
        subscriber.next(commit)
      }
    }
    run().then(
      () => subscriber.complete(),
      (error: unknown) => {
        if (!unsubscribed.signal.aborted) subscriber.error(error)
      },
    )
    return () => {
      stop?.removeEventListener('abort', onStop)
      unsubscribed.abort()
    }
  })
}

/** A projection of the host's own, from its snapshot if there is one, off the path of the ack. */
export function liveProjection<S>(
  followed: Followed,
  fold: Fold<S>,
  onEnd: () => void,
): LiveProjection<S> {
  let fault: unknown
  let ended = false
  const stopped = new AbortController()
  // One pass over the log for all subscribers, and no second one after an end: the state would be folded twice.
  const view$ = eventsFrom(followed, fold.position, stopped.signal).pipe(
    applied(fold),
    share({
      connector: () => new ReplaySubject(1),
      resetOnError: false,
      resetOnComplete: false,
      resetOnRefCountZero: false,
    }),
  )
  const end = (cause?: unknown) => {
    fault = cause
    ended = true
    onEnd()
  }
  view$.subscribe({ error: end, complete: () => end() })
  const size = () => followed.source().size
  return {
    name: fold.projection.name,
    get view() {
      return viewOf(fold)
    },
    get position() {
      return fold.position
    },
    get status(): LiveStatus {
      const { position } = fold
      if (fault !== undefined) return { state: 'faulted', position, fault }
      if (ended) return { state: 'closed', position }
      return { state: position < size() ? 'behind' : 'current', position }
    },
    view$,
    waitFor: (position, options) =>
      reached(view$, {
        fold,
        position,
        signal: options?.signal,
        end: ended ? (fault ?? closed()) : undefined,
      }),
    close: () => stopped.abort(),
  }
}

/**
 * One of the vault's own projections: folded before each caller is answered, so never behind. What decides is made of the
 * same state, so that its view can be changed by nobody.
 */
export function builtInProjection<S>(followed: Followed, fold: () => Fold<S>): LiveProjection<S> {
  const now = (): Projected<S> => ({ position: fold().position, view: shieldedViewOf(fold()) })
  return {
    name: fold().projection.name,
    get view() {
      return shieldedViewOf(fold())
    },
    get position() {
      return fold().position
    },
    get status(): LiveStatus {
      return { state: 'current', position: fold().position }
    },
    view$: new Observable<Projected<S>>((subscriber) => {
      subscriber.next(now())
      return followed.heads.pipe(map(now)).subscribe(subscriber)
    }),
    waitFor: async (position, options) => {
      while (fold().position <= position) {
        if (!(await grown(followed.heads, position, options?.signal))) throw closed()
      }
      return shieldedViewOf(fold())
    },
    close: () => undefined,
  }
}

function reached<S>(
  view$: Observable<Projected<S>>,
  about: { fold: Fold<S>; position: number; signal: AbortSignal | undefined; end: unknown },
): Promise<View<S>> {
  const { fold, position, signal } = about
  if (fold.position > position) return Promise.resolve(viewOf(fold))
  if (about.end !== undefined) return Promise.reject(about.end)
  return new Promise((resolve, reject) => {
    const stop = () => {
      signal?.removeEventListener('abort', onAbort)
      queueMicrotask(() => subscription.unsubscribe())
    }
    const onAbort = () => {
      stop()
      reject(new VaultError('ABORTED', 'the caller aborted', { cause: signal?.reason }))
    }
    const subscription = view$.subscribe({
      next: (seen) => {
        if (seen.position <= position) return
        stop()
        resolve(seen.view)
      },
      error: (cause: unknown) => {
        stop()
        reject(cause)
      },
      complete: () => {
        stop()
        reject(closed())
      },
    })
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function closed(): VaultError {
  return new VaultError('CLOSED', 'the projection no longer follows the log')
}
