import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { privateKeyOf } from '../../src/crypto/ed25519.ts'
import { VaultError } from '../../src/errors.ts'
import { formatCheckpoint, parseCheckpoint, signCheckpoint } from '../../src/proofs/checkpoint.ts'
import {
  type Consistency,
  consistencyProof,
  verifyConsistency,
} from '../../src/proofs/consistency.ts'
import { type Inclusion, inclusionProof, verifyInclusion } from '../../src/proofs/inclusion.ts'
import { formatNote, formatSignatures, parseNote } from '../../src/proofs/note.ts'
import { formatProofFile, parseProofFile } from '../../src/proofs/proof-file.ts'
import { leafHash, rootOf } from '../../src/proofs/tree.ts'
import { formatVkey, parseVkey, vkeyOf } from '../../src/proofs/vkey.ts'
import {
  formatAddCheckpoint,
  parseAddCheckpoint,
  parseWitnessResponse,
} from '../../src/proofs/witness-message.ts'
import { referenceTree } from '../fixtures/reference-tree.ts'
import { storedTree } from '../fixtures/stored-tree.ts'

const integrity = expect.objectContaining({ code: 'INTEGRITY' })

const data = Array.from({ length: 3000 }, (_, i) => Buffer.from(`entry ${i}`))
const leaves = data.map(leafHash)
const reference = referenceTree(data)

async function inclusion(index: number, size: number): Promise<Inclusion> {
  const proof = await inclusionProof(storedTree(leaves.slice(0, size)), { index, size })
  return { index, size, leaf: leaves[index]!, proof, root: reference.mth(0, size) }
}

async function consistency(from: number, to: number): Promise<Consistency> {
  const proof = await consistencyProof(storedTree(leaves.slice(0, to)), { from, to })
  return { from, to, proof, fromRoot: reference.mth(0, from), toRoot: reference.mth(0, to) }
}

/** A position and the size of a log that holds it. */
const within = (sizeMax: number) =>
  fc
    .integer({ min: 1, max: sizeMax })
    .chain((size) => fc.tuple(fc.integer({ min: 0, max: size - 1 }), fc.constant(size)))

describe('proofs', () => {
  it('are those of RFC 9162 for every size up to 300', async () => {
    const source = storedTree(leaves)
    for (let size = 1; size <= 300; size++) {
      expect(rootOf(leaves.slice(0, size))).toEqual(reference.mth(0, size))
      const ends = [0, Math.floor(size / 3), 255, size - 1]
      const some = size <= 24 ? Array.from({ length: size }, (_, i) => i) : ends
      for (const index of some.filter((at) => at >= 0 && at < size)) {
        const path = await inclusionProof(source, { index, size })
        expect(path).toEqual(reference.path(index, size))
        verifyInclusion({
          index,
          size,
          leaf: leaves[index]!,
          proof: path,
          root: reference.mth(0, size),
        })
        const claim = { from: index + 1, to: size }
        const proof = await consistencyProof(source, claim)
        expect(proof).toEqual(reference.proof(index + 1, size))
        const fromRoot = reference.mth(0, index + 1)
        verifyConsistency({ ...claim, proof, fromRoot, toRoot: reference.mth(0, size) })
      }
    }
  })

  test.prop([within(3000)], { numRuns: 60 })('are those of RFC 9162 for others', async (at) => {
    const [index, size] = at
    expect((await inclusion(index, size)).proof).toEqual(reference.path(index, size))
    expect((await consistency(index + 1, size)).proof).toEqual(reference.proof(index + 1, size))
  })
})

type Hashes = readonly Uint8Array[]

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(bit / 8) % copy.length
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit % 8)), at)
  return copy
}

/** Every way to change a list of hashes by one step. */
function* changed(proof: Hashes, bit: number): Generator<Hashes> {
  for (const [i, hash] of proof.entries()) {
    yield proof.with(i, flipped(hash, bit))
    yield proof.toSpliced(i, 1)
    yield proof.toSpliced(i, 0, hash)
    yield proof.with(i, hash.subarray(1))
    const next = proof[i + 1]
    if (next !== undefined) yield proof.with(i, next).with(i + 1, hash)
  }
  yield [...proof, Buffer.alloc(32)]
  yield [Buffer.alloc(32), ...proof]
}

const bits = fc.integer({ min: 0, max: 255 })

