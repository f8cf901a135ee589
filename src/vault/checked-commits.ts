import { setImmediate as turn } from 'node:timers/promises'
import { VaultError } from '../errors.ts'
import { leafHashesOf, openCommit } from '../log/commit.ts'
import type { LogSource } from '../log/reader.ts'
import { append, emptyFrontier, type Frontier } from '../proofs/tree.ts'
import type { StoredCommit } from '../store/port.ts'

/** A commit as it is sealed, which an owner's keys have opened. */
export interface CheckedCommit extends StoredCommit {
  /** Of everything up to and with it. */
  readonly tree: Frontier
}

const commitsPerTurn = 8

/**
 * The sealed commits of positions 0 to `to - 1`: dense, each with a MAC and a seal that are an owner's. Gives way to
 * other work every few commits. Throws `INTEGRITY`, naming the position.
 */
export async function* checkedCommits(
  { store, epochs }: LogSource,
  { to }: { to: number },
): AsyncGenerator<CheckedCommit, void, void> {
  let tree = emptyFrontier
  let opened = 0
  for await (const batch of store.read({ from: 0, to })) {
    for (const { first, sealed } of batch) {
      if (first !== tree.size) throw missing(tree.size, first)
      const plain = openCommit(epochs, { first, sealed })
      tree = append(tree, leafHashesOf(epochs.at(first), first, plain))
      yield { first, sealed, tree }
      if (++opened % commitsPerTurn === 0) await turn()
    }
  }
  if (tree.size !== to) throw missing(to, tree.size)
}

function missing(expected: number, found: number): VaultError {
  return new VaultError('INTEGRITY', `position ${expected} is missing: the log is at ${found}`, {
    expected,
    found,
  })
}
