import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { privateKeyOf, rawPublicKey } from '../../src/crypto/ed25519.ts'
import { randomBytes, randomKey } from '../../src/crypto/random.ts'
import { xaes } from '../../src/crypto/xaes.ts'
import { plainEvent } from '../../src/events/decode.ts'
import { levelStore, passphrase, type Store, Vault } from '../../src/index.ts'
import { openKeyRow, sealKeyRow } from '../../src/keys/key-row.ts'
import {
  type OwnerKeyring,
  openKeyring,
  parseKeyring,
  sealKeyring,
} from '../../src/keys/keyring.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { openSlots } from '../../src/keys/unlock.ts'
import { CommitWriter, sealCommit } from '../../src/log/commit.ts'
import { openEpochs } from '../../src/log/epochs.ts'
import { eventAt } from '../../src/log/reader.ts'
import { keySpace, rowKinds } from '../../src/projections/derived/sealed-rows.ts'
import { openCheckpoint } from '../../src/proofs/checkpoint.ts'
import { verifyInclusion } from '../../src/proofs/inclusion.ts'
import { parseNote } from '../../src/proofs/note.ts'
import {
  formatProofFile,
  type ProofFile,
  parseProofFile,
  verifyProofFile,
} from '../../src/proofs/proof-file.ts'
import { leafHash, nodeHash } from '../../src/proofs/tree.ts'
import { parseVkey } from '../../src/proofs/vkey.ts'
import { type Verification, type VerifyOptions, verifyLog } from '../../src/vault/verify.ts'
import { cosign } from '../../src/vault/witness.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { lightKdf, words } from '../fixtures/cli.ts'
import { startWitness } from '../fixtures/witness.ts'
import { create, open, refusal, scratch } from './vault-material.ts'

// One test for each row of the attacks on a log that anybody has thought of so far, in a vault's real folder.

type Rows = Level<Buffer, Buffer>
type Harm = (path: string) => Promise<unknown>

let parent: string
let places = 0
const newPath = () => join(parent, `${places++}`)

/** A vault of 512 events and a few, the first secrets of which lie in commits of their own. */
let sound: string
/** Its verifier, as an auditor has pinned it, and the checkpoint and proof of event 5 that he was given. */
let pinned: string
let note: Buffer
let proof: ProofFile

beforeAll(async () => {
  parent = await scratch({ fast: true })
  sound = newPath()
  const vault = await create({ path: sound })
  for (const value of ['one', 'two', 'three']) await vault.write('prod/db', value)
  const { size } = await vault.health()
  await Promise.all(Array.from({ length: 512 - size }, () => vault.read('prod/db')))
  pinned = vault.identity().verifier
  note = (await vault.proofs.checkpoint()).note
  proof = parseProofFile((await vault.proofs.event(5)).file)
  await vault.destroy('prod/db', { versions: [1] })
  await vault.close()
  expect((await verified(sound)).problems).toEqual([])
})
afterAll(() => rm(parent, { recursive: true }))

/** A copy of a folder, to which harm was done. */
async function harmed(from: string, harm: Harm): Promise<string> {
  const path = newPath()
  await cp(from, path, { recursive: true })
  await harm(path)
  return path
}

async function inRows<T>(path: string, work: (rows: Rows) => Promise<T>): Promise<T> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', createIfMissing: false }
  const rows: Rows = new Level(path, options)
  try {
    return await work(rows)
  } finally {
    await rows.close()
  }
}

const inLog = (path: string, work: (rows: Rows) => Promise<unknown>) =>
  inRows(join(path, 'log'), work)

function commitKey(first: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(first))
  return key
}

async function bytesAt(rows: Rows, key: Buffer): Promise<Buffer> {
  const bytes = await rows.get(key)
  if (bytes === undefined) throw new Error(`no row ${key.toString('hex')}`)
  return bytes
}

const keyringOf = async (path: string) => {
  const sealed = parseKeyring(await readFile(join(path, 'keyring')))
  const { root } = await openSlots(sealed, noKdf)
  const { values, ...keyring } = openKeyring(sealed, root)
  if (root.role !== 'owner' || values === undefined) throw new Error('expected an owner')
  return { R: root.R, owner: { ...keyring, values }, auditor: keyring }
}

