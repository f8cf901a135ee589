import { VaultError } from '../errors.ts'
import { type LogSource, readCommits } from '../log/reader.ts'
import { sizeAt } from '../log/seek.ts'
import {
  type Fold,
  fixedProjection,
  type Projection,
  startFold,
  type View,
  viewOf,
} from '../projections/projection.ts'
import { checkPosition } from './audit.ts'
import type { CallContext, CallOptions } from './call.ts'
import type { FoldedLog } from './folded-log.ts'
import type { Inspector } from './inspect.ts'
import { date } from './meta-options.ts'
import { lookAtAll } from './whole-trail.ts'

/** A moment of the log: with the event at a position, or with the last event at or before a time. */
export type Moment = { readonly position: number } | { readonly time: Date | string }

/** How far a pass over the log has come. */
export interface PassOptions {
  /** Told every few thousand events. */
  readonly onProgress?: (progress: { readonly position: number; readonly size: number }) => void
  readonly signal?: AbortSignal
}

/** A look at a moment: why it is looked at, beside how far it has come. */
export interface AsOfOptions extends PassOptions, CallContext {}

export interface ReplayOptions extends PassOptions, CallOptions {
  /** Now unless said. */
  readonly at?: Moment
}

export interface Replayed<S> {
  readonly view: View<S>
  /** How many events it has seen. */
  readonly position: number
}

const progressEvery = 4096

/** A projection's state at a moment, folded from the first event on; recorded where the vault records inspections. */
export async function replayProjection<S>(
  inspector: Inspector,
  projection: Projection<S>,
  { at, ...options }: ReplayOptions,
): Promise<Replayed<S>> {
  const { log } = inspector
  const fixed = fixedProjection(projection)
  const { name } = fixed
  const size = at === undefined ? log.size : await sizeOf(log, at, 'at')
  const filter = { projection: name, ...(size > 0 && { position: size - 1 }) }
  await lookAtAll(inspector, filter)
  const fold = startFold(fixed)
  await foldTo(log, [fold], { size, ...options })
  return { view: viewOf(fold), position: fold.position }
}

/** Folds the first `size` events of the log, in one pass for all folds. Throws `ABORTED`, `INTEGRITY`, `FoldError`. */
export async function foldTo(
  log: LogSource,
  folds: readonly Pick<Fold<unknown>, 'apply'>[],
  { size, onProgress, signal }: PassOptions & { readonly size: number },
): Promise<void> {
  const tell = teller(size, onProgress)
  for await (const commit of readCommits(log, {
    from: 0,
    to: size,
    ...(signal && { signal }),
  })) {
    const end = Math.min(commit.end, size)
    const events = commit.end > size ? commit.events.slice(0, size - commit.first) : commit.events
    for (const fold of folds) fold.apply(events)
    tell(end)
  }
}

/** Tells how far a pass over `size` events has come: every few thousand of them, and at the end. */
export function teller(
  size: number,
  onProgress: PassOptions['onProgress'],
): (position: number) => void {
  let told = 0
  return (position) => {
    if (position - told < progressEvery && position < size) return
    told = position
    onProgress?.({ position, size })
  }
}

/**
 * A refused moment as a scope is told of it, which is not told where the log begins or ends; undefined for what is no
 * refusal of one.
 */
export function momentRefused(error: unknown, name: string): VaultError | undefined {
  if (!(error instanceof VaultError) || error.code !== 'INVALID') return undefined
  // A moment that is none at all says nothing of the log, and keeps its words.
  return error.expected === undefined
    ? undefined
    : new VaultError('INVALID', `${name} is outside the log`)
}

/** Throws `INVALID` for what is no moment at all, calling it by `name`. */
export function expectMoment(moment: Moment, name: string): void {
  const given: { position?: unknown; time?: unknown } = Object(moment)
  if (('position' in given ? given.position : given.time) !== undefined) return
  throw new VaultError('INVALID', `${name} must be a moment: its position or its time`)
}

/** How many events the log held at a moment. Throws `INVALID`, calling the moment by `name`. */
export async function sizeOf(log: FoldedLog, moment: Moment, name: string): Promise<number> {
  expectMoment(moment, name)
  const { size } = log
  if ('position' in moment) {
    checkPosition(`${name}.position`, moment.position)
    if (moment.position < size) return moment.position + 1
    throw new VaultError(
      'INVALID',
      `${name}.position is ${moment.position}, and the log ends at ${size - 1}`,
      { expected: size - 1, found: moment.position },
    )
  }
  const { corrections } = log.state.lifecycle.fold.state
  return sizeAt({ source: log, size, corrections }, date(`${name}.time`, moment.time))
}
