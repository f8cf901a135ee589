import type { AnchorState } from './anchoring.ts'
import type { Session } from './session.ts'

/** What an operator looks at first. Nothing here is secret. */
export interface Health {
  /** `failed`: a write failed, and nothing is accepted until `reopen()`. */
  readonly status: 'ok' | 'failed' | 'closed'
  readonly location: string
  /** How many events the log holds. */
  readonly size: number
  readonly secrets: number
  /** Callers that wait for their turn. */
  readonly waiting: number
  /** Up to where the projections are kept: what comes after is replayed after a crash. */
  readonly keptTo: number
  /** Why the newest attempt to keep them failed; the log itself goes on. */
  readonly keepFailure?: string
  /** Why the head beside the log could not be written; a cut log would not be noticed. */
  readonly headFailure?: string
  /** Why the clock cannot be right: nothing is accepted until it is, or an owner accepts it. */
  readonly clockFailure?: string
  /** Projections of the host's own. */
  readonly projections: readonly {
    readonly name: string
    readonly state: string
    readonly position: number
  }[]
  /** Calls that appended nothing: bad arguments, lost compare-and-sets. */
  readonly rejected: { readonly invalid: number; readonly conflict: number }
  readonly failedUnlocks: number
  /** Size of the log that the newest checkpoint covers: what comes after is not signed yet. */
  readonly signedTo: number
  /** Why the newest checkpoint could not be signed; the log itself goes on. */
  readonly checkpointFailure?: string
  /** Where checkpoints go besides. */
  readonly anchors: readonly AnchorState[]
  /** Bytes that can still be written, where the store can tell. */
  readonly freeBytes?: number
}

export async function healthOf(
  session: Session,
  counted: Pick<Health, 'projections' | 'rejected'>,
): Promise<Health> {
  const { current: engine, closed } = session
  const { state, snapshots, head, log, store, time, checkpoints, anchoring } = engine
  const freeBytes = closed ? undefined : await store.free?.().catch(() => undefined)
  return {
    status: closed ? 'closed' : log.state === 'open' ? 'ok' : 'failed',
    location: store.location,
    size: engine.size,
    secrets: state.secrets.fold.state.size,
    waiting: log.waiting,
    keptTo: snapshots.manifest?.position ?? 0,
    ...reason('keepFailure', snapshots.failure),
    ...reason('headFailure', head.failure),
    ...reason('clockFailure', closed ? undefined : refusalOf(() => time.read())),
    ...counted,
    failedUnlocks: state.lifecycle.fold.state.failedUnlocks,
    signedTo: checkpoints.newest?.size ?? 0,
    ...reason('checkpointFailure', checkpoints.failure),
    // It answers in any state, of the store too.
    anchors: await anchoring.states().catch(() => []),
    ...(freeBytes !== undefined && { freeBytes }),
  }
}

function refusalOf(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (refused) {
    return refused
  }
}

function reason<N extends string>(name: N, failure: unknown): { readonly [K in N]?: string } {
  if (failure === undefined) return {}
  const text = failure instanceof Error ? failure.message : 'unknown'
  return { [name]: text } as { readonly [K in N]: string }
}
