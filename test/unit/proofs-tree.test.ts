import { describe, expect, it } from 'vitest'
import { consistencyProof, verifyConsistency } from '../../src/proofs/consistency.ts'
import { inclusionProof, verifyInclusion } from '../../src/proofs/inclusion.ts'
import { type NodeSource, subtreesOf } from '../../src/proofs/subtrees.ts'
import {
  append,
  decodeFrontier,
  emptyFrontier,
  encodeFrontier,
  grow,
  leafHash,
  nodeHash,
  root,
  rootOf,
  type TreeNode,
} from '../../src/proofs/tree.ts'
import { referenceTree } from '../fixtures/reference-tree.ts'
import { storedTree } from '../fixtures/stored-tree.ts'

function dataOf(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.from(`entry ${i}`))
}

function refusal(code: string, message: string) {
  return expect.objectContaining({ code, message })
}

describe('the tree of RFC 9162 §2.1.5', () => {
  const leaves = dataOf(7).map(leafHash)
  const [a, b, c, d, e, f, j] = leaves as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]
  const [g, h, i] = [nodeHash(a, b), nodeHash(c, d), nodeHash(e, f)]
  const [k, l] = [nodeHash(g, h), nodeHash(i, j)]

  it('has the root that its picture shows, and SHA-256 of nothing when it is empty', () => {
    expect(rootOf(leaves)).toEqual(nodeHash(k, l))
    expect(rootOf([]).toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    )
  })

  it('has the inclusion proofs that it lists', async () => {
    const paths = [0, 3, 4, 6].map((index) =>
      inclusionProof(storedTree(leaves), { index, size: 7 }),
    )
    expect(await Promise.all(paths)).toEqual([
      [b, h, l],
      [c, g, l],
      [f, j, k],
      [i, k],
    ])
  })

  it('has the consistency proofs that it lists', async () => {
    const paths = [3, 4, 6].map((from) => consistencyProof(storedTree(leaves), { from, to: 7 }))
    expect(await Promise.all(paths)).toEqual([[c, d, g, l], [l], [i, j, k]])
  })
})

describe('growing', () => {
  const data = dataOf(2100)
  const leaves = data.map(leafHash)
  const { mth } = referenceTree(data)

  it('completes the nodes from level 8 up, each once, whatever the commits', () => {
    for (const step of [1, 100, 256, 2100]) {
      const nodes: TreeNode[] = []
      let frontier = emptyFrontier
      for (let at = 0; at < leaves.length; at += step) {
        const grown = grow(frontier, leaves.slice(at, at + step))
        nodes.push(...grown.nodes)
        frontier = grown.frontier
      }
      const expected = [8, 9, 10, 11].flatMap((level) =>
        Array.from({ length: Math.floor(2100 / 2 ** level) }, (_, index) => ({
          level,
          index,
          hash: mth(index * 2 ** level, (index + 1) * 2 ** level),
        })),
      )
      const order = (one: TreeNode, other: TreeNode) =>
        one.level - other.level || one.index - other.index
      expect(nodes.toSorted(order)).toEqual(expected)
    }
  })

  it('leaves the given frontier as it was, and `append` gives the same', () => {
    const before = append(emptyFrontier, leaves.slice(0, 255))
    const bytes = encodeFrontier(before)
    const grown = grow(before, leaves.slice(255, 300))
    expect(encodeFrontier(before)).toEqual(bytes)
    expect(append(before, leaves.slice(255, 300))).toEqual(grown.frontier)
    expect(decodeFrontier(encodeFrontier(grown.frontier))).toEqual(grown.frontier)
    expect(root(grown.frontier)).toEqual(mth(0, 300))
  })
})

