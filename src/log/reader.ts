import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import type { VaultEvent } from '../events/catalogue.ts'
import { decodeEvent } from '../events/decode.ts'
import { expectOngoing } from '../ongoing.ts'
import type { Store, StoredCommit } from '../store/port.ts'
import { type CommitPlain, leafHashesOf, openCommit } from './commit.ts'
import type { Epochs } from './epochs.ts'

/** The events that were appended together. */
export interface Commit {
  /** Position of the first of them. */
  readonly first: number
  /** The log's size with them: the position behind the last. */
  readonly end: number
  readonly events: readonly VaultEvent[]
}

/** A commit that was read back, with what its leaf hashes are made of. */
export interface ReadCommit extends Commit {
  readonly plain: CommitPlain
}

export interface LogSource {
  readonly store: Store
  readonly epochs: Epochs
}

/**
 * Commits from the one that holds `from` to the one that holds `to - 1`: opened, checked, in order and dense.
 * Gives way to other work every few milliseconds, those of whoever takes the commits among them. Throws `INTEGRITY`, naming
 * the position, and `CLOSED` once the keys are erased.
 */
export async function* readCommits(
  source: LogSource,
  range: { from: number; to?: number; signal?: AbortSignal },
): AsyncGenerator<ReadCommit, void, void> {
  const breathe = breather()
  let next: number | undefined
  for await (const batch of source.store.read(range)) {
    for (const stored of batch) {
      const commit = openStored(source.epochs, stored)
      expectDense(commit, next ?? range.from, next === undefined)
      next = commit.end
      yield commit
      await breathe()
      expectOngoing(range.signal)
    }
  }
  if (range.to !== undefined && (next ?? range.from) < range.to) {
    throw new VaultError('INTEGRITY', `the log ends at ${next ?? range.from}, before ${range.to}`, {
      expected: range.to,
      found: next ?? range.from,
    })
  }
}

function openStored(epochs: Epochs, stored: StoredCommit): ReadCommit {
  const plain = openCommit(epochs, stored)
  const events = plain.spans.map(([start, end], i) =>
    decodeEvent(plain.buffer, { start, end, position: stored.first + i }),
  )
  return { first: stored.first, end: stored.first + events.length, events, plain }
}

/** One commit, whose events are decoded when asked for: most who look for one event want no other. */
export interface OpenedCommit {
  readonly first: number
  readonly end: number
  /** The event at a position of this commit. */
  event(position: number): VaultEvent
}

/** The commit that holds a position. Throws `INTEGRITY` where there is none. */
export async function commitAt(source: LogSource, position: number): Promise<OpenedCommit> {
  for await (const [stored] of source.store.read({ from: position, to: position + 1 })) {
    if (stored === undefined) break
    const { first } = stored
    const { buffer, spans } = openCommit(source.epochs, stored)
    const end = first + spans.length
    if (position < first || position >= end) break
    const event = (at: number) => {
      const [start, stop] = spans[at - first] ?? [0, 0]
      return decodeEvent(buffer, { start, end: stop, position: at })
    }
    return { first, end, event }
  }
  throw new VaultError('INTEGRITY', `position ${position} is missing`, { expected: position })
}

/** The event at a position, and the first position of its commit. */
export async function eventAt(
  source: LogSource,
  position: number,
): Promise<{ event: VaultEvent; first: number }> {
  const commit = await commitAt(source, position)
  return { event: commit.event(position), first: commit.first }
}

/** The leaf hashes of a commit that was read. */
export function leavesOf(epochs: Epochs, { first, plain }: ReadCommit): Buffer[] {
  return leafHashesOf(epochs.at(first), first, plain)
}

function expectDense(commit: Commit, next: number, isFirst: boolean): void {
  const fits = isFirst ? commit.first <= next && next < commit.end : commit.first === next
  if (fits) return
  throw new VaultError(
    'INTEGRITY',
    `position ${next} is missing: the log goes on at ${commit.first}`,
    {
      expected: next,
      found: commit.first,
    },
  )
}
