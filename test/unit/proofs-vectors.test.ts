import { createHash, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { privateKeyOf } from '../../src/crypto/ed25519.ts'
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../src/proofs/checkpoint.ts'
import { verifyConsistency } from '../../src/proofs/consistency.ts'
import { readCosignature } from '../../src/proofs/cosignature.ts'
import { inclusionProof, verifyInclusion } from '../../src/proofs/inclusion.ts'
import { cosignNote, formatNote, parseNote, signNote, verifyNote } from '../../src/proofs/note.ts'
import { formatProofFile, parseProofFile } from '../../src/proofs/proof-file.ts'
import { subtreesOf } from '../../src/proofs/subtrees.ts'
import { leafHash, nodeHash, rootOf } from '../../src/proofs/tree.ts'
import { formatVkey, parseVkey, vkeyOf } from '../../src/proofs/vkey.ts'
import { formatAddCheckpoint, parseAddCheckpoint } from '../../src/proofs/witness-message.ts'
import { storedTree } from '../fixtures/stored-tree.ts'

/** Public test vectors are run from where they lie: `MUNIMENT_VECTORS` names a folder that holds them. */
const folder = process.env.MUNIMENT_VECTORS

/** A set, or undefined, said aloud, where it is not there. */
function load<Set>(name: string): Set | undefined {
  const path = folder === undefined ? undefined : join(folder, name)
  if (path !== undefined && existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'))
  console.warn(`SKIPPED: ${name}: ${path ?? 'MUNIMENT_VECTORS'} is not there`)
  return undefined
}

/** Runs a set's tests, or one that says that it is skipped. */
function suite<Set>(name: string, run: (set: Set) => void): void {
  const set = load<Set>(name)
  describe.skipIf(set === undefined)(name, () => {
    if (set === undefined) it('is there', () => undefined)
    else run(set)
  })
}

const integrity = expect.objectContaining({ code: 'INTEGRITY' })
const invalid = expect.objectContaining({ code: 'INVALID' })

function base64(text: string): Buffer {
  return Buffer.from(text, 'base64')
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

/** A note key of Go's `sumdb/note`: "PRIVATE+KEY+name+id+base64(type ‖ seed)". */
function signerOf(skey: string): { name: string; key: KeyObject } {
  const [, , name = '', , ...rest] = skey.split('+')
  return { name, key: privateKeyOf(base64(rest.join('+')).subarray(1)) }
}

interface ProofCase {
  readonly desc: string
  readonly file: string
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}

function expectBoth(cases: readonly ProofCase[]): void {
  expect(new Set(cases.map(({ wantErr }) => wantErr))).toEqual(new Set([true, false]))
}

suite<{
  cases: (ProofCase & { leafIdx: number; treeSize: number; leafHash: string; root: string })[]
}>('merkle-inclusion.json', ({ cases }) => {
  it('has proofs that hold and proofs that do not', () => expectBoth(cases))

  it.each(cases)('$file refused: $wantErr', (test) => {
    const verify = () =>
      verifyInclusion({
        index: test.leafIdx,
        size: test.treeSize,
        leaf: base64(test.leafHash),
        proof: (test.proof ?? []).map(base64),
        root: base64(test.root),
      })
    if (test.wantErr) expect(verify).toThrow(integrity)
    else verify()
  })
})

suite<{
  cases: (ProofCase & { size1: number; size2: number; root1: string; root2: string })[]
}>('merkle-consistency.json', ({ cases }) => {
  it('has proofs that hold and proofs that do not', () => expectBoth(cases))

  it.each(cases)('$file refused: $wantErr', (test) => {
    const verify = () =>
      verifyConsistency({
        from: test.size1,
        to: test.size2,
        proof: (test.proof ?? []).map(base64),
        fromRoot: base64(test.root1),
        toRoot: base64(test.root2),
      })
    // One case compares roots that are no hashes; here a root has 32 bytes.
    if (test.wantErr || base64(test.root1).length !== 32) expect(verify).toThrow(integrity)
    else verify()
  })
})

suite<{
  empty_root: string
  empty_leaf: string
  leaf: { data_utf8: string; hash: string }
  node: { left_utf8: string; right_utf8: string; hash: string }
  ct_leaf_inputs_hex: string[]
  node_hashes_by_level: string[][]
  root_hashes_by_size: string[]
  golden_large_roots: { cases: { size: number; root_base64: string }[] }
  accumulated_subtree_vectors: Record<string, string>
}>('rfc6962-hash.json', (set) => {
  const leaves = set.ct_leaf_inputs_hex.map((data) => leafHash(hex(data)))

  it('leaves and nodes', () => {
    expect(rootOf([]).toString('hex')).toBe(set.empty_root)
    expect(leafHash(Buffer.alloc(0)).toString('hex')).toBe(set.empty_leaf)
    expect(leafHash(Buffer.from(set.leaf.data_utf8)).toString('hex')).toBe(set.leaf.hash)
    expect(set.node_hashes_by_level[0]).toEqual(leaves.map((leaf) => leaf.toString('hex')))
    for (const [level, hashes] of set.node_hashes_by_level.slice(1).entries()) {
      const below = (set.node_hashes_by_level[level] ?? []).map(hex)
      const found = hashes.map((_, i) => nodeHash(below[2 * i]!, below[2 * i + 1]!).toString('hex'))
      expect(found).toEqual(hashes)
    }
  })

  it('roots of the sizes 0 to 8', () => {
    const roots = set.root_hashes_by_size.map((_, size) =>
      rootOf(leaves.slice(0, size)).toString('hex'),
    )
    expect(roots).toEqual(set.root_hashes_by_size)
  })

  it.each(set.golden_large_roots.cases)('root of $size leaves', ({ size, root_base64 }) => {
    const many = Array.from({ length: size }, (_, i) =>
      leafHash(Buffer.of(i & 0xff, (i >> 8) & 0xff)),
    )
    expect(rootOf(many).toString('base64')).toBe(root_base64)
  })

  /** draft-ietf-plants-merkle-tree-certs: empty, or from a multiple of the smallest power of two ≥ its size. */
  function* subtrees(): Generator<readonly [number, number]> {
    for (let end = 0; end <= 130; end++) {
      for (let start = 0; start <= end; start++) {
        const step = 2 ** Math.ceil(Math.log2(end - start))
        if (start === end || start % step === 0) yield [start, end]
      }
    }
  }
  const bytes = Array.from({ length: 130 }, (_, i) => leafHash(Buffer.of(i)))

  it('hashes of subtrees', async () => {
    const found = createHash('sha256')
    const subtree = subtreesOf(storedTree(bytes), bytes.length)
    for (const [start, end] of subtrees()) {
      found.update(`[${start}, ${end}) ${(await subtree(start, end)).toString('hex')}\n`)
    }
    expect(found.digest('hex')).toBe(set.accumulated_subtree_vectors.TestSubtreeHashVectors)
  })

  it('inclusion proofs in subtrees', async () => {
    const found = createHash('sha256')
    for (const [start, end] of subtrees()) {
      const source = storedTree(bytes.slice(start, end))
      for (let index = start; index < end; index++) {
        const about = { index: index - start, size: end - start }
        const proof = await inclusionProof(source, about)
        const hashes = proof.map((hash) => ` ${hash.toString('hex')}`).join('')
        found.update(`${index} [${start}, ${end})${hashes}\n`)
      }
    }
    expect(found.digest('hex')).toBe(
      set.accumulated_subtree_vectors.TestSubtreeInclusionProofVectors,
    )
  })
})

interface NoteCase {
  readonly desc: string
  readonly note?: string
  readonly note_base64?: string
  readonly verifiers: readonly string[]
}

suite<{
  keys: Record<string, string>
  text: string
  valid: (NoteCase & { verified: number; unverified: number; signer?: string })[]
  invalid: (NoteCase & { error: string })[]
  bad_vkeys: string[]
  bad_key_names: string[]
}>('signed-note.json', ({ keys, valid, invalid: refused, ...set }) => {
  const bytesOf = ({ note, note_base64 }: NoteCase) =>
    note === undefined ? base64(note_base64 ?? '') : Buffer.from(note)
  const verifiersOf = ({ verifiers }: NoteCase) =>
    verifiers.map((name) => parseVkey(keys[name] ?? ''))

  it.each(valid)('verifies: $desc', (test) => {
    const note = parseNote(bytesOf(test))
    const distinct = new Set(note.signatures.map(({ name, keyId }) => name + keyId))
    expect(verifyNote(note, verifiersOf(test))).toHaveLength(test.verified)
    expect(distinct.size - test.verified).toBe(test.unverified)
    expect(formatNote(note)).toEqual(bytesOf(test))
  })

  it('signs as Go does', () => {
    const [{ note } = { note: '' }] = valid
    const signature = signNote(set.text, signerOf(keys.peter_skey_test_only ?? ''))
    expect(formatNote({ text: set.text, signatures: [signature] }).toString()).toBe(note)
  })

  it.each(refused)('refuses: $desc ($error)', (test) => {
    const verify = () => verifyNote(parseNote(bytesOf(test)), verifiersOf(test))
    expect(verify).toThrow(test.error === 'malformed' ? invalid : integrity)
  })

  it('reads vkeys and writes them as they were', () => {
    for (const name of ['peter_vkey', 'enoch_vkey', 'spec_vkey']) {
      const text = keys[name] ?? ''
      expect(formatVkey(parseVkey(text))).toBe(text)
    }
  })

  it('refuses bad vkeys, every part of one and every neighbour', () => {
    const vkey = keys.peter_vkey ?? ''
    const parts = [...vkey].flatMap((_, from) =>
      [...vkey].map((_, to) => vkey.slice(from, to + 1)).filter((part) => part !== vkey),
    )
    const neighbours = [...vkey].map(
      (character, i) =>
        vkey.slice(0, i) + String.fromCharCode(character.charCodeAt(0) + 1) + vkey.slice(i + 1),
    )
    const refusal = expect.objectContaining({ code: expect.stringMatching(/INVALID|UNSUPPORTED/) })
    for (const text of [...set.bad_vkeys, ...parts, ...neighbours]) {
      expect(() => parseVkey(text), text).toThrow(refusal)
    }
  })

  it.each(set.bad_key_names)('refuses the name %j', (name) => {
    const { key } = signerOf(keys.peter_skey_test_only ?? '')
    expect(() => vkeyOf(name, key)).toThrow(invalid)
  })
})

suite<{
  valid: { text: string; origin: string; size: string; root: string; extensions?: string[] }[]
  invalid: { desc: string; text: string }[]
  own_additions: { desc: string; text: string }[]
}>('tlog-checkpoint.json', (set) => {
  it.each(set.valid)('reads $text', ({ text, origin, size, root, extensions = [] }) => {
    const checkpoint = parseCheckpoint(text)
    expect(checkpoint).toEqual({ origin, size: Number(size), root: base64(root), extensions })
    expect(formatCheckpoint(checkpoint) + extensions.map((line) => `${line}\n`).join('')).toBe(text)
  })

  it.each([...set.invalid, ...set.own_additions])('refuses: $desc', ({ text }) => {
    expect(() => parseCheckpoint(text)).toThrow(invalid)
  })
})

suite<{
  log_vkey: string
  log_skey_test_only: string
  witness_ed25519_seed_note_key_test_only: string
  witness_note_vkey_type01: string
  initial_checkpoint: string
  next_checkpoint: string
  consistency_5_to_8_hex: string[]
  cosignature_vkeys_valid: string[]
  ed25519_cosigned_message_example: string
}>('tlog-cosignature-witness.json', (set) => {
  const log = parseVkey(set.log_vkey)
  const next = Buffer.from(set.next_checkpoint)

  it('verifies both checkpoints, and the proof from one to the other', () => {
    const older = openCheckpoint(Buffer.from(set.initial_checkpoint), { log })
    const newer = openCheckpoint(next, { log })
    expect([older.size, newer.size]).toEqual([5, 8])
    verifyConsistency({
      from: older.size,
      fromRoot: older.root,
      to: newer.size,
      toRoot: newer.root,
      proof: set.consistency_5_to_8_hex.map(hex),
    })
  })

  it('signs as the log did', () => {
    const { text, signatures } = parseNote(next)
    expect([signNote(text, signerOf(set.log_skey_test_only))]).toEqual(signatures)
  })

  it('carries them in a request to a witness', () => {
    const message = {
      oldSize: 5,
      proof: set.consistency_5_to_8_hex.map(hex),
      checkpoint: next,
    }
    expect(parseAddCheckpoint(formatAddCheckpoint(message))).toEqual(message)
  })

  it('cosigns, and verifies it at its time', () => {
    const note = parseNote(next)
    const witness = signerOf(set.witness_ed25519_seed_note_key_test_only)
    expect(formatVkey(vkeyOf(witness.name, witness.key))).toBe(set.witness_note_vkey_type01)
    const signatures = [...note.signatures, cosignNote(note.text, witness, 1_679_315_147)]
    const witnesses = [vkeyOf(witness.name, witness.key, 'cosignature/v1')]
    const opened = openCheckpoint(formatNote({ text: note.text, signatures }), { log, witnesses })
    const time = new Date('2023-03-20T12:25:47Z')
    expect(opened.cosigners).toEqual([{ name: 'witness', time }])
  })

  it('cosigns the message of the specification', () => {
    const [, time = '', ...text] = set.ed25519_cosigned_message_example.split(/(?<=\n)/)
    const bytes = Buffer.alloc(72)
    bytes.writeBigUInt64BE(BigInt(time.slice('time '.length, -1)))
    expect(readCosignature(text.join(''), bytes).message.toString()).toBe(
      set.ed25519_cosigned_message_example,
    )
  })

  it('reads vkeys of Ed25519 and of cosignatures, and says that ML-DSA is not supported', () => {
    const [plain = '', cosignature = '', lattice = ''] = set.cosignature_vkeys_valid
    expect(parseVkey(plain)).toMatchObject({ name: 'TEST', type: 'ed25519' })
    expect(parseVkey(cosignature)).toMatchObject({
      name: 'remora.n621.de',
      type: 'cosignature/v1',
      keyId: 'da77ade7',
    })
    expect(() => parseVkey(lattice)).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'vkey: expected a key of type 1 or 4, found 6',
      }),
    )
  })
})

suite<{
  valid: { index: number; extra?: string; hashes: string[]; checkpoint: string; text: string }[]
  invalid: { desc: string; text: string }[]
}>('tlog-proof.json', (set) => {
  it.each(set.valid)('reads and writes index $index', ({ index, extra, hashes, ...test }) => {
    const file = {
      index,
      extra: extra === undefined ? undefined : Buffer.from(extra),
      proof: hashes.map(base64),
      checkpoint: Buffer.from(test.checkpoint),
    }
    expect(parseProofFile(Buffer.from(test.text))).toEqual(file)
    expect(formatProofFile(file).toString()).toBe(test.text)
  })

  it.each(set.invalid)('refuses: $desc', ({ text }) => {
    expect(() => parseProofFile(Buffer.from(text))).toThrow(invalid)
  })
})