describe('making a proof', () => {
  const data = dataOf(5000)
  const leaves = data.map(leafHash)
  const reference = referenceTree(data)

  it('reads two blocks of leaves at the most, each once', async () => {
    for (const index of [0, 255, 256, 2047, 2048, 4095, 4096, 4863, 4864, 4999]) {
      const source = storedTree(leaves)
      expect(await inclusionProof(source, { index, size: 5000 })).toEqual(
        reference.path(index, 5000),
      )
      expect(source.reads.length).toBeLessThanOrEqual(2)
      expect(new Set(source.reads.map(([from]) => from)).size).toBe(source.reads.length)
      for (const [from, to] of source.reads) {
        expect(from % 256).toBe(0)
        expect(to - from).toBeLessThanOrEqual(256)
      }
    }
    const source = storedTree(leaves)
    expect(await consistencyProof(source, { from: 2500, to: 5000 })).toEqual(
      reference.proof(2500, 5000),
    )
    expect(source.reads.length).toBe(2)
  })

  it('computes the nodes that are missing, or are no hashes', async () => {
    const source = storedTree(leaves)
    for (const [i, key] of [...source.nodes.keys()].entries()) {
      if (i % 3 === 0) source.nodes.delete(key)
      if (i % 3 === 1) source.nodes.set(key, Buffer.alloc(31))
    }
    expect(await inclusionProof(source, { index: 700, size: 4900 })).toEqual(
      reference.path(700, 4900),
    )
    source.nodes.clear()
    expect(await consistencyProof(source, { from: 1000, to: 5000 })).toEqual(
      reference.proof(1000, 5000),
    )
    expect(await subtreesOf(source, 4999)(0, 4999)).toEqual(reference.mth(0, 4999))
  })

  it('refuses leaves that are not all there', async () => {
    const missing = { ...storedTree(leaves), leaves: async () => leaves.slice(0, 255) }
    await expect(inclusionProof(missing, { index: 3, size: 5000 })).rejects.toThrow(
      refusal('INTEGRITY', 'the leaf hashes of positions 4864 to 5000 are not all there'),
    )
    const short = { ...storedTree(leaves), leaves: async () => [leaves[0]!, Buffer.alloc(31)] }
    await expect(inclusionProof(short, { index: 0, size: 2 })).rejects.toThrow(
      refusal('INTEGRITY', 'the leaf hashes of positions 0 to 2 are not all there'),
    )
  })

  it('refuses what no log holds', async () => {
    for (const index of [5000, -1, 0.5, Number.NaN]) {
      await expect(inclusionProof(storedTree(leaves), { index, size: 5000 })).rejects.toThrow(
        refusal('INVALID', `index: expected a position below 5000, found ${index}`),
      )
    }
    await expect(consistencyProof(storedTree(leaves), { from: 6, to: 5 })).rejects.toThrow(
      refusal('INVALID', 'from: expected a size up to 5, found 6'),
    )
  })

  it('has nothing to say from 0, or to the same size', async () => {
    expect(await consistencyProof(storedTree(leaves), { from: 0, to: 5000 })).toEqual([])
    expect(await consistencyProof(storedTree(leaves), { from: 5000, to: 5000 })).toEqual([])
  })
})

describe('a log beyond 32 bits', () => {
  /** Every leaf is the same one, so that any node is known. */
  const leaf = leafHash(Buffer.from('again'))
  const perfect = [leaf]
  for (let level = 1; level <= 53; level++) {
    const below = perfect[level - 1]!
    perfect.push(nodeHash(below, below))
  }
  const source: NodeSource = {
    node: async (level) => perfect[level],
    leaves: async (from, to) => Array.from({ length: to - from }, () => leaf),
  }
  const sizes = [2 ** 32, 2 ** 32 + 1, 2 ** 40 + 12_345, 2 ** 52 + 2 ** 31 + 7, 2 ** 53 - 1]

  it.each(sizes)('is proved at size %d', async (size) => {
    const rootThen = await subtreesOf(source, size)(0, size)
    for (const index of [0, 2 ** 31, 2 ** 32 - 1, Math.floor(size / 3), size - 1]) {
      const proof = await inclusionProof(source, { index, size })
      const claim = { index, size, leaf, proof, root: rootThen }
      verifyInclusion(claim)
      expect(() => verifyInclusion({ ...claim, proof: proof.slice(1) })).toThrow(/inclusion proof/)
    }
    for (const from of [1, 2 ** 31 + 3, 2 ** 32, size - 1]) {
      const proof = await consistencyProof(source, { from, to: size })
      const fromRoot = await subtreesOf(source, from)(0, from)
      verifyConsistency({ from, to: size, proof, fromRoot, toRoot: rootThen })
    }
  })
})

