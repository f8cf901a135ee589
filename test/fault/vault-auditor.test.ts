import { randomBytes } from 'node:crypto'
import { appendFile, cp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { privateKeyOf, rawPublicKey } from '../../src/crypto/ed25519.ts'
import { hkdfSha256, sha256 } from '../../src/crypto/hash.ts'
import { xaes } from '../../src/crypto/xaes.ts'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { plainEvent } from '../../src/events/decode.ts'
import { type Credential, levelStore, recoveryKey, type Store, Vault } from '../../src/index.ts'
import { openBox } from '../../src/keys/box.ts'
import { openKeyRow } from '../../src/keys/key-row.ts'
import {
  type Keyring,
  type OwnerKeyring,
  openKeyring,
  parseKeyring,
  sealKeyring,
} from '../../src/keys/keyring.ts'
import { unwrapRoot } from '../../src/keys/keyslot.ts'
import { openSlots } from '../../src/keys/unlock.ts'
import { CommitWriter, leafHashesOf, openCommit, sealCommit } from '../../src/log/commit.ts'
import { type Epochs, openEpochs } from '../../src/log/epochs.ts'
import { HeadFile } from '../../src/log/head.ts'
import { type ReadCommit, readCommits } from '../../src/log/reader.ts'
import { sealedRows } from '../../src/projections/derived/sealed-rows.ts'
import { signCheckpoint } from '../../src/proofs/checkpoint.ts'
import { append, emptyFrontier, root } from '../../src/proofs/tree.ts'
import type { ArchiveRecord } from '../../src/store/archive/format.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { fileOf, recordsOf, writeRecords } from '../fixtures/auditors.ts'
import { needlesOf } from '../fixtures/needles.ts'
import { create, open, refusal, scratch } from './vault-material.ts'

let parent: string
let places = 0
const newPath = () => join(parent, `${places++}`)
const actor = 'svc/test'

const value = 'a value that nobody but an owner may ever see in the clear'
const others = [
  'its successor, which is as secret as the first was',
  'and a third of the same kind',
]

/** A vault that was closed in peace, its backup, and who can open them. */
interface Material {
  readonly folder: string
  readonly from: string
  readonly owner: Credential
  readonly auditor: Credential
  readonly verifier: string
  /** What an owner's keyslot opens. */
  readonly keyring: OwnerKeyring
  readonly R: Buffer
  /** What an auditor's opens. */
  readonly seen: Keyring
  readonly A: Buffer
}
let material: Material

beforeAll(async () => {
  parent = await scratch({ fast: true })
  const { credential: owner } = recoveryKey()
  const path = newPath()
  const clock = testClock()
  const first = await create({ path }, { unlock: owner, clock })
  await first.write('prod/db', value, { description: 'a database' })
  await first.rotate('prod/db', others[0] ?? '')
  await first.write('prod/fields', { user: 'app', password: others[1] ?? '' })
  const { credential: auditor } = recoveryKey()
  await first.keyslots.add(auditor, { role: 'auditor' })
  await first.close()
  const vault = await open({ path }, { unlock: owner, clock })
  await vault.read('prod/db')
  const from = newPath()
  await vault.backup(from)
  const { verifier } = vault.identity()
  await vault.close()
  const sealed = parseKeyring(await readFile(join(path, 'keyring')))
  const [byOwner, byAuditor] = [await openSlots(sealed, owner), await openSlots(sealed, auditor)]
  const keyring = openKeyring(sealed, byOwner.root)
  if (byOwner.root.role !== 'owner' || byAuditor.root.role !== 'auditor' || !keyring.values) {
    throw new Error('one keyslot is an owner’s, and one an auditor’s')
  }
  material = {
    folder: path,
    from,
    owner,
    auditor,
    verifier,
    keyring: { ...keyring, values: keyring.values },
    R: byOwner.root.R,
    seen: openKeyring(sealed, byAuditor.root),
    A: byAuditor.root.A,
  }
})
afterAll(() => rm(parent, { recursive: true }))

/** A copy of the vault's folder, to do harm to. */
async function copied(): Promise<string> {
  const path = newPath()
  await cp(material.folder, path, { recursive: true })
  return path
}

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = await levelStore(await copied()).open()
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function commitsOf(store: Store, epochs: Epochs): Promise<ReadCommit[]> {
  const commits: ReadCommit[] = []
  for await (const commit of readCommits({ store, epochs }, { from: 0 })) commits.push(commit)
  return commits
}

/** A commit that only log keys sealed: what an auditor can make. Its MAC is the one given, or nobody's. */
function forge(first: number, events: readonly VaultEvent[], mac = randomBytes(32)): Buffer {
  const epochs = openEpochs(material.seen)
  const plain = new CommitWriter()
  plain.clear()
  for (const event of events) plain.add(plainEvent(event))
  const epoch = { ...epochs.at(first), appendKey: randomBytes(32) }
  const sealed = sealCommit(epoch, { vaultId: epochs.vaultId, first, plain })
  return Buffer.concat([sealed.subarray(0, -mac.length), mac])
}

const blamed = (event: VaultEvent): VaultEvent => ({
  ...plainEvent(event),
  actor: 'user/mallory',
})
const notAnOwners = {
  code: 'INTEGRITY',
  message: expect.stringMatching(/a MAC that no owner made$/),
}

describe('from what an auditor holds', () => {
  /** Keys that an auditor has, and what can be made of them. */
  async function held(events: readonly VaultEvent[]): Promise<Buffer[]> {
    const { seen, A, auditor } = material
    const keys = seen.log.epochs.flatMap(({ logKey, blindKey }) => [logKey, blindKey])
    const publics = seen.log.signers.map(({ publicKey }) => publicKey)
    const slotKeys = await Promise.all(seen.slots.map((slot) => auditor.key(slot)))
    const keyIds = events.flatMap(({ data }) => ('keyId' in data ? [Buffer.from(data.keyId)] : []))
    const own = [A, ...keys, ...publics, ...slotKeys, ...keyIds, Buffer.alloc(32)]
    const names = ['values', 'log', 'slot', 'keys', 'key-id', 'box', 'commit', 'head', 'derived']
    const labels = [...names, 'append', 'wrap', 'sign', 'restored', 'recovery', 'none']
    const derived = own.flatMap((key) =>
      labels.map((name) => hkdfSha256(key, `muniment/v1/${name}`)),
    )
    const hashed = own.flatMap((key) => [sha256(key), sha256(A, key), sha256(key, seen.vaultId)])
    return [...own, ...derived, ...hashed]
  }

  it('no key opens anything that is the owners’ alone', async () => {
    await withStore(async (store) => {
      const { keyring, R, seen, owner } = material
      const sealed = parseKeyring(await fileOf(store, 'keyring'))
      const epochs = openEpochs(seen)
      const commits = await commitsOf(store, epochs)
      const events = commits.flatMap((commit) => commit.events)
      const written = events.find(({ type }) => type === 'secret.written')
      if (written?.type !== 'secret.written') throw new Error('a secret was written')
      const { vaultId } = keyring
      const [wrap, appends] = [keyring.values.wraps[0], keyring.values.appends[0]]
      if (wrap === undefined || appends === undefined) throw new Error('the owner has keys')
      const rows: { first: number; block: number; bytes: Uint8Array }[] = []
      for await (const { id, bytes } of store.keys.entries()) rows.push({ ...id, bytes })
      const valueKeys = rows.flatMap(({ bytes, ...place }) =>
        openKeyRow(new Map([[wrap.epoch, xaes(wrap.key)]]), { vaultId, ...place }, bytes),
      )
      const valueKey = valueKeys.find(({ keyId }) => Buffer.from(written.data.keyId).equals(keyId))
      const derivedKey = hkdfSha256(R, 'muniment/v1/derived')
      const slot = sealed.slots.find(({ role }) => role === 'owner')
      if (slot === undefined || valueKey === undefined) throw new Error('there is one of each')
      const withAppendKey = (appendKey: Buffer): Epochs => ({
        ...epochs,
        at: (position) => ({ ...epochs.at(position), appendKey }),
      })
      const newest = commits.at(-1)?.first ?? 0
      const stored = async () => {
        for await (const [commit] of store.read({ from: newest })) if (commit) return commit
        throw new Error('there is a commit')
      }
      const commit = await stored()
      const attempts: readonly [string, Buffer, (key: Buffer) => unknown][] = [
        ['the value keys', R, (key) => openKeyring(sealed, { role: 'owner', R: key })],
        [
          'an owner’s keyslot',
          await owner.key(slot),
          (key) => {
            if (unwrapRoot(slot, key, vaultId) === undefined) throw new Error('it stays shut')
          },
        ],
        [
          'a key row',
          wrap.key,
          (key) => {
            const [{ bytes, ...place } = { bytes: Buffer.alloc(0), first: 0, block: 0 }] = rows
            return openKeyRow(new Map([[wrap.epoch, xaes(key)]]), { vaultId, ...place }, bytes)
          },
        ],
        [
          'a box',
          Buffer.from(valueKey.valueKey),
          (key) => {
            const { subject, data } = written
            const { keyId, box, version } = data
            return openBox({ vaultId, subject, version, box, keyId, valueKey: key })
          },
        ],
        ['the MAC of a commit', appends.key, (key) => openCommit(withAppendKey(key), commit)],
        [
          'the MAC of the head',
          appends.key,
          (key) => new HeadFile(store.files, withAppendKey(key)).read(),
        ],
        [
          'a snapshot',
          derivedKey,
          async (key) => {
            const sealedBy = { table: store.derived, cipher: xaes(key), binding: vaultId }
            const all = sealedRows(sealedBy).range(Buffer.alloc(0), Buffer.alloc(64, 255))
            let count = 0
            for await (const batch of all) count += batch.length
            if (count === 0) throw new Error('there is no snapshot')
          },
        ],
      ]
      const keys = await held(events)
      expect(keys.length).toBeGreaterThan(150)
      for (const [what, owners, attempt] of attempts) {
        const trying = async (key: Buffer) => attempt(key)
        await expect(trying(owners), `${what} opens with an owner's key`).resolves.not.toThrow()
        for (const key of keys) await expect(trying(key), what).rejects.toThrow()
      }
    })
  })

  it('no byte that is on disk, or that an auditor opens, is a value or an owner’s key', async () => {
    const { keyring, R, seen, A, folder, from } = material
    const { wraps, appends, signing } = keyring.values
    const clear = await withStore(async (store) => {
      const commits = await commitsOf(store, openEpochs(seen))
      return commits.map(({ plain }) => plain.buffer)
    })
    const files = await readdir(folder, { recursive: true, withFileTypes: true })
    const onDisk = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map((file) => readFile(join(file.parentPath, file.name))),
    )
    const bytes = Buffer.concat([...onDisk, await readFile(from), ...clear]).toString('latin1')
    const secrets = [
      R,
      ...wraps.map(({ key }) => key),
      ...appends.map(({ key }) => key),
      ...signing.map(({ seed }) => seed),
      ...[value, ...others].map((text) => Buffer.from(text)),
    ]
    for (const needle of secrets.flatMap(needlesOf)) expect(bytes).not.toContain(needle)
    expect(bytes).toContain('a database')
    // Nor do the auditors' own keys stand there for everybody.
    const sealedOnly = Buffer.concat(onDisk).toString('latin1')
    const auditors = [A, ...seen.log.epochs.flatMap(({ logKey, blindKey }) => [logKey, blindKey])]
    for (const needle of auditors.flatMap(needlesOf)) expect(sealedOnly).not.toContain(needle)
  })
})

