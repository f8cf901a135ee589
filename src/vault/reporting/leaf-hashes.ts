import { breather } from '../../breather.ts'
import { VaultError } from '../../errors.ts'
import { leafHashesOf, openCommit } from '../../log/commit.ts'
import type { LogSource } from '../../log/reader.ts'
import { expectOngoing } from '../../ongoing.ts'
import { commitCount, type StoredCommit } from '../../store/port.ts'

/** With more positions than this to look up, going through all commits between them is cheaper than finding each. */
const soughtMax = 1000

/** The leaf hashes of some events, in hex, by position. No event is decoded. Throws `INTEGRITY`, `ABORTED`. */
export async function leafHashesAt(
  log: LogSource,
  positions: Iterable<number>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  const wanted = [...new Set(positions)].sort((a, b) => a - b)
  const found = new Map<number, string>()
  const breathe = breather()
  let next = 0
  const take = (stored: StoredCommit) => {
    const end = stored.first + commitCount(stored.sealed)
    if (wanted[next] === undefined || (wanted[next] as number) >= end) return
    const hashes = leafHashesOf(
      log.epochs.at(stored.first),
      stored.first,
      openCommit(log.epochs, stored),
    )
    for (let at = wanted[next]; at !== undefined && at < end; at = wanted[++next]) {
      found.set(at, (hashes[at - stored.first] as Buffer).toString('hex'))
    }
  }
  while (next < wanted.length) {
    const from = wanted[next] as number
    const to = (wanted.length > soughtMax ? (wanted.at(-1) as number) : from) + 1
    for await (const batch of log.store.read({ from, to })) {
      for (const stored of batch) {
        take(stored)
        expectOngoing(signal)
        await breathe()
      }
    }
    if (wanted[next] === from) throw missing(from)
  }
  return found
}

function missing(position: number): VaultError {
  return new VaultError('INTEGRITY', `position ${position} is missing`, { expected: position })
}
