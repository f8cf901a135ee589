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

const hashBytes = 32
const pair = Buffer.alloc(1 + 2 * hashBytes)
pair[0] = 0x01

/** RFC 9162 §2.1.1: the hash of an inner node is SHA-256(0x01 ‖ left ‖ right). */
function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1)
  pair.set(right, 1 + hashBytes)
  return sha256(pair)
}

/** The frontier after these leaf hashes; the given one is left as it was. */
export function append(frontier: Frontier, leaves: readonly Buffer[]): Frontier {
  const subtrees = [...frontier.subtrees]
  let size = frontier.size
  for (const leaf of leaves) {
    let hash = leaf
    // A trailing one bit of the size is a perfect subtree that this leaf completes with its right half.
    for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = subtrees.pop()
      if (left === undefined) throw new RangeError('a frontier has one subtree for each one bit')
      hash = nodeHash(left, hash)
    }
    subtrees.push(hash)
    size++
  }
  return { size, subtrees, newest: leaves.at(-1) ?? frontier.newest }
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
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