describe('an auditor who writes to the folder of the vault', () => {
  type Rows = Level<Buffer, Buffer>

  async function change(path: string, work: (log: Rows) => Promise<void>): Promise<void> {
    const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', createIfMissing: false }
    const log: Rows = new Level(join(path, 'log'), options)
    await work(log)
    await log.close()
  }

  const keyOf = (first: number) => {
    const key = Buffer.alloc(8)
    key.writeBigUInt64BE(BigInt(first))
    return key
  }

  const commits = () => withStore((store) => commitsOf(store, openEpochs(material.seen)))
  const opening = (path: string) =>
    refusal(open({ path }, { unlock: material.owner, clock: testClock(Date.UTC(2026, 5, 1)) }))

  it('cannot add a commit', async () => {
    const path = await copied()
    const last = (await commits()).at(-1)
    if (last === undefined) throw new Error('there is a commit')
    await change(path, (log) =>
      log.put(keyOf(last.end), forge(last.end, [...last.events].map(blamed))),
    )
    expect(await opening(path)).toMatchObject(notAnOwners)
  })

  it.each(['with a MAC of his own', 'with the MAC that stood there'])(
    'cannot change the newest commit, %s',
    async (how) => {
      const path = await copied()
      const last = (await commits()).at(-1)
      if (last === undefined) throw new Error('there is a commit')
      await change(path, async (log) => {
        const stood = (await log.get(keyOf(last.first))) ?? Buffer.alloc(32)
        const mac = how.endsWith('own') ? undefined : Buffer.from(stood.subarray(-32))
        await log.put(keyOf(last.first), forge(last.first, last.events.map(blamed), mac))
      })
      expect(await opening(path)).toMatchObject(notAnOwners)
    },
  )

  it('cannot change an older one: it is refused when it is read', async () => {
    const path = await copied()
    const [, older] = await commits()
    if (older === undefined) throw new Error('there are two commits')
    await change(path, (log) =>
      log.put(keyOf(older.first), forge(older.first, older.events.map(blamed))),
    )
    const replayed = newPath()
    await cp(path, replayed, { recursive: true })
    await rm(join(replayed, 'derived'), { recursive: true })
    expect(await opening(replayed)).toMatchObject(notAnOwners)
    // With its snapshots in place an opening reads the end of the log alone.
    const vault = await open(
      { path },
      { unlock: material.owner, clock: testClock(Date.UTC(2026, 5, 1)) },
    )
    await expect(vault.audit.query().next()).rejects.toMatchObject(notAnOwners)
    await vault.close()
  })

  it('cannot put log keys or signing keys of his own into the keyring', async () => {
    const path = await copied()
    const store = await levelStore(path).open()
    const file = parseKeyring(await fileOf(store, 'keyring'))
    const forged = parseKeyring(forgedKeyring())
    const length = Buffer.alloc(4)
    length.writeUInt32BE(file.values.sealed.length)
    const bytes = Buffer.concat([forged.log.before, forged.log.sealed, length, file.values.sealed])
    expect(
      openKeyring(parseKeyring(bytes), { role: 'auditor', A: material.A }).log.signers,
    ).toEqual(openKeyring(forged, { role: 'auditor', A: material.A }).log.signers)
    await store.files.replace('keyring', bytes)
    await store.close()
    expect(await opening(path)).toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/values compartment does not open/),
    })
  })
})

