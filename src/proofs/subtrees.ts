import { VaultError } from '../errors.ts'
import { hashBytes, nodeHash, rootOf, split, storedLevelMin } from './tree.ts'

/** Where a proof finds the hashes of a log. */
export interface NodeSource {
  /**
   * The stored hash of leaves [index · 2^level, (index + 1) · 2^level), `level` 8 or more. Undefined where it is not
   * stored: it is then computed from below.
   */
  node(level: number, index: number): Promise<Buffer | undefined>
  /** The leaf hashes of [from, to): 256 or fewer, of one block that begins at a multiple of 256. */
  leaves(from: number, to: number): Promise<readonly Buffer[]>
}

/** The root hash of leaves [from, to), a range into which RFC 9162 §2.1.1 parts the tree. */
export type Subtrees = (from: number, to: number) => Promise<Buffer>

const blockLeaves = 2 ** storedLevelMin

/**
 * The subtrees of a log as it was at a size; `(0, size)` is the root then. Reads each block of leaves once, and of a
 * log whose nodes are stored the two blocks that a proof ends in.
 */
export function subtreesOf(source: NodeSource, size: number): Subtrees {
  let first = -1
  let block: readonly Buffer[] = []

  async function leaves(from: number, to: number): Promise<readonly Buffer[]> {
    const start = from - (from % blockLeaves)
    if (start !== first) {
      block = await readLeaves(source, start, Math.min(start + blockLeaves, size))
      first = start
    }
    return block.slice(from - first, to - first)
  }

  async function hash(from: number, to: number): Promise<Buffer> {
    const count = to - from
    if (count >= blockLeaves) {
      const stored = await storedNode(source, from, count)
      if (stored !== undefined) return stored
    }
    if (count <= blockLeaves) return rootOf(await leaves(from, to))
    const middle = from + split(count)
    return nodeHash(await hash(from, middle), await hash(middle, to))
  }

  return hash
}

async function storedNode(
  source: NodeSource,
  from: number,
  count: number,
): Promise<Buffer | undefined> {
  let level = 0
  for (let rest = count; rest > 1; rest /= 2) {
    if (rest % 2 === 1) return undefined
    level++
  }
  const stored = await source.node(level, from / count)
  return stored?.length === hashBytes ? stored : undefined
}

async function readLeaves(
  source: NodeSource,
  from: number,
  to: number,
): Promise<readonly Buffer[]> {
  const leaves = await source.leaves(from, to)
  if (leaves.length === to - from && leaves.every(({ length }) => length === hashBytes)) {
    return leaves
  }
  throw new VaultError(
    'INTEGRITY',
    `the leaf hashes of positions ${from} to ${to} are not all there`,
  )
}
