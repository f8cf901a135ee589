import { equalBytes } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import { type NodeSource, subtreesOf } from './subtrees.ts'
import { half, hashBytes, nodeHash, split } from './tree.ts'

/** That a leaf stands in a log, and the proof of it. Every hash has 32 bytes. */
export interface Inclusion {
  /** The leaf's position. */
  readonly index: number
  /** The log's size, to which `root` belongs. */
  readonly size: number
  /** The leaf's hash, not its data. */
  readonly leaf: Uint8Array
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/**
 * The proof that the leaf at `index` stands in the log of `size` leaves: its sibling first, the root's child last.
 * A stored node that is wrong makes a proof that does not verify: verify it before it is handed out.
 *
 * @throws VaultError `INVALID` for an index that is not below the size
 */
export async function inclusionProof(
  source: NodeSource,
  { index, size }: { readonly index: number; readonly size: number },
): Promise<Buffer[]> {
  if (!isWithin(index, size)) {
    throw new VaultError('INVALID', `index: expected a position below ${size}, found ${index}`)
  }
  const subtree = subtreesOf(source, size)
  const path: Buffer[] = []
  // RFC 9162 §2.1.3.1, PATH(m, D[n]), from the root down to the leaf.
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + split(to - from)
    if (index < middle) {
      path.push(await subtree(middle, to))
      to = middle
    } else {
      path.push(await subtree(from, middle))
      from = middle
    }
  }
  return path.reverse()
}

/**
 * Verifies by RFC 9162 §2.1.3.2 that the leaf stands in the log with this root; returns where it does.
 *
 * @throws VaultError `INTEGRITY`, saying what failed
 * @example
 * verifyInclusion({ index, size, leaf: leafHash(data), proof, root })
 */
export function verifyInclusion({ index, size, leaf, proof, root }: Inclusion): void {
  if (!isWithin(index, size)) throw failed(`index ${index} is not in a log of ${size}`)
  if ([leaf, root, ...proof].some(({ length }) => length !== hashBytes)) {
    throw failed('not every hash has 32 bytes')
  }
  let fn = index
  let sn = size - 1
  let r = leaf
  for (const p of proof) {
    if (sn === 0) throw failed('it holds more hashes than the way to the root')
    if (fn % 2 === 1 || fn === sn) {
      r = nodeHash(p, r)
      while (fn % 2 === 0 && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else {
      r = nodeHash(r, p)
    }
    fn = half(fn)
    sn = half(sn)
  }
  if (sn !== 0) throw failed('it holds fewer hashes than the way to the root')
  if (!equalBytes(r, root)) throw failed('it does not lead to the root')
}

function isWithin(index: number, size: number): boolean {
  return Number.isSafeInteger(size) && Number.isSafeInteger(index) && index >= 0 && index < size
}

function failed(reason: string): VaultError {
  return new VaultError('INTEGRITY', `inclusion proof: ${reason}`)
}
