import { sha256 } from '../crypto/hash.ts'

/**
 * The Merkle tree of RFC 9162 §2.1, kept as its frontier: the roots of the perfect subtrees that make up the
 * log so far, largest first. It takes O(log n) memory and gives the root of every size it passes through. The newest
 * leaf ties it to a log without reading the rest of that: no other log has the same event there.
 *
 * frontier := size u64 ‖ hash(32) × (number of one bits in size) ‖ newest leaf(32), unless size is 0
 */
export interface Frontier {
  readonly size: number
  readonly subtrees: readonly Buffer[]
  readonly newest: Buffer | undefined
}

export const emptyFrontier: Frontier = { size: 0, subtrees: [], newest: undefined }

/** The root of a perfect subtree: that of leaves [index · 2^level, (index + 1) · 2^level). */
export interface TreeNode {
  readonly level: number
  readonly index: number
  readonly hash: Buffer
}

/** Nodes are stored from this level up; a proof computes what lies below again, from the leaf hashes of one block. */
export const storedLevelMin = 8

export const hashBytes = 32
const pair = Buffer.alloc(1 + 2 * hashBytes)
pair[0] = 0x01
const leafPrefix = Buffer.from([0x00])

/** RFC 9162 §2.1.1: the hash of a leaf is SHA-256(0x00 ‖ data). */
export function leafHash(data: Uint8Array): Buffer {
  return sha256(leafPrefix, data)
}

/** RFC 9162 §2.1.1: the hash of an inner node is SHA-256(0x01 ‖ left ‖ right), each of 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1)
  pair.set(right, 1 + hashBytes)
  return sha256(pair)
}

/** The frontier after these leaf hashes; the given one is left as it was. */
export function append(frontier: Frontier, leaves: readonly Buffer[]): Frontier {
  return grow(frontier, leaves).frontier
}

/** The frontier after these leaf hashes, and the nodes of stored levels that they complete, lower before higher. */
export function grow(
  frontier: Frontier,
  leaves: readonly Buffer[],
): { frontier: Frontier; nodes: readonly TreeNode[] } {
  const subtrees = [...frontier.subtrees]
  const nodes: TreeNode[] = []
  let size = frontier.size
  for (const leaf of leaves) {
    let hash = leaf
    let level = 0
    let index = size
    // A trailing one bit of the size is a perfect subtree that this leaf completes with its right half.
    while (index % 2 === 1) {
      const left = subtrees.pop()
      if (left === undefined) throw new RangeError('a frontier has one subtree for each one bit')
      hash = nodeHash(left, hash)
      index = half(index)
      level++
      if (level >= storedLevelMin) nodes.push({ level, index, hash })
    }
    subtrees.push(hash)
    size++
  }
  return { frontier: { size, subtrees, newest: leaves.at(-1) ?? frontier.newest }, nodes }
}

/** RFC 9162 §2.1.1: the root hash; that of the empty tree is SHA-256 of nothing. */
export function root(frontier: Frontier): Buffer {
  return (
    frontier.subtrees.reduceRight<Buffer | undefined>(
      (right, left) => (right === undefined ? left : nodeHash(left, right)),
      undefined,
    ) ?? sha256(Buffer.alloc(0))
  )
}

/** The root hash of a list of leaf hashes. */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  return root(append(emptyFrontier, leaves))
}

/** RFC 9162 §2.1.1: the largest power of two smaller than n, where a tree of n > 1 leaves parts. */
export function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** A right shift that is exact beyond 32 bits, where JavaScript's `>>` is not. */
export function half(n: number): number {
  return Math.floor(n / 2)
}

export function encodeFrontier(frontier: Frontier): Buffer {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(frontier.size))
  return Buffer.concat([size, ...frontier.subtrees, ...(frontier.newest ? [frontier.newest] : [])])
}

/** The frontier that these bytes hold, or undefined where they hold none. */
export function decodeFrontier(bytes: Uint8Array): Frontier | undefined {
  const buffer = Buffer.from(bytes)
  if (buffer.length < 8 || (buffer.length - 8) % hashBytes !== 0) return undefined
  const size = Number(buffer.readBigUInt64BE(0))
  const hashes: Buffer[] = []
  for (let at = 8; at < buffer.length; at += hashBytes) {
    hashes.push(buffer.subarray(at, at + hashBytes))
  }
  const newest = size === 0 ? undefined : hashes.pop()
  return Number.isSafeInteger(size) && hashes.length === oneBits(size)
    ? { size, subtrees: hashes, newest }
    : undefined
}

function oneBits(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = half(rest)) count += rest % 2
  return count
}
