import { VaultError } from '../errors.ts'
import { eventAt, type LogSource, leavesOf, readCommits } from '../log/reader.ts'
import { TreeRows } from '../projections/derived/tree-rows.ts'
import type { Snapshots } from '../projections/snapshots.ts'
import { subtreesOf } from '../proofs/subtrees.ts'
import {
  decodeFrontier,
  emptyFrontier,
  encodeFrontier,
  type Frontier,
  grow,
  root,
} from '../proofs/tree.ts'
import { type BuiltIns, startBuiltIns } from './built-ins.ts'
import { type PassOptions, teller } from './replay.ts'
import { treeSource } from './tree-source.ts'

/** What stands beside the log and says what it was: its head, and its newest checkpoint. */
export interface Claim {
  readonly by: 'head' | 'checkpoint'
  readonly size: number
  readonly root: Buffer
}

export interface Recovered {
  readonly state: BuiltIns
  readonly snapshots: Snapshots
  readonly frontier: Frontier
  readonly nodes: TreeRows
  /** Time of the newest event. */
  readonly newest: number
}

export interface RecoverOptions extends PassOptions {
  readonly claims: readonly Claim[]
  readonly snapshots: Snapshots
}

/**
 * The state that a log says, from its snapshots and what was appended since, checked against what stands beside it.
 * Snapshots that do not lead there are discarded and the whole log is read; a log that does not lead there is
 * `INTEGRITY`. Throws `ABORTED`.
 */
export async function recover(source: LogSource, options: RecoverOptions): Promise<Recovered> {
  const { claims, snapshots } = options
  const size = await source.store.head()
  for (const claim of claims) expectAsLong(size, claim.size, `its ${claim.by} says ${claim.size}`)
  const kept = snapshots.manifest
  if (kept !== undefined) {
    expectAsLong(size, kept.position, `a snapshot was taken at ${kept.position}`)
  }
  const newest = size === 0 ? 0 : (await eventAt(source, size - 1)).event.time
  if (kept !== undefined) {
    const { refuted, ...recovered } = await replay(source, { ...options, size })
    if (refuted === undefined) return { ...recovered, snapshots, newest }
    await snapshots.discard()
  }
  const { refuted, ...recovered } = await replay(source, { ...options, size })
  if (refuted === undefined) return { ...recovered, snapshots, newest }
  throw new VaultError(
    'INTEGRITY',
    `the events up to position ${refuted.size} are not those that the ${refuted.by} was written for`,
    { found: refuted.size },
  )
}

function expectAsLong(size: number, least: number, says: string): void {
  if (size >= least) return
  throw new VaultError('INTEGRITY', `the log ends at ${size}, and ${says}: it was cut`, {
    expected: least,
    found: size,
  })
}

/** Whether a snapshot's tree ends in the log's own event: it does not in one that was put in the log's place. */
async function isOf({ size, newest }: Frontier, source: LogSource): Promise<boolean> {
  for await (const commit of readCommits(source, { from: Math.max(0, size - 1), to: size })) {
    const leaves = leavesOf(source.epochs, commit)
    return newest !== undefined && leaves[size - 1 - commit.first]?.equals(newest) === true
  }
  return size === 0
}

interface Replayed {
  readonly state: BuiltIns
  readonly frontier: Frontier
  readonly nodes: TreeRows
  /** A claim that the tree does not come to, or what stands for any other doubt about the snapshots. */
  readonly refuted: Claim | undefined
}

const doubt: Claim = { by: 'head', size: 0, root: Buffer.alloc(0) }

async function replay(
  source: LogSource,
  about: RecoverOptions & { readonly size: number },
): Promise<Replayed> {
  const { snapshots, size, claims, signal } = about
  const state = await startBuiltIns(snapshots)
  const nodes = new TreeRows(snapshots.rows)
  let frontier = await startTree(snapshots, nodes)
  const ended = (refuted: Claim | undefined) => ({ state, frontier, nodes, refuted })
  if (frontier.size !== (snapshots.manifest?.position ?? 0)) return ended(doubt)
  if (!(await isOf(frontier, source))) return ended(doubt)
  const earlier = await refutedBefore(source, { nodes, frontier, claims })
  if (earlier !== undefined) return ended(earlier)

  const held = holdTo(claims, frontier)
  const folds = Object.values(state).map(({ fold }) => fold)
  const from = Math.min(frontier.size, ...folds.map(({ position }) => position))
  const tell = teller(size, about.onProgress)
  const range = { from, to: size, ...(signal && { signal }) }
  for await (const commit of from < size ? readCommits(source, range) : []) {
    for (const fold of folds) fold.apply(commit.events)
    tell(commit.end)
    if (commit.first !== frontier.size || held.refuted() !== undefined) continue
    const grown = grow(frontier, leavesOf(source.epochs, commit))
    frontier = grown.frontier
    nodes.add(grown.nodes, frontier.size)
    held.at(frontier)
    // So that a rebuild of a long log holds no more than one interval in memory that is not kept yet.
    if (snapshots.due(commit.end)) await snapshots.flush(commit.end, encodeFrontier(frontier))
  }
  return ended(held.refuted() ?? held.unmet())
}

/** The tree of the snapshots, with its nodes: those of another tree than theirs go. */
async function startTree(snapshots: Snapshots, nodes: TreeRows): Promise<Frontier> {
  const { manifest, rows } = snapshots
  const frontier = (manifest && decodeFrontier(manifest.frontier)) ?? emptyFrontier
  const kept = { keeper: nodes, version: 1, position: () => nodes.size }
  if (!(await snapshots.keep('tree', kept))) await rows.clear(nodes.space)
  nodes.add([], frontier.size)
  return frontier
}

/** Holds a tree that grows to what was claimed of it at sizes from `start` on. */
function holdTo(claims: readonly Claim[], start: Frontier) {
  const left = new Set(claims.filter(({ size }) => size >= start.size))
  let refuted: Claim | undefined
  const at = (frontier: Frontier) => {
    for (const claim of left) {
      if (claim.size !== frontier.size) continue
      left.delete(claim)
      if (!root(frontier).equals(claim.root)) refuted ??= claim
    }
  }
  at(start)
  return {
    at,
    refuted: () => refuted,
    /** Its size is one at which no commit ends: it is of another log. */
    unmet: () => left.values().next().value,
  }
}

/** A claim about a part of the log that lies behind the snapshots, which the nodes of their tree refute. */
async function refutedBefore(
  source: LogSource,
  { nodes, frontier, claims }: { nodes: TreeRows; frontier: Frontier; claims: readonly Claim[] },
): Promise<Claim | undefined> {
  const subtree = subtreesOf(treeSource(source, nodes), frontier.size)
  for (const claim of claims) {
    if (claim.size >= frontier.size) continue
    if (!(await subtree(0, claim.size)).equals(claim.root)) return claim
  }
  return undefined
}