/** Every byte of a folder, held against itself by whoever has these keys; nothing is opened that could mend it. */
async function verified(path: string, role: 'owner' | 'auditor' = 'owner'): Promise<Verification> {
  const keyring = (await keyringOf(path))[role]
  return withStore(path, (store) => verifyLog({ store, keyring }))
}

async function withStore<T>(path: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await levelStore(path).open()
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const codesOf = ({ problems }: Verification) => [...new Set(problems.map(({ code }) => code))]
const flipped = (bytes: Buffer, at: number) => {
  const changed = Buffer.from(bytes)
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
  return changed
}

describe('bit flip in body, header, tag, tile; shortened tag', () => {
  /** header(36) ‖ ciphertext ‖ tag(16) ‖ mac(32) */
  it.each<[string, (commit: Buffer) => Buffer, string]>([
    ['a bit of the body', (commit) => flipped(commit, 40), 'seal'],
    ['a bit of the epoch', (commit) => flipped(commit, 7), 'epoch'],
    ['a bit of the nonce', (commit) => flipped(commit, 12), 'seal'],
    ['a bit of the tag', (commit) => flipped(commit, commit.length - 40), 'seal'],
    [
      'a tag of 4 bytes',
      (commit) => Buffer.concat([commit.subarray(0, -44), commit.subarray(-32)]),
      'seal',
    ],
  ])('%s: the AEAD', async (_what, change, code) => {
    const path = await harmed(sound, (to) =>
      inLog(to, async (rows) => rows.put(commitKey(3), change(await bytesAt(rows, commitKey(3))))),
    )
    for (const role of ['owner', 'auditor'] as const) {
      expect(codesOf(await verified(path, role)), role).toEqual([code, 'unproved'])
    }
    const vault = await open({ path })
    expect((await refusal(vault.read('prod/db', { version: 2 }))).code).toBe('INTEGRITY')
    await vault.close()
  })

  it('a bit of each tile: roots recomputed', async () => {
    const space = keySpace(rowKinds.tree, '')
    const path = await harmed(sound, (to) =>
      inRows(join(to, 'derived'), async (rows) => {
        const tiles = (await rows.iterator().all()).filter(([key]) =>
          key.subarray(0, space.length).equals(space),
        )
        expect(tiles.length).toBeGreaterThan(1)
        for (const [key, bytes] of tiles) await rows.put(key, flipped(bytes, bytes.length - 20))
      }),
    )
    const vault = await open({ path })
    const { file } = await vault.proofs.event(5)
    expect(verifyProofFile(file, { log: parseVkey(pinned) }).index).toBe(5)
    await vault.close()
    await checkVault(path)
  })
})

describe('leaf taken for node, proofs mutated', () => {
  const trust = () => ({ log: parseVkey(pinned) })

  it('the prefixes of RFC 9162 §2.1.1', async () => {
    const { index, extra, proof: path, checkpoint } = proof
    const { size, root } = openCheckpoint(checkpoint, trust())
    const [sibling = Buffer.alloc(0), ...above] = path
    const leaf = leafHash(extra ?? Buffer.alloc(0))
    const parentOf = { index: index >> 1, size: size / 2, proof: above, root }
    const children = [sibling, leaf] as const
    // In the tree of the nodes one level up, the parent is what the path leads from: as a leaf, it is not.
    verifyInclusion({ ...parentOf, leaf: nodeHash(...children) })
    expect(() => verifyInclusion({ ...parentOf, leaf: leafHash(Buffer.concat(children)) })).toThrow(
      expect.objectContaining({ code: 'INTEGRITY' }),
    )
  })

  it('strict lengths', () => {
    const { index, proof: path } = proof
    const [first = Buffer.alloc(0), second = Buffer.alloc(0), ...rest] = path
    const mutants: Partial<ProofFile>[] = [
      { index: index ^ 1 },
      { index: 512 },
      { proof: path.slice(1) },
      { proof: path.slice(0, -1) },
      { proof: [...path, first] },
      { proof: [second, first, ...rest] },
      ...path.map((hash, at) => ({ proof: path.with(at, flipped(hash, 31)) })),
      { extra: flipped(proof.extra ?? Buffer.alloc(0), 20) },
    ]
    for (const mutant of mutants) {
      const file = formatProofFile({ ...proof, ...mutant })
      expect(() => verifyProofFile(file, trust()), Object.keys(mutant).join()).toThrow(
        expect.objectContaining({ code: 'INTEGRITY' }),
      )
    }
    const short = formatProofFile(proof)
      .toString()
      .replace(/^\S{43}=$/m, 'AAAA')
    expect(() => verifyProofFile(Buffer.from(short), trust())).toThrow(
      expect.objectContaining({ code: 'INVALID' }),
    )
  })
})

describe('reorder, repeat, gap', () => {
  const put = (rows: Rows, first: number, sealed: Buffer) => rows.put(commitKey(first), sealed)

  it.each<[string, (rows: Rows) => Promise<unknown>, string[]]>([
    [
      'reorder: position in the aad',
      async (rows) => {
        const [one, two] = [await bytesAt(rows, commitKey(2)), await bytesAt(rows, commitKey(3))]
        await put(rows, 2, two)
        await put(rows, 3, one)
      },
      ['seal', 'unproved'],
    ],
    [
      'repeat: position in the aad',
      async (rows) => put(rows, 3, await bytesAt(rows, commitKey(2))),
      ['seal', 'unproved'],
    ],
    ['gap: density', (rows) => rows.del(commitKey(3)), ['unreadable', 'unproved']],
  ])('%s', async (_what, change, codes) => {
    const path = await harmed(sound, (to) => inLog(to, change))
    expect(codesOf(await verified(path))).toEqual(codes)
    await rm(join(path, 'derived'), { recursive: true })
    expect((await refusal(open({ path }))).code).toBe('INTEGRITY')
  })
})

describe('splice from another vault', () => {
  it('vault id in the aad', async () => {
    const path = await harmed(sound, async (to) => {
      // Even one that was made with this vault's own keys.
      const { owner } = await keyringOf(to)
      const epochs = openEpochs(owner)
      const { event } = await withStore(to, (store) => eventAt({ store, epochs }, 3))
      const plain = new CommitWriter()
      plain.clear()
      plain.add(plainEvent(event))
      const another = { vaultId: randomBytes(16), first: 3, plain }
      await inLog(to, (rows) => rows.put(commitKey(3), sealCommit(epochs.at(3), another)))
    })
    expect(codesOf(await verified(path))).toEqual(['seal', 'unproved'])
  })

  it('origin line', async () => {
    const path = await harmed(sound, async (to) => {
      const other = await create({ path: newPath() })
      await writeFile(join(to, 'checkpoint'), (await other.proofs.checkpoint()).note)
      await other.close()
    })
    expect((await verified(path)).problems).toMatchObject([
      { code: 'checkpoint', message: 'the checkpoint at rest is of another vault' },
    ])
    expect(await refusal(open({ path }))).toMatchObject({
      code: 'INTEGRITY',
      message: 'a checkpoint beside the log is of another vault',
    })
  })
})

/** Cuts the log to a size at which a commit ended, and takes all that derives from more. */
async function cutTo(path: string, size: number): Promise<void> {
  await inLog(path, async (rows) => {
    await rows.clear({ gte: commitKey(size), lt: Buffer.of(1) })
    const keyRow = Buffer.concat([Buffer.from('k'), commitKey(size)])
    await rows.clear({ gte: keyRow, lt: Buffer.from('l') })
  })
  for (const name of ['head', 'derived']) await rm(join(path, name), { recursive: true })
}

it('cut below a kept checkpoint: size > log', async () => {
  const path = await harmed(sound, (to) => cutTo(to, 4))
  expect(codesOf(await verified(path))).toContain('cut')
  expect(await refusal(open({ path }))).toMatchObject({
    code: 'INTEGRITY',
    message: expect.stringMatching(/^the log ends at 4, and its checkpoint says \d+: it was cut$/),
  })
})

describe('what a folder alone cannot tell, and somebody outside it can', () => {
  let witness: Awaited<ReturnType<typeof startWitness>>
  /** What the anchor holds; it can be away. */
  let file: string
  let backup: string
  /** A vault at two times. */
  let older: string
  let newer: string
  let verifier: string
  /** The checkpoint of the newer one, which somebody remembers. */
  let remembered: Buffer
  let olderNote: Buffer
  let rememberedSize: number

  beforeAll(async () => {
    witness = await startWitness()
    file = join(parent, 'elsewhere.checkpoint')
    backup = join(parent, 'vault.muna')
    newer = newPath()
    const first = await create({ path: newer })
    verifier = first.identity().verifier
    witness.trust(verifier)
    await first.anchors.add({ file })
    const added = await first.anchors.add({ witness: witness.url, vkey: witness.vkey })
    expect(added.failure).toBeUndefined()
    await first.write('prod/db', 'one')
    await first.backup(backup)
    await first.close()
    olderNote = await readFile(file)
    older = await harmed(newer, async () => undefined)
    const second = await open({ path: newer })
    for (let n = 0; n < 9; n++) await second.write('prod/db', `later ${n}`)
    await second.close()
    remembered = await readFile(file)
    rememberedSize = openCheckpoint(remembered, { log: parseVkey(verifier) }).size
  })
  afterAll(() => witness.close())

  // A copy that goes on takes file and witness along; each attack finds them as the newer vault left them.
  beforeEach(async () => {
    await writeFile(file, remembered)
    const { origin, size, root } = openCheckpoint(remembered, { log: parseVkey(verifier) })
    witness.seen.set(origin, { size, root })
  })

  const against = (checkpoint = remembered) => ({
    against: { checkpoint, trust: { log: parseVkey(verifier) } },
  })

  /** Verifies while the anchor's file is out of reach. */
  async function verifyWithoutFile(vault: Vault, options?: VerifyOptions): Promise<Verification> {
    await rename(file, `${file}.away`)
    return vault.verify(options).finally(() => rename(`${file}.away`, file))
  }

  /** The folder opens, and every byte of it holds; only its words say that nobody else was asked. */
  async function expectSoundAlone(vault: Vault): Promise<void> {
    const found = await verifyWithoutFile(vault)
    // What a witness cosigned before stands in the folder and holds; of what came after it, it says nothing.
    expect(found).toMatchObject({ ok: true, problems: [] })
    expect(found.anchored).toBeLessThan(found.size)
  }

  /** What each of them says: by itself, and of the checkpoint that it is sent. */
  interface Told {
    readonly remembered: string
    readonly file: { readonly codes: readonly string[]; readonly failure: RegExp }
    readonly witness: RegExp
  }

  async function expectTold(vault: Vault, told: Told): Promise<void> {
    expect(codesOf(await verifyWithoutFile(vault, against()))).toEqual([told.remembered])
    expect(codesOf(await vault.verify())).toEqual(told.file.codes)
    const states = await vault.anchors.now()
    expect(states.find(({ kind }) => kind === 'file')?.failure).toMatch(told.file.failure)
    expect(states.find(({ kind }) => kind === 'witness')?.failure).toMatch(told.witness)
  }

  const goOn = async (vault: Vault) => {
    for (let n = 0; n < 20; n++) await vault.write('prod/db', `otherwise ${n}`)
  }

  const rolledBack: Told = {
    remembered: 'cut',
    file: {
      codes: ['cut'],
      failure: /holds a checkpoint of \d+ events, and the log has \d+: it was rolled back$/,
    },
    witness:
      /^the witness has seen a log of \d+ events, and this one holds \d+: it was rolled back$/,
  }
  const wentAnotherWay: Told = {
    remembered: 'against',
    file: { codes: ['anchor'], failure: /^consistency proof: / },
    witness: /does not continue the one that it has seen \(HTTP 422\)$/,
  }

  it('cut with the checkpoints: a witness, a remembered checkpoint', async () => {
    const { size } = openCheckpoint(olderNote, { log: parseVkey(verifier) })
    const path = await harmed(newer, async (to) => {
      await cutTo(to, size)
      for (const name of ['checkpoint', 'checkpoints-00000000', 'anchored']) {
        await rm(join(to, name), { force: true })
      }
      await cp(join(older, 'checkpoints-00000000'), join(to, 'checkpoints-00000000'))
    })
    const vault = await open({ path })
    await expectSoundAlone(vault)
    await expectTold(vault, rolledBack)
    await vault.close()
    await checkVault(path)
  })

  it('the whole folder rolled back: a witness, a remembered checkpoint', async () => {
    const path = await harmed(older, async () => undefined)
    const vault = await open({ path })
    await expectSoundAlone(vault)
    await expectTold(vault, rolledBack)
    await vault.close()
    await checkVault(path)
  })

  it('fork, two views: two signed checkpoints of one size with different roots', async () => {
    const views = [newPath(), newPath()]
    const notes: Buffer[] = []
    for (const path of views) {
      await cp(older, path, { recursive: true })
      const vault = await open({ path })
      await vault.write('prod/db', `of ${path}`)
      await expectSoundAlone(vault)
      notes.push((await vault.proofs.checkpoint()).note)
      await vault.close()
    }
    // Whoever holds both needs nothing else: one key says two things of one log.
    const [one, two] = notes.map((bytes) => openCheckpoint(bytes, { log: parseVkey(verifier) }))
    expect(one?.size).toBe(two?.size)
    expect(one?.root).not.toEqual(two?.root)
    const vault = await open({ path: views[0] ?? '' })
    const found = await vault.verify(against(notes[1]))
    expect(codesOf(found)).toContain('against')
    await vault.close()
  })

  it('crash, then another history: a witness, a remembered checkpoint', async () => {
    const path = await harmed(older, async () => undefined)
    const vault = await open({ path })
    await goOn(vault)
    await expectSoundAlone(vault)
    await expectTold(vault, wentAnotherWay)
    await vault.close()
    await checkVault(path)
  })

  it('restore, then another history, under a name that no witness knows', async () => {
    const path = newPath()
    const vault = await Vault.restore({ path, from: backup, unlock: noKdf, actor: 'svc/test' })
    await goOn(vault)
    await expectSoundAlone(vault)
    await expectTold(vault, {
      remembered: 'against',
      file: { codes: ['checkpoint', 'anchor'], failure: /^consistency proof: / },
      witness: /^the witness knows no log of this origin \(HTTP 404\)$/,
    })
    await vault.close()
    await checkVault(path)
  })

  it('old checkpoint replayed: monotonic verifier state', async () => {
    const path = await harmed(newer, async (to) => {
      await rm(join(to, 'checkpoint'), { force: true })
      await rm(join(to, 'anchored'))
      await cp(join(older, 'checkpoints-00000000'), join(to, 'checkpoints-00000000'))
    })
    const vault = await open({ path })
    await expectSoundAlone(vault)
    const found = await verifyWithoutFile(vault, against(olderNote))
    const { size, ...old } = openCheckpoint(olderNote, { log: parseVkey(verifier) })
    // True of the log, and of no help against a rollback to it: it vouches for no more than it covers.
    expect(found).toMatchObject({ ok: true, anchored: size })
    const replayed = { origin: old.origin, root: old.root, size, note: olderNote }
    const asked = cosign({ url: witness.url, vkey: parseVkey(witness.vkey) }, replayed, {
      seen: 0,
      prove: async () => [],
      signal: AbortSignal.timeout(5000),
    })
    expect(await refusal(asked)).toMatchObject({
      code: 'INTEGRITY',
      expected: rememberedSize,
      found: size,
    })
    await vault.close()
  })

  it('old checkpoint replayed: cosignature time', async () => {
    const trust = { log: parseVkey(verifier), witnesses: [parseVkey(witness.vkey)] }
    const { text } = parseNote(olderNote)
    const cosigned = await readFile(join(older, 'anchored'))
    const line = /^— witness\.test .*$/m.exec(cosigned.toString())?.[0]
    const [own] = /^— muniment.*$/m.exec(olderNote.toString()) ?? []
    const bytes = Buffer.from(`${text}\n${own}\n${line}\n`)
    expect(openCheckpoint(bytes, trust).cosigners).toEqual([
      { name: 'witness.test', time: new Date(1_800_000_000_000) },
    ])
    // A time that a replay would have to change is signed along.
    const at = Buffer.from(line?.split(' ').at(-1) ?? '', 'base64')
    at.writeBigUInt64BE(1_900_000_000n, 4)
    const later = bytes.toString().replace(line ?? '', `— witness.test ${at.toString('base64')}`)
    expect(() => openCheckpoint(Buffer.from(later), trust)).toThrow(
      expect.objectContaining({ code: 'INTEGRITY' }),
    )
  })

  it('but where nothing was done, all of them agree', async () => {
    const path = await harmed(newer, async () => undefined)
    const vault = await open({ path })
    await expectSoundAlone(vault)
    const found = await vault.verify(against())
    expect(found).toMatchObject({ ok: true, anchored: rememberedSize })
    await vault.close()
    await checkVault(path)
  })
})

/** Every key of a keyring's signing replaced by an attacker's, and all checkpoints taken away. */
async function signAnew(path: string): Promise<void> {
  const { R, owner } = await keyringOf(path)
  const seed = randomKey()
  const signer = { epoch: 1, publicKey: rawPublicKey(privateKeyOf(seed)) }
  const keyring: OwnerKeyring = {
    ...owner,
    log: { ...owner.log, signers: [signer] },
    values: { ...owner.values, signing: [{ epoch: 1, seed }] },
  }
  await writeFile(join(path, 'keyring'), sealKeyring(keyring, R))
  for (const name of ['checkpoint', 'checkpoints-00000000']) {
    await rm(join(path, name), { force: true })
  }
}

describe('signing key substituted', () => {
  it('pinned vkey', async () => {
    const path = await harmed(sound, signAnew)
    const vault = await open({ path })
    const signed = await vault.proofs.checkpoint()
    // By itself it is in order, to the last signature.
    expect(await vault.verify()).toMatchObject({ ok: true, anchored: 0, unsigned: 0 })
    const trust = { log: parseVkey(pinned) }
    expect(() => openCheckpoint(signed.note, trust)).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'signed note: none of the trusted keys has signed it',
      }),
    )
    const { problems } = await vault.verify({ against: { checkpoint: note, trust } })
    expect(problems).toMatchObject([
      { code: 'against', message: `the vault has never signed with the key ${pinned}` },
    ])
    const from = join(parent, 'substituted.muna')
    await vault.backup(from)
    await vault.close()
    const looked = Vault.openBackup({ from, unlock: noKdf, verifier: pinned })
    expect((await refusal(looked)).code).toBe('INTEGRITY')
  })

  it('rotation signed by the old key', async () => {
    const path = await harmed(sound, async (to) => {
      const vault = await open({ path: to })
      await vault.keys.rotateSigning()
      await vault.close()
    })
    expect(await verified(path)).toMatchObject({ ok: true })
    const kept = join(path, 'checkpoints-00000000')
    const bytes = await readFile(kept)
    const notes = notesIn(bytes)
    const both = notes.find((text) => text.match(/^— /gm)?.length === 2) ?? ''
    const alone = both.replace(/^— .*\n(?=— )/m, '')
    await writeFile(kept, framed(notes.map((text) => (text === both ? alone : text))))
    expect(await verified(path)).toMatchObject({
      ok: false,
      problems: [{ code: 'signer', message: expect.stringMatching(/the one before has not/) }],
    })
  })
})

