import { VaultError } from '../errors.ts'
import { readCommits } from '../log/reader.ts'
import { sizeAt } from '../log/seek.ts'
import { type Projection, startFold, type View, viewOf } from '../projections/projection.ts'
import { checkPosition } from './audit.ts'
import type { Engine } from './engine.ts'
import { date } from './meta-options.ts'

/** A moment of the log: with the event at a position, or with the last event at or before a time. */
export type Moment = { readonly position: number } | { readonly time: Date | string }

export interface ReplayOptions {
  /** Now unless said. */
  readonly at?: Moment
  /** Told every few thousand events. */
  readonly onProgress?: (progress: { readonly position: number; readonly size: number }) => void
  readonly signal?: AbortSignal
}

export interface Replayed<S> {
  readonly view: View<S>
  /** How many events it has seen. */
  readonly position: number
}

const progressEvery = 4096

/** A projection's state at a moment, folded from the first event on. */
export async function replayProjection<S>(
  engine: Engine,
  projection: Projection<S>,
  { at, onProgress, signal }: ReplayOptions,
): Promise<Replayed<S>> {
  const size = await sizeOf(engine, at)
  const fold = startFold(projection)
  let told = 0
  const range = { from: 0, to: size, ...(signal && { signal }) }
  for await (const commit of readCommits(engine, range)) {
    fold.apply(commit.end <= size ? commit.events : commit.events.slice(0, size - commit.first))
    if (fold.position - told >= progressEvery || fold.position === size) {
      told = fold.position
      onProgress?.({ position: fold.position, size })
    }
  }
  return { view: viewOf(fold), position: fold.position }
}

async function sizeOf(engine: Engine, at: Moment | undefined): Promise<number> {
  const { size } = engine
  if (at === undefined) return size
  if ('position' in at) {
    checkPosition('at.position', at.position)
    if (at.position < size) return at.position + 1
    throw new VaultError(
      'INVALID',
      `at.position is ${at.position}, and the log ends at ${size - 1}`,
      {
        expected: size - 1,
        found: at.position,
      },
    )
  }
  const { corrections } = engine.state.lifecycle.fold.state
  return sizeAt({ source: engine, size, corrections }, date('at.time', at.time))
}
