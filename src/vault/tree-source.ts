import { VaultError } from '../errors.ts'
import { type LogSource, leavesOf, readCommits } from '../log/reader.ts'
import type { TreeRows } from '../projections/derived/tree-rows.ts'
import type { NodeSource } from '../proofs/subtrees.ts'

/** The log's tree: its kept nodes, and the leaf hashes that are computed from the events themselves. */
export function treeSource(log: LogSource, nodes: Pick<TreeRows, 'get'>): NodeSource {
  return {
    // One that does not open is as good as missing: it is computed again.
    node: (level, index) => nodes.get(level, index).catch(ifDamaged),
    leaves: async (from, to) => {
      const leaves: Buffer[] = []
      for await (const commit of readCommits(log, { from, to })) {
        const [start, end] = [Math.max(from - commit.first, 0), to - commit.first]
        leaves.push(...leavesOf(log.epochs, commit).slice(start, end))
      }
      return leaves
    },
  }
}

function ifDamaged(cause: unknown): undefined {
  if (cause instanceof VaultError && cause.code === 'INTEGRITY') return undefined
  throw cause
}
