import { equalBytes } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import { type NodeSource, subtreesOf } from './subtrees.ts'
import { half, hashBytes, nodeHash, split } from './tree.ts'

/** That a log of size `to` begins with that of size `from`, and the proof of it. Every hash has 32 bytes. */
export interface Consistency {
  readonly from: number
  readonly to: number
  readonly proof: readonly Uint8Array[]
  readonly fromRoot: Uint8Array
  readonly toRoot: Uint8Array
}

/**
 * The proof that the log of size `to` begins with that of size `from`. Empty where `from` is 0, which nothing needs to
 * be proved of, or equal to `to`. Verify it before it is handed out, as `inclusionProof` says.
 *
 * @throws VaultError `INVALID` for a `from` beyond `to`
 */
export async function consistencyProof(
  source: NodeSource,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Buffer[]> {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to)) {
    throw new VaultError('INVALID', `from: expected a size up to ${to}, found ${from}`)
  }
  if (from === 0) return []
  const subtree = subtreesOf(source, to)
  const path: Buffer[] = []
  // RFC 9162 §2.1.4.1, SUBPROOF(m, D[n], b), from the root down; b says that D[start:end] begins the log.
  let [start, end] = [0, to]
  while (end !== from) {
    const middle = start + split(end - start)
    if (from <= middle) {
      path.push(await subtree(middle, end))
      end = middle
    } else {
      path.push(await subtree(start, middle))
      start = middle
    }
  }
  if (start > 0) path.push(await subtree(start, end))
  return path.reverse()
}

/**
 * Verifies by RFC 9162 §2.1.4.2 that the log with `toRoot` begins with that of `fromRoot`; returns where it does.
 * Nothing can be proved of an empty log: a `from` of 0 is refused.
 *
 * @throws VaultError `INTEGRITY`, saying what failed
 * @example
 * verifyConsistency({ from: kept.size, fromRoot: kept.root, to: size, toRoot: root, proof })
 */
export function verifyConsistency({ from, to, proof, fromRoot, toRoot }: Consistency): void {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from > 0 && from <= to)) {
    throw failed(`no log of ${to} can be proved to begin with one of ${from}`)
  }
  if ([fromRoot, toRoot, ...proof].some(({ length }) => length !== hashBytes)) {
    throw failed('not every hash has 32 bytes')
  }
  if (from === to) {
    if (proof.length > 0) throw failed('it holds hashes for two logs of one size')
    if (!equalBytes(fromRoot, toRoot)) throw failed('two logs of one size have different roots')
    return
  }
  const [seed, ...path] = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof
  if (seed === undefined) throw failed('it is empty')
  const { fr, sr } = climb({ from, to, path, seed })
  if (!equalBytes(fr, fromRoot)) throw failed('it does not lead to the older root')
  if (!equalBytes(sr, toRoot)) throw failed('it does not lead to the newer root')
}

interface Climb {
  readonly from: number
  readonly to: number
  readonly path: readonly Uint8Array[]
  readonly seed: Uint8Array
}

/** RFC 9162 §2.1.4.2, steps 3 to 6: both roots that the proof leads to. */
function climb({ from, to, path, seed }: Climb): { fr: Uint8Array; sr: Uint8Array } {
  let [fn, sn] = [from - 1, to - 1]
  while (fn % 2 === 1) {
    fn = half(fn)
    sn = half(sn)
  }
  let [fr, sr] = [seed, seed]
  for (const c of path) {
    if (sn === 0) throw failed('it holds more hashes than the way to the root')
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(c, fr)
      sr = nodeHash(c, sr)
      while (fn % 2 === 0 && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else {
      sr = nodeHash(sr, c)
    }
    fn = half(fn)
    sn = half(sn)
  }
  if (sn !== 0) throw failed('it holds fewer hashes than the way to the root')
  return { fr, sr }
}

function isPowerOfTwo(n: number): boolean {
  return n === 1 || split(n) * 2 === n
}

function failed(reason: string): VaultError {
  return new VaultError('INTEGRITY', `consistency proof: ${reason}`)
}
