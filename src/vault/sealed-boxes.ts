import { VaultError } from '../errors.ts'
import type { EventOf } from '../events/catalogue.ts'
import { BoundedCache } from '../log/bounded-cache.ts'
import { commitAt, type LogSource, type OpenedCommit } from '../log/reader.ts'

/** A version as the log holds it, and the first position of its commit: where its key row is. */
export interface SealedVersion {
  readonly event: EventOf<'secret.written' | 'secret.rotated'>
  readonly first: number
}

/** Enough for some ten thousand short values; they are kept sealed. */
const keptBytesMax = 16 * 1024 * 1024
/** What an event takes beside its box, roughly. */
const eventBytes = 512

/**
 * Finds versions in the log, each once and in any order. What else is wanted of a commit is kept when it is opened, so
 * that one of a hundred versions is not opened a hundred times.
 */
export function sealedBoxes(
  positions: Iterable<number>,
): (source: LogSource, position: number) => Promise<SealedVersion> {
  const wanted = new Set(positions)
  const kept = new BoundedCache<SealedVersion>(
    keptBytesMax,
    ({ event }) => event.data.box.length + eventBytes,
  )
  return async (source, position) => {
    const name = String(position)
    const found = kept.get(name)
    kept.delete(name)
    if (found !== undefined) return found
    const commit = await commitAt(source, position)
    wanted.delete(position)
    for (let at = commit.first; at < commit.end; at++) {
      // Whatever does not fit is looked for again when its turn comes, without its neighbours.
      if (wanted.delete(at)) kept.put(String(at), versionAt(commit, at))
    }
    return versionAt(commit, position)
  }
}

function versionAt(commit: OpenedCommit, position: number): SealedVersion {
  const event = commit.event(position)
  if (event.type === 'secret.written' || event.type === 'secret.rotated') {
    return { event, first: commit.first }
  }
  throw new VaultError('INTEGRITY', `position ${position} is named as a version, and is none`)
}
