import type { Keeper } from './derived/keeper.ts'
import { RowSnapshot } from './derived/row-snapshot.ts'
import { keySpace, rowKinds, type SealedRows } from './derived/sealed-rows.ts'
import { stateSnapshot } from './derived/state-snapshot.ts'
import { TrackedMap } from './derived/tracked-map.ts'
import type { Stored } from './manifest.ts'
import { type Fold, type Projection, startFold } from './projection.ts'

/** A fold, and what keeps its state; none where a projection has no way to be kept. */
export interface KeptFold<S> {
  readonly fold: Fold<S>
  readonly keeper: Keeper | undefined
}

/** A state that knows how to keep itself. */
export const keeperOf = Symbol('keeper')

/** What a state that keeps itself is told of each commit, before its events: where it begins. */
export const commitOf = Symbol('commit')

interface SelfKept {
  readonly [commitOf]?: (first: number) => void
  readonly [keeperOf]: (rows: SealedRows, space: Uint8Array) => Keeper
}

/** Starts a projection from its snapshot, or from nothing where there is none, or any doubt about it. */
export async function startKept<S>(
  projection: Projection<S>,
  rows: SealedRows,
  stored: Stored | undefined,
): Promise<KeptFold<S>> {
  const kept = keep(projection, rows)
  if (kept.keeper === undefined) return { fold: kept.fold(0), keeper: undefined }
  const usable = stored !== undefined && stored.version === projection.version
  if (usable && (await loaded(kept.keeper, stored.meta))) {
    return { fold: kept.fold(stored.position), keeper: kept.keeper }
  }
  kept.keeper.reset()
  if (stored !== undefined) await rows.clear(kept.space)
  return { fold: kept.fold(0), keeper: kept.keeper }
}

async function loaded(keeper: Keeper, meta: Uint8Array): Promise<boolean> {
  try {
    return await keeper.load(meta)
  } catch {
    return false
  }
}

interface Kept<S> {
  /** Where its rows are. */
  readonly space: Uint8Array
  readonly keeper: Keeper | undefined
  /** Starts the fold on the state that the keeper holds by then. */
  readonly fold: (position: number) => Fold<S>
}

function keep<S>(projection: Projection<S>, rows: SealedRows): Kept<S> {
  let state = projection.initial()
  const space = keySpace(rowKinds.snapshot, projection.name)
  const { encode, decode } = projection
  if (isSelfKept(state)) {
    const own = keySpace(rowKinds.index, projection.name)
    return {
      space: own,
      keeper: state[keeperOf](rows, own),
      fold: (position) => toldOfCommits(startFold(projection, { state, position })),
    }
  }
  if (state instanceof Map) {
    const map = new TrackedMap(state)
    const keeper = new RowSnapshot({ rows, space, map })
    const fold = (position: number) => {
      // A reset has emptied the map of what it began with.
      if (position === 0)
        for (const [key, row] of projection.initial() as Map<string, unknown>) map.set(key, row)
      return startFold(projection, { state: map as unknown as S, position })
    }
    return { space, keeper, fold }
  }
  if (encode === undefined || decode === undefined) {
    return {
      space,
      keeper: undefined,
      fold: (position) => startFold(projection, { state, position }),
    }
  }
  let fold: Fold<S> | undefined
  const keeper = stateSnapshot({
    rows,
    space,
    encode: () => encode(fold?.state ?? state),
    decode: (encoded) => {
      state = decode(encoded)
    },
    reset: () => {
      state = projection.initial()
    },
  })
  return {
    space,
    keeper,
    fold: (position) => {
      fold = startFold(projection, { state, position })
      return fold
    },
  }
}

/** Events are folded as they were committed: those that are given together are a commit. */
function toldOfCommits<S>(fold: Fold<S>): Fold<S> {
  const { projection, state } = fold
  const tell = isSelfKept(state) ? state[commitOf] : undefined
  if (tell === undefined) return fold
  return {
    projection,
    state,
    get position() {
      return fold.position
    },
    apply: (events) => {
      const [first] = events
      if (first !== undefined) tell(first.position)
      fold.apply(events)
    },
  }
}

function isSelfKept(state: unknown): state is SelfKept {
  return typeof state === 'object' && state !== null && keeperOf in state
}