/** kept := (length u16 ‖ note)* */
function notesIn(bytes: Buffer): string[] {
  const notes: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at)
    notes.push(bytes.toString('utf8', at + 2, end))
    at = end
  }
  return notes
}

function framed(notes: readonly string[]): Buffer {
  return Buffer.concat(
    notes.flatMap((text) => {
      const bytes = Buffer.from(text)
      return [Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]
    }),
  )
}

const keyRow = (first: number) =>
  Buffer.concat([Buffer.from('k'), commitKey(first), Buffer.alloc(2)])

describe('value key substituted, two-key opening', () => {
  it('keyId', async () => {
    const path = await harmed(sound, async (to) => {
      const { owner } = await keyringOf(to)
      const [wrap] = owner.values.wraps
      const cipher = xaes(wrap?.key ?? randomKey())
      const place = { vaultId: owner.vaultId, first: 3, block: 0 }
      await inLog(to, async (rows) => {
        const row = await bytesAt(rows, keyRow(3))
        const [entry] = openKeyRow(new Map([[1, cipher]]), place, row)
        const entries = [{ keyId: entry?.keyId ?? randomKey(), valueKey: randomKey() }]
        await rows.put(keyRow(3), sealKeyRow({ epoch: 1, cipher }, place, entries))
      })
    })
    expect((await verified(path)).problems).toEqual([
      {
        code: 'key-row',
        position: 3,
        message: 'a key of the commit at 3 is another than its id',
      },
    ])
    const vault = await open({ path })
    const refused = await refusal(vault.read('prod/db', { version: 2 }))
    expect(refused.code).toBe('INTEGRITY')
    await vault.close()
  })

  it('the row of another version', async () => {
    const path = await harmed(sound, (to) =>
      inLog(to, async (rows) => rows.put(keyRow(3), await bytesAt(rows, keyRow(4)))),
    )
    expect(codesOf(await verified(path))).toEqual(['key-row'])
  })
})