describe('verifying says what failed', () => {
  const leaves = dataOf(7).map(leafHash)
  const whole = rootOf(leaves)
  const other = leafHash(Buffer.from('other'))

  async function inclusion() {
    const proof = await inclusionProof(storedTree(leaves), { index: 4, size: 7 })
    return { index: 4, size: 7, leaf: leaves[4]!, proof, root: whole }
  }

  async function consistency() {
    const proof = await consistencyProof(storedTree(leaves), { from: 3, to: 7 })
    return { from: 3, to: 7, proof, fromRoot: rootOf(leaves.slice(0, 3)), toRoot: whole }
  }

  it('of an inclusion', async () => {
    const claim = await inclusion()
    const cases = [
      [{ index: 7 }, 'index 7 is not in a log of 7'],
      [{ index: -1 }, 'index -1 is not in a log of 7'],
      [{ size: 2 ** 53 }, 'index 4 is not in a log of 9007199254740992'],
      [{ leaf: leaves[4]!.subarray(1) }, 'not every hash has 32 bytes'],
      [{ proof: [...claim.proof.slice(1), Buffer.alloc(33)] }, 'not every hash has 32 bytes'],
      [{ proof: [...claim.proof, other] }, 'it holds more hashes than the way to the root'],
      [{ proof: claim.proof.slice(0, 2) }, 'it holds fewer hashes than the way to the root'],
      [{ leaf: other }, 'it does not lead to the root'],
    ] as const
    for (const [change, reason] of cases) {
      expect(() => verifyInclusion({ ...claim, ...change })).toThrow(
        refusal('INTEGRITY', `inclusion proof: ${reason}`),
      )
    }
  })

  it('of a consistency', async () => {
    const claim = await consistency()
    const same = { from: 7, fromRoot: whole, proof: [] }
    const cases = [
      [{ from: 8 }, 'no log of 7 can be proved to begin with one of 8'],
      [{ from: 0, proof: [] }, 'no log of 7 can be proved to begin with one of 0'],
      [{ fromRoot: Buffer.alloc(0) }, 'not every hash has 32 bytes'],
      [{ ...same, proof: [other] }, 'it holds hashes for two logs of one size'],
      [{ ...same, fromRoot: other }, 'two logs of one size have different roots'],
      [{ proof: [] }, 'it is empty'],
      [{ proof: [...claim.proof, other] }, 'it holds more hashes than the way to the root'],
      [{ proof: claim.proof.slice(0, 2) }, 'it holds fewer hashes than the way to the root'],
      [{ fromRoot: other }, 'it does not lead to the older root'],
      [{ toRoot: other }, 'it does not lead to the newer root'],
    ] as const
    for (const [change, reason] of cases) {
      expect(() => verifyConsistency({ ...claim, ...change })).toThrow(
        refusal('INTEGRITY', `consistency proof: ${reason}`),
      )
    }
  })

  it('does not take a node for a leaf', async () => {
    const pair = Buffer.concat([leaves[0]!, leaves[1]!])
    const proof = [nodeHash(leaves[2]!, leaves[3]!)]
    const claim = { index: 0, size: 2, proof, root: rootOf(leaves.slice(0, 4)) }
    // The root of four leaves is the node of two nodes: only the prefix keeps one from standing for a leaf.
    verifyInclusion({ ...claim, leaf: nodeHash(leaves[0]!, leaves[1]!) })
    expect(() => verifyInclusion({ ...claim, leaf: leafHash(pair) })).toThrow(
      refusal('INTEGRITY', 'inclusion proof: it does not lead to the root'),
    )
  })
})