/** What an auditor can seal: the same history keys, and a signing key that is his. */
const signedByMallory = privateKeyOf(randomBytes(32))

function forgedKeyring(): Buffer {
  const { seen, A } = material
  const [epoch] = seen.log.epochs
  const own = (key: Buffer) => [{ epoch: epoch?.epoch ?? 1, key }]
  const signers = [{ epoch: 1, publicKey: rawPublicKey(signedByMallory) }]
  const values = { wraps: own(randomBytes(32)), appends: own(randomBytes(32)), A }
  const signing = [{ epoch: 1, seed: randomBytes(32) }]
  const forged: Keyring = {
    ...seen,
    log: { ...seen.log, signers },
    values: { ...values, signing },
  }
  return sealKeyring(forged, randomBytes(32))
}

describe('an auditor who makes a backup of another', () => {
  type Change = (commits: readonly ReadCommit[], covered: number) => readonly ReadCommit[]

  /** The backup without the checkpoint of its very end, which whoever changes it can leave out. */
  async function base(): Promise<string> {
    const records = await recordsOf(material.from)
    const kept = records.filter((each) => each.kind !== 'file' || each.name !== 'checkpoint')
    return writeRecords(newPath(), kept)
  }

  /** A backup file whose log was changed from some commit on; those before are as an owner made them. */
  async function forgedBackup(
    changed: Change,
    files: (record: Extract<ArchiveRecord, { kind: 'file' }>) => Uint8Array | undefined = ({
      bytes,
    }) => bytes,
  ): Promise<string> {
    const records = await recordsOf(await base())
    const whole = await openAll(await base())
    const log = changed(whole.commits, whole.covered)
    const kept = new Set(whole.commits)
    const made = log.map((commit): ArchiveRecord => {
      const stood = records.find((each) => each.kind === 'commit' && each.first === commit.first)
      if (kept.has(commit) && stood !== undefined) return stood
      const sealed = forge(commit.first, commit.events)
      return { kind: 'commit', first: commit.first, sealed }
    })
    const end = log.at(-1)?.end ?? 0
    const rest = records.flatMap((record): ArchiveRecord[] => {
      if (record.kind === 'keyRow') return record.id.first < end ? [record] : []
      const bytes = record.kind === 'file' ? files(record) : undefined
      return record.kind === 'file' && bytes !== undefined ? [{ ...record, bytes }] : []
    })
    return writeRecords(newPath(), [...made, ...rest])
  }

  async function openAll(from: string) {
    const backup = await Vault.openBackup({ from, unlock: material.auditor })
    const covered = backup.status().proved
    await backup.close()
    const records = await recordsOf(from)
    const epochs = openEpochs(material.seen)
    const commits: ReadCommit[] = []
    const store = {
      async *read() {
        for (const record of records) if (record.kind === 'commit') yield [record]
      },
    } as unknown as Store
    for await (const commit of readCommits({ store, epochs }, { from: 0 })) commits.push(commit)
    return { commits, covered }
  }

  const renamed = (commit: ReadCommit): ReadCommit => ({
    ...commit,
    events: commit.events.map(blamed),
  })
  const lastForged: Change = (commits) =>
    commits.map((commit, i) => (i === commits.length - 1 ? renamed(commit) : commit))
  const coveredForged: Change = (commits) =>
    commits.map((commit, i) => (i === 1 ? renamed(commit) : commit))
  const cutWithin: Change = (commits, covered) => commits.filter(({ end }) => end < covered)
  const cutBehind: Change = (commits, covered) => commits.filter(({ end }) => end <= covered)

  const byOwner = (from: string) => refusal(Vault.openBackup({ from, unlock: material.owner }))
  const restoring = (from: string) =>
    refusal(Vault.restore({ from, path: newPath(), unlock: material.owner, actor }))

  it('deceives no owner, who checks each MAC and the head', async () => {
    const forged = [await forgedBackup(lastForged), await forgedBackup(coveredForged)]
    for (const from of forged) {
      expect(await byOwner(from)).toMatchObject(notAnOwners)
      expect(await restoring(from)).toMatchObject(notAnOwners)
    }
    const cut = await forgedBackup(cutBehind)
    const short = { code: 'INTEGRITY', message: expect.stringMatching(/its head speaks of/) }
    expect(await byOwner(cut)).toMatchObject(short)
    expect(await restoring(cut)).toMatchObject(short)
    const resealed = await forgedBackup(
      (commits) => commits,
      ({ name, bytes }) => (name === 'keyring' ? forgedKeyring() : bytes),
    )
    expect(await byOwner(resealed)).toMatchObject({ code: 'INTEGRITY' })
    const headless = await forgedBackup(
      (commits) => commits,
      ({ name, bytes }) => (name === 'head' ? undefined : bytes),
    )
    expect(await byOwner(headless)).toMatchObject(short)
  })

  it('deceives no other auditor about what a checkpoint covers', async () => {
    const { auditor: unlock } = material
    const changed = await refusal(
      Vault.openBackup({ from: await forgedBackup(coveredForged), unlock }),
    )
    expect(changed).toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/not those that the checkpoint was written for$/),
    })
    const cut = await refusal(Vault.openBackup({ from: await forgedBackup(cutWithin), unlock }))
    expect(cut).toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/and its checkpoint says \d+: it was cut$/),
    })
  })

  it('can forge what comes after it, and that is not called proved', async () => {
    const { auditor: unlock, verifier } = material
    const { covered } = await openAll(await base())
    for (const change of [lastForged, cutBehind]) {
      const backup = await Vault.openBackup({ from: await forgedBackup(change), unlock, verifier })
      const { proved, size } = backup.status()
      expect(proved).toBe(covered)
      expect(size).toBeGreaterThanOrEqual(proved)
      await backup.close()
    }
  })

  it('can sign all of it with a key of his own, unless the verifier is pinned', async () => {
    const { auditor: unlock, verifier } = material
    const { commits } = await openAll(await base())
    const origin = verifier.split('+')[0] ?? ''
    const epochs = openEpochs(material.seen)
    const forged = coveredForged(commits, 0)
    let tree = emptyFrontier
    for (const { first, events } of forged) {
      const sealed = forge(first, events)
      tree = append(
        tree,
        leafHashesOf(epochs.at(first), first, openCommit(epochs, { first, sealed })),
      )
    }
    const note = signCheckpoint({ origin, size: tree.size, root: root(tree) }, [signedByMallory])
    const length = Buffer.alloc(2)
    length.writeUInt16BE(note.length)
    const from = await forgedBackup(coveredForged, ({ name, bytes }) => {
      if (name === 'keyring') return forgedKeyring()
      return name.startsWith('checkpoints-') ? Buffer.concat([length, note]) : bytes
    })
    const deceived = await Vault.openBackup({ from, unlock })
    expect(deceived.status().proved).toBe(tree.size)
    expect(deceived.identity().verifier).not.toBe(verifier)
    await deceived.close()
    expect(await refusal(Vault.openBackup({ from, unlock, verifier }))).toMatchObject({
      code: 'INTEGRITY',
      expected: verifier,
    })
  })

  it('cannot bring back a keyring of before', async () => {
    const { owner, auditor, folder } = material
    const path = newPath()
    await cp(folder, path, { recursive: true })
    const clock = testClock(Date.UTC(2026, 5, 1))
    const vault = await open({ path }, { unlock: owner, clock })
    const keyring = await readFile(join(path, 'keyring'))
    await vault.keyslots.addRecovery()
    const from = newPath()
    await vault.backup(from)
    await vault.close()
    const records = (await recordsOf(from)).map((record) =>
      record.kind === 'file' && record.name === 'keyring' ? { ...record, bytes: keyring } : record,
    )
    const older = await writeRecords(newPath(), records)
    for (const unlock of [owner, auditor]) {
      expect(await refusal(Vault.openBackup({ from: older, unlock }))).toMatchObject({
        code: 'INTEGRITY',
        message: expect.stringMatching(/it is an older file$/),
      })
    }
  })

  it('breaks it by a byte too many', async () => {
    const from = newPath()
    await cp(material.from, from)
    await appendFile(from, Buffer.alloc(1))
    expect(await refusal(Vault.openBackup({ from, unlock: material.auditor }))).toMatchObject({
      code: 'INTEGRITY',
    })
  })
})