it('KDF parameters lowered: in the aad, with floors', async () => {
  const path = newPath()
  const kdf = { ...lightKdf, memoryKiB: lightKdf.memoryKiB + 1 }
  await (await create({ path }, { unlock: passphrase(words, kdf) })).close()
  const file = join(path, 'keyring')
  const keyring = await readFile(file)
  const memory = Buffer.alloc(4)
  memory.writeUInt32BE(kdf.memoryKiB)
  const at = keyring.indexOf(memory)
  const lowered = async (memoryKiB: number) => {
    keyring.writeUInt32BE(memoryKiB, at)
    await writeFile(file, keyring)
    return refusal(open({ path }, { unlock: passphrase(words) }))
  }
  expect((await lowered(lightKdf.memoryKiB)).code).toBe('WRONG_KEY')
  expect(await lowered(8)).toMatchObject({
    code: 'UNSUPPORTED',
    message: 'argon2id memory in KiB: expected 19456 to 1048576, found 8',
  })
  keyring.writeUInt32BE(kdf.memoryKiB, at)
  await writeFile(file, keyring)
  await (await open({ path }, { unlock: passphrase(words) })).close()
})

describe('destroyed key brought back by a restore', () => {
  let destroyed: string
  let before: string
  beforeAll(async () => {
    before = newPath()
    const vault = await create({ path: before })
    await vault.write('prod/gone', 'once')
    await vault.close()
    destroyed = await harmed(before, async (to) => {
      const later = await open({ path: to })
      await later.destroy('prod/gone', { versions: [1] })
      await later.close()
    })
  })

  it('replay of `secret.destroyed`', async () => {
    const row = await withStore(before, async (store) => {
      for await (const found of store.keys.entries()) return found
      throw new Error('expected a key row')
    })
    const path = await harmed(destroyed, (to) =>
      inLog(to, (rows) => rows.put(keyRow(row.id.first), Buffer.from(row.bytes))),
    )
    expect(codesOf(await verified(path))).toEqual(['key-back'])
    const vault = await open({ path })
    expect((await refusal(vault.read('prod/gone'))).code).toBe('DESTROYED')
    // Shredding, as an opening that rests, takes it away again.
    await vault.keys.shred()
    await vault.close()
    await checkVault(path)
  })

  it('only if the log is rolled back too', async () => {
    const vault = await open({ path: await harmed(before, async () => undefined) })
    expect(await vault.verify()).toMatchObject({ ok: true, anchored: 0 })
    expect((await vault.read('prod/gone')).text()).toBe('once')
    await vault.close()
  })
})

