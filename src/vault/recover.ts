import { VaultError } from '../errors.ts'
import type { HeadFile } from '../log/head.ts'
import { eventAt, extend, type LogSource, leavesOf, readCommits } from '../log/reader.ts'
import type { Snapshots } from '../projections/snapshots.ts'
import {
  decodeFrontier,
  emptyFrontier,
  encodeFrontier,
  type Frontier,
  root,
} from '../proofs/tree.ts'
import { type BuiltIns, startBuiltIns } from './built-ins.ts'

export interface Recovered {
  readonly state: BuiltIns
  readonly snapshots: Snapshots
  readonly frontier: Frontier
  /** Time of the newest event. */
  readonly newest: number
}

/**
 * The state that a log says, from its snapshots and what was appended since, checked against the head that stands
 * beside it. Snapshots that do not lead to that head are discarded and the whole log is read; a log that does not
 * lead there is `INTEGRITY`.
 */
export async function recover(
  source: LogSource,
  { head, snapshots }: { head: HeadFile; snapshots: Snapshots },
): Promise<Recovered> {
  const size = await source.store.head()
  const claim = await head.read()
  if (claim !== undefined && size < claim.size) {
    throw new VaultError(
      'INTEGRITY',
      `the log ends at ${size}, and its head says ${claim.size}: it was cut`,
      {
        expected: claim.size,
        found: size,
      },
    )
  }
  const kept = snapshots.manifest
  if (kept !== undefined && size < kept.position) {
    throw new VaultError(
      'INTEGRITY',
      `the log ends at ${size}, and a snapshot was taken at ${kept.position}`,
      {
        expected: kept.position,
        found: size,
      },
    )
  }
  const newest = size === 0 ? 0 : (await eventAt(source, size - 1)).event.time
  const claimed = claim ?? { size: -1, root: Buffer.alloc(0) }
  if (kept !== undefined) {
    const state = await replay(source, { snapshots, size, claimed })
    if (state !== undefined) return { ...state, snapshots, newest }
    await snapshots.discard()
  }
  const state = await replay(source, { snapshots, size, claimed })
  if (state !== undefined) return { ...state, snapshots, newest }
  throw new VaultError(
    'INTEGRITY',
    `the events up to position ${claimed.size} are not those that the head was written for`,
    { found: claimed.size },
  )
}

/** Whether a snapshot's tree ends in the log's own event: it does not in one that was put in the log's place. */
async function isOf({ size, newest }: Frontier, source: LogSource): Promise<boolean> {
  for await (const commit of readCommits(source, { from: Math.max(0, size - 1), to: size })) {
    const leaves = leavesOf(source.epochs, commit)
    return newest !== undefined && leaves[size - 1 - commit.first]?.equals(newest) === true
  }
  return size === 0
}

/** Undefined where the tree does not come to the claimed root. */
async function replay(
  source: LogSource,
  about: { snapshots: Snapshots; size: number; claimed: { size: number; root: Buffer } },
): Promise<{ state: BuiltIns; frontier: Frontier } | undefined> {
  const { snapshots, size, claimed } = about
  const state = await startBuiltIns(snapshots)
  const folds = Object.values(state).map(({ fold }) => fold)
  const kept = snapshots.manifest
  let frontier = (kept && decodeFrontier(kept.frontier)) ?? emptyFrontier
  if (kept !== undefined && frontier.size !== kept.position) return undefined
  if (!(await isOf(frontier, source))) return undefined
  let met = frontier.size > claimed.size
  const agrees = () => {
    if (frontier.size !== claimed.size) return met || frontier.size < claimed.size
    met = root(frontier).equals(claimed.root)
    return met
  }
  if (!agrees()) return undefined
  const from = Math.min(frontier.size, ...folds.map(({ position }) => position))
  if (from === size) return { state, frontier }
  for await (const commit of readCommits(source, { from, to: size })) {
    for (const fold of folds) fold.apply(commit.events)
    if (commit.first === frontier.size) frontier = extend(frontier, source.epochs, commit)
    if (!agrees()) return undefined
    // So that a rebuild of a long log holds no more than one interval in memory that is not kept yet.
    if (snapshots.due(commit.end) && commit.end === frontier.size) {
      await snapshots.flush(commit.end, encodeFrontier(frontier))
    }
  }
  return { state, frontier }
}