describe('a proof that was changed', () => {
  test.prop([within(700), bits], { numRuns: 60 })(
    'does not include a leaf',
    async ([index, size], bit) => {
      const claim = await inclusion(index, size)
      verifyInclusion(claim)
      const mutants: Inclusion[] = [
        ...[...changed(claim.proof, bit)].map((proof) => ({ ...claim, proof })),
        { ...claim, leaf: flipped(claim.leaf, bit) },
        { ...claim, root: flipped(claim.root, bit) },
        { ...claim, index: index - 1 },
        { ...claim, index: index + 1 },
        // Size and root come from one signed checkpoint: alone, another size may leave the way to the root as it is.
        { ...claim, size: size - 1, root: reference.mth(0, size - 1) },
        { ...claim, root: reference.mth(0, size + 1) },
      ]
      for (const mutant of mutants) {
        expect(() => verifyInclusion(mutant)).toThrow(integrity)
      }
    },
  )

  test.prop([within(700), bits], { numRuns: 60 })(
    'does not continue a log',
    async ([from, to], bit) => {
      fc.pre(from > 0)
      const claim = await consistency(from, to)
      verifyConsistency(claim)
      const mutants: Consistency[] = [
        ...[...changed(claim.proof, bit)].map((proof) => ({ ...claim, proof })),
        { ...claim, fromRoot: flipped(claim.fromRoot, bit) },
        { ...claim, toRoot: flipped(claim.toRoot, bit) },
        { ...claim, from: to, to: from },
        { ...claim, toRoot: claim.fromRoot, fromRoot: claim.toRoot },
      ]
      for (const mutant of mutants) {
        expect(() => verifyConsistency(mutant)).toThrow(integrity)
      }
    },
  )
})

const key = privateKeyOf(Buffer.alloc(32, 7))
const checkpoint = { origin: 'muniment/a/b', size: 300, root: reference.mth(0, 300) }
const note = signCheckpoint(checkpoint, [key, privateKeyOf(Buffer.alloc(32, 8))])
const hashes = reference.path(299, 300)
const lines = Buffer.from(note.subarray(note.lastIndexOf('\n\n') + 2))

/** A format: something that it takes, and how it is read and written again. */
interface Format {
  readonly name: string
  readonly sound: Buffer
  readonly again: (bytes: Buffer) => Uint8Array
}

const text = (bytes: Buffer) => bytes.toString('latin1')

const formats: readonly Format[] = [
  { name: 'note', sound: note, again: (bytes) => formatNote(parseNote(bytes)) },
  {
    name: 'checkpoint',
    sound: Buffer.from(formatCheckpoint(checkpoint)),
    again: (bytes) => {
      const { extensions, ...parsed } = parseCheckpoint(text(bytes))
      const more = extensions.map((line) => `${line}\n`).join('')
      return Buffer.from(formatCheckpoint(parsed) + more, 'latin1')
    },
  },
  {
    name: 'vkey',
    sound: Buffer.from(formatVkey(vkeyOf('muniment/a/b', key))),
    again: (bytes) => Buffer.from(formatVkey(parseVkey(text(bytes))), 'latin1'),
  },
  {
    name: 'proof file',
    sound: formatProofFile({ index: 299, extra: data[299], proof: hashes, checkpoint: note }),
    again: (bytes) => formatProofFile(parseProofFile(bytes)),
  },
  {
    name: 'request to a witness',
    sound: formatAddCheckpoint({ oldSize: 7, proof: hashes, checkpoint: note }),
    again: (bytes) => formatAddCheckpoint(parseAddCheckpoint(bytes)),
  },
  {
    name: 'answer of a witness',
    sound: lines,
    again: (body) => {
      const answer = parseWitnessResponse({ status: 200, contentType: undefined, body })
      return Buffer.from(answer.kind === 'cosigned' ? formatSignatures(answer.signatures) : '')
    },
  },
]

/** Bytes that come near to what a format takes. */
function near(sound: Buffer): fc.Arbitrary<Buffer> {
  const at = fc.nat({ max: sound.length })
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom('\n', '\n\n', ' ', '=', '+', '0', '\r', '\t', '— a AAAAAAA=\n', '\u2028'),
    fc.tuple(at, at).map(([from, to]) => sound.subarray(Math.min(from, to), Math.max(from, to))),
  )
  const edit = fc.record({ at, gone: fc.nat({ max: 40 }), piece })
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) =>
    edits.reduce<Buffer>((bytes, { at, gone, piece }) => {
      const put = typeof piece === 'string' ? Buffer.from(piece) : piece
      return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + gone)])
    }, sound),
  )
}

describe.each(formats)('bytes near to a $name', ({ sound, again }) => {
  it('are read and written as they were', () => expect(again(sound)).toEqual(sound))

  test.prop([fc.oneof(near(sound), fc.uint8Array().map(Buffer.from))], { numRuns: 400 })(
    'are refused, or have no other spelling',
    (bytes) => {
      let written: Uint8Array | undefined
      try {
        written = again(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(VaultError)
        expect((error as VaultError).code).toMatch(/^(INVALID|TOO_LARGE|UNSUPPORTED)$/)
      }
      if (written !== undefined) expect(Buffer.from(written)).toEqual(bytes)
    },
  )
})