describe('note or checkpoint malformed', () => {
  it.each<[string, (text: string) => string]>([
    ['a size with a leading zero', (text) => text.replace(/^(\d+)$/m, '0$1')],
    ['a root in hexadecimal digits', (text) => text.replace(/^\S{43}=$/m, 'ab'.repeat(32))],
    ['lines that end in CR LF', (text) => text.replaceAll('\n', '\r\n')],
    ['no blank line', (text) => text.replace('\n\n', '\n')],
    ['a blank line too many', (text) => text.replace('\n\n', '\n\n\n')],
    ['two hyphens for the dash', (text) => text.replace('—', '--')],
    ['no newline at its end', (text) => text.trimEnd()],
  ])('%s: strict parser', async (_what, change) => {
    const text = note.toString()
    const bytes = Buffer.from(change(text))
    expect(bytes.equals(note)).toBe(false)
    expect(() => openCheckpoint(bytes, { log: parseVkey(pinned) })).toThrow(
      expect.objectContaining({ code: 'INVALID' }),
    )
    const path = await harmed(sound, (to) => writeFile(join(to, 'checkpoint'), bytes))
    expect(codesOf(await verified(path))).toEqual(['checkpoint'])
    expect(await refusal(open({ path }))).toMatchObject({
      code: 'INTEGRITY',
      message: 'a checkpoint beside the log is damaged',
    })
  })
})
