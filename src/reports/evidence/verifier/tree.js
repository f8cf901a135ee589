import { equalBytes, Refusal } from './bytes.js'
import { sha256 } from './sha256.js'

/** @import { Bytes } from './bytes.js' */

const leafPrefix = Uint8Array.of(0x00)
const nodePrefix = Uint8Array.of(0x01)

/**
 * RFC 9162 §2.1.1: SHA-256(0x00 ‖ data).
 *
 * @param {Uint8Array} data
 */
export function leafHash(data) {
  return sha256(leafPrefix, data)
}

/**
 * RFC 9162 §2.1.1: SHA-256(0x01 ‖ left ‖ right).
 *
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
function nodeHash(left, right) {
  return sha256(nodePrefix, left, right)
}

/**
 * A right shift that is exact beyond 32 bits.
 *
 * @param {number} n
 */
function half(n) {
  return Math.floor(n / 2)
}

/**
 * Verifies by RFC 9162 §2.1.3.2 that the leaf stands at `index` in the log of this size and root.
 *
 * @param {{ index: number, size: number, leaf: Bytes, proof: readonly Bytes[], root: Bytes }} inclusion
 */
export function verifyInclusion({ index, size, leaf, proof, root }) {
  if (index >= size) throw notIncluded(`position ${index} is not in a log of ${size}`)
  let fn = index
  let sn = size - 1
  let r = leaf
  for (const p of proof) {
    if (sn === 0) throw notIncluded('it holds more hashes than the way to the root')
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
  if (sn !== 0) throw notIncluded('it holds fewer hashes than the way to the root')
  if (!equalBytes(r, root)) throw notIncluded('it does not lead to the root')
}

/**
 * Verifies by RFC 9162 §2.1.4.2 that the log of the newer root begins with that of the older one.
 *
 * @param {{ from: number, to: number, proof: readonly Bytes[], fromRoot: Bytes, toRoot: Bytes }} consistency
 */
export function verifyConsistency({ from, to, proof, fromRoot, toRoot }) {
  if (from === 0 || from > to) {
    throw inconsistent(`no log of ${to} can be proved to begin with one of ${from}`)
  }
  if (from === to) {
    if (proof.length > 0) throw inconsistent('it holds hashes for two logs of one size')
    if (!equalBytes(fromRoot, toRoot)) {
      throw inconsistent('two logs of one size have different roots')
    }
    return
  }
  const [seed, ...path] = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof
  if (seed === undefined) throw inconsistent('it is empty')
  const { fr, sr } = climb({ from, to, path, seed })
  if (!equalBytes(fr, fromRoot)) throw inconsistent('it does not lead to the older root')
  if (!equalBytes(sr, toRoot)) throw inconsistent('it does not lead to the newer root')
}

/**
 * RFC 9162 §2.1.4.2, steps 3 to 6: both roots that the proof leads to.
 *
 * @param {{ from: number, to: number, path: readonly Bytes[], seed: Bytes }} way
 */
function climb({ from, to, path, seed }) {
  let fn = from - 1
  let sn = to - 1
  while (fn % 2 === 1) {
    fn = half(fn)
    sn = half(sn)
  }
  let fr = seed
  let sr = seed
  for (const c of path) {
    if (sn === 0) throw inconsistent('it holds more hashes than the way to the root')
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
  if (sn !== 0) throw inconsistent('it holds fewer hashes than the way to the root')
  return { fr, sr }
}

/** @param {number} n */
function isPowerOfTwo(n) {
  let rest = n
  while (rest > 1 && rest % 2 === 0) rest /= 2
  return rest === 1
}

/** @param {string} reason */
function notIncluded(reason) {
  return new Refusal(`inclusion proof: ${reason}`)
}

/** @param {string} reason */
function inconsistent(reason) {
  return new Refusal(`consistency proof: ${reason}`)
}
