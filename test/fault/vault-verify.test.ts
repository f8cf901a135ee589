import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { privateKeyOf } from '../../src/crypto/ed25519.ts'
import { randomKey } from '../../src/crypto/random.ts'
import {
  createKeyring,
  type OwnerKeyring,
  openKeyring,
  parseKeyring,
} from '../../src/keys/keyring.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { openSlots } from '../../src/keys/unlock.ts'
import { CommitWriter, sealCommit } from '../../src/log/commit.ts'
import { openEpochs } from '../../src/log/epochs.ts'
import { parseCheckpoint, signCheckpoint } from '../../src/proofs/checkpoint.ts'
import { cosignNote, formatNote, parseNote } from '../../src/proofs/note.ts'
import { formatVkey, parseVkey, vkeyOf } from '../../src/proofs/vkey.ts'
import { archiveStore } from '../../src/store/archive.ts'
import { LevelStore } from '../../src/store/level.ts'
import type { Store } from '../../src/store/port.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { Vault } from '../../src/vault/vault.ts'
import { type Verification, type VerifyOptions, verifyLog } from '../../src/vault/verify.ts'
import { later, open, populated, scratch } from './vault-material.ts'

let parent: string
/** A sound vault, an earlier copy of it, that copy grown another way, and another vault: all closed. */
let sound: string
let older: string
let fork: string
let other: string
let copy: string

beforeAll(async () => {
  parent = await scratch({ fast: true })
  const at = (name: string) => join(parent, name)
  sound = at('sound')
  older = at('older')
  fork = at('fork')
  other = at('other')
  copy = at('copy')
  await populated(older)
  await cp(older, sound, { recursive: true })
  await later(sound)
  await cp(older, fork, { recursive: true })
  await later(fork, 'of the fork')
  await populated(other)
  await later(other)
})
afterAll(() => rm(parent, { recursive: true }))
beforeEach(async () => {
  await rm(copy, { recursive: true, force: true })
  await cp(sound, copy, { recursive: true })
})

async function keyringOf({ files }: Pick<Store, 'files'>): Promise<OwnerKeyring> {
  const sealed = parseKeyring((await files.read('keyring')) ?? new Uint8Array(0))
  const { root } = await openSlots(sealed, noKdf)
  const { values, ...keyring } = openKeyring(sealed, root)
  if (values === undefined) throw new Error('expected an owner’s keyring')
  return { ...keyring, values }
}

async function verified(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const store = await LevelStore.open(path)
  try {
    return await verifyLog({ store, keyring: await keyringOf(store) }, options)
  } finally {
    await store.close()
  }
}

const told = ({ problems }: Verification) =>
  problems.map(({ code, position = '-' }) => `${code} ${position}`)

type Log = Level<Buffer, Buffer>

const rows = (change: (log: Log) => Promise<void>) => async () => {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', createIfMissing: false }
  const log: Log = new Level(join(copy, 'log'), options)
  await change(log)
  await log.close()
}

const rowOf = (first: number) => {
  const row = Buffer.alloc(8)
  row.writeBigUInt64BE(BigInt(first))
  return row
}

const commit = (first: number, change: (bytes: Buffer) => Buffer | undefined) =>
  rows(async (log) => {
    const bytes = Buffer.from((await log.get(rowOf(first))) ?? [])
    await log.put(rowOf(first), change(bytes) ?? bytes)
  })

const flip = (bytes: Buffer, at: number): undefined => {
  const index = at < 0 ? bytes.length + at : at
  bytes[index] = (bytes[index] ?? 0) ^ 1
}

const file = (name: string, change: (bytes: Buffer) => Buffer | undefined) => async () => {
  const bytes = await readFile(join(copy, name))
  await writeFile(join(copy, name), change(bytes) ?? bytes)
}

const from = (path: () => string, name: string) => async () => {
  await rm(join(copy, name), { recursive: true })
  await cp(join(path(), name), join(copy, name), { recursive: true })
}

const keyRows = (log: Log) => log.iterator({ gte: Buffer.from('k'), limit: 100 }).all()

/** Kept checkpoints as their file has them: length u16 ‖ note. */
function notesIn(bytes: Buffer): Buffer[] {
  const notes: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at)
    notes.push(bytes.subarray(at + 2, end))
    at = end
  }
  return notes
}

function keptFile(notes: readonly Buffer[]): Buffer {
  return Buffer.concat(
    notes.flatMap((note) => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(note.length)
      return [length, note]
    }),
  )
}

const kept = (change: (notes: Buffer[]) => Buffer[]) =>
  file('checkpoints-00000000', (bytes) => keptFile(change(notesIn(bytes))))

describe('on a vault’s folder', () => {
  it('nothing is found where nothing is amiss', async () => {
    const found = await verified(copy)
    expect(found).toMatchObject({ ok: true, unsigned: 0, problems: [] })
    // Those of two closings, and as a rule none at rest in so short a time.
    expect(found.checkpoints).toBeGreaterThanOrEqual(2)
    expect(found.events).toBe(found.size)
    expect(found.commits).toBeGreaterThan(20)
  })

  it.each<[string, () => Promise<void>, (string | RegExp)[]]>([
    ['a bit of a commit', commit(5, (bytes) => flip(bytes, 40)), ['seal 5', 'unproved 5']],
    ['a bit of a nonce', commit(5, (bytes) => flip(bytes, 20)), ['seal 5', 'unproved 5']],
    ['a bit of a MAC', commit(5, (bytes) => flip(bytes, -1)), ['mac 5']],
    [
      'the first bytes of a commit',
      commit(5, (bytes) => flip(bytes, 0)),
      ['header 5', 'unproved 5'],
    ],
    ['the epoch of a commit', commit(5, (bytes) => flip(bytes, 7)), ['epoch 5', 'unproved 5']],
    [
      'a count that is raised',
      commit(5, (bytes) => void bytes.writeUInt32BE(9, 8)),
      ['seal 5', 'unproved 5'],
    ],
    [
      'a count of nothing',
      commit(5, (bytes) => void bytes.writeUInt32BE(0, 8)),
      ['unreadable 5', 'unproved 5'],
    ],
    [
      'a commit that is cut short',
      commit(5, (bytes) => bytes.subarray(0, 60)),
      ['header 5', 'unproved 5'],
    ],
    [
      'a commit that is cut to nothing',
      commit(5, () => Buffer.alloc(3)),
      ['unreadable 5', 'unproved 5'],
    ],
    ['a commit that is missing', rows((log) => log.del(rowOf(5))), ['unreadable 5', 'unproved 5']],
    [
      'two commits that changed places',
      rows(async (log) => {
        const [five, eight] = [await log.get(rowOf(5)), await log.get(rowOf(8))]
        await log.put(rowOf(5), eight as Buffer)
        await log.put(rowOf(8), five as Buffer)
      }),
      ['seal 5', 'seal 8', 'unproved 5'],
    ],
    [
      'two commits that are damaged, far apart',
      async () => {
        await commit(3, (bytes) => flip(bytes, 50))()
        await rows((log) => log.del(rowOf(12)))()
      },
      ['seal 3', 'unreadable 12', 'unproved 3'],
    ],
    [
      'a commit that is there twice',
      rows(async (log) => log.put(rowOf(8), (await log.get(rowOf(5))) as Buffer)),
      ['seal 8', 'unproved 8'],
    ],
    ['the log of another vault', from(() => other, 'log'), [/^key-row \d+$/]],
    [
      'a head that no owner wrote',
      file('head', (bytes) => bytes.fill(7, 48, 80) && bytes.fill(7, 560, 592)),
      ['head -'],
    ],
    [
      'a checkpoint of another vault',
      from(() => other, 'checkpoints-00000000'),
      [/^checkpoint \d+$/, /^checkpoint \d+$/],
    ],
    ['a checkpoint of a fork', from(() => fork, 'checkpoints-00000000'), [/^root \d+$/]],
    [
      'a file of checkpoints that is cut',
      file('checkpoints-00000000', (bytes) => bytes.subarray(0, 99)),
      ['checkpoint -'],
    ],
    ['checkpoints in disorder', kept((notes) => notes.toReversed()), [/^checkpoint \d+$/]],
    [
      'a checkpoint at rest that is none',
      () => writeFile(join(copy, 'checkpoint'), 'none'),
      ['checkpoint -'],
    ],
    [
      'a signature that does not hold',
      kept((notes) => notes.map((note, i) => (i === 0 ? spoiltSignature(note) : note))),
      [/^signature \d+$/],
    ],
    [
      'a checkpoint by a key of one’s own',
      kept((notes) => notes.map((note, i) => (i === 0 ? signedBy(note, randomKey()) : note))),
      [/^signature \d+$/],
    ],
    [
      'a key row that does not open',
      rows(async (log) => {
        const [row] = await keyRows(log)
        if (row !== undefined) await log.put(row[0], Buffer.from(row[1].fill(1, 40, 41)))
      }),
      [/^key-row \d+$/],
    ],
    [
      'a key row that is missing',
      rows(async (log) => {
        const [row] = await keyRows(log)
        if (row !== undefined) await log.del(row[0])
      }),
      [/^key-missing \d+$/],
    ],
  ])('%s', async (_what, damage, problems) => {
    const before = await verified(sound)
    await damage()
    const found = await verified(copy)
    expect(found.ok).toBe(false)
    for (const [i, problem] of problems.entries()) {
      if (typeof problem === 'string') expect(told(found)[i]).toBe(problem)
      else expect(told(found)[i]).toMatch(problem)
    }
    if (problems.every((problem) => typeof problem === 'string')) {
      expect(told(found)).toHaveLength(problems.length)
      // Whatever is damaged, the rest is read.
      expect(found.events).toBeGreaterThanOrEqual(before.events - 3)
    }
    expect(found.size).toBe(before.size)
  })

  it('a log that was cut', async () => {
    const { size } = await verified(copy)
    await rows(async (log) => {
      await log.del(rowOf(size - 1))
      await log.del(rowOf(size - 2))
    })()
    const found = await verified(copy)
    expect(new Set(told(found).map((each) => each.split(' ')[0]))).toContain('cut')
    expect(found.problems.find(({ code }) => code === 'cut')?.message).toMatch(
      `the log ends at ${found.size}, and a kept checkpoint is of size ${size}`,
    )
  })

  it('a log of another history, which its head and checkpoints tell', async () => {
    await from(() => fork, 'log')()
    const { problems } = await verified(copy)
    expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['root', 'head']))
  })

  it('what an auditor sealed with the log key, in the place of an event and at the end', async () => {
    const forge = async (first: number, drafts: number) => {
      const store = await LevelStore.open(copy)
      const keyring = await keyringOf(store)
      await store.close()
      const appends = keyring.values.appends.map(({ epoch }) => ({ epoch, key: randomKey() }))
      const epochs = openEpochs({ ...keyring, values: { ...keyring.values, appends } })
      const plain = new CommitWriter()
      plain.clear()
      for (let i = 0; i < drafts; i++) plain.add(forgedEvent)
      const sealed = sealCommit(epochs.at(first), { vaultId: keyring.vaultId, first, plain })
      await rows((log) => log.put(rowOf(first), sealed))()
    }
    await forge((await verified(copy)).size, 1)
    const atEnd = await verified(copy)
    expect(told(atEnd)[0]).toBe(`mac ${atEnd.size - 1}`)
    expect(atEnd.unsigned).toBe(1)

    await forge(1, 1)
    const within = await verified(copy)
    expect(told(within)[0]).toBe('mac 1')
    expect(within.problems[0]?.message).toBe(
      'the commit at position 1 has a MAC that no owner made',
    )
    expect(new Set(within.problems.map(({ code }) => code))).toContain('root')
  })

  it('a key row of a destroyed version that is put back', async () => {
    let before: [Buffer, Buffer][] = []
    await rows(async (log) => {
      before = await keyRows(log)
    })()
    const vault = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
    await vault.destroy('prod/bytes', { versions: [1] })
    await vault.close()
    expect(await verified(copy)).toMatchObject({ ok: true })
    await rows(async (log) => {
      for (const [key, bytes] of before) await log.put(key, bytes)
    })()
    expect(told(await verified(copy))).toEqual([expect.stringMatching(/^key-back \d+$/)])
  })

  it('a rollback of the whole folder is seen by who remembers a checkpoint, and by nobody else', async () => {
    const [note] = notesIn(await readFile(join(sound, 'checkpoints-00000000'))).slice(-1)
    const { origin, size } = parseCheckpoint(parseNote(note!).text)
    const { log } = await withKeyring(sound)
    const own = vkeyOf(origin, privateKeyOf(log.seed))
    const against = { checkpoint: note!, trust: { log: own } }
    expect(await verified(sound, { against })).toMatchObject({ ok: true, anchored: size })

    expect(await verified(older)).toMatchObject({ ok: true, anchored: 0 })
    const rolledBack = await verified(older, { against })
    expect(rolledBack.problems).toEqual([
      {
        code: 'cut',
        position: rolledBack.size,
        message: `the log ends at ${rolledBack.size}, and the remembered checkpoint is of size ${size}`,
      },
    ])
    expect(told(await verified(fork, { against }))).toEqual([`against ${size}`])

    const stranger = vkeyOf(origin, privateKeyOf(randomKey()))
    await expect(
      verified(sound, { against: { ...against, trust: { log: stranger } } }),
    ).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringContaining('none of the trusted keys'),
    })
  })

  it('a signing key that is not the one that was pinned', async () => {
    const seed = randomKey()
    const [note] = notesIn(await readFile(join(sound, 'checkpoints-00000000'))).slice(-1)
    const { origin, size } = parseCheckpoint(parseNote(note!).text)
    const trust = { log: vkeyOf(origin, privateKeyOf(seed)) }
    const found = await verified(sound, { against: { checkpoint: signedBy(note!, seed), trust } })
    expect(found.problems).toEqual([
      {
        code: 'against',
        position: size,
        message: `the vault has never signed with the key ${formatVkey(trust.log)}`,
      },
    ])
    const foreign = vkeyOf('muniment/other/life', privateKeyOf(seed))
    const text = { origin: foreign.name, size: 3, root: Buffer.alloc(32) }
    const checkpoint = signCheckpoint(text, [privateKeyOf(seed)])
    const of = await verified(sound, { against: { checkpoint, trust: { log: foreign } } })
    expect(of.problems[0]?.message).toBe('the remembered checkpoint is of another vault')
  })

  it('a checkpoint that was signed by a key before or after its time', async () => {
    const { log: before } = await withKeyring(copy)
    const vault = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
    const { position } = await vault.keys.rotateSigning()
    await vault.write('prod/later', 'x')
    await vault.close()
    expect(await verified(copy)).toMatchObject({ ok: true })
    const { log: after } = await withKeyring(copy)
    const pristine = await readFile(join(copy, 'checkpoints-00000000'))
    const resigned = async (isMeant: (size: number) => boolean, seed: Buffer) => {
      await writeFile(join(copy, 'checkpoints-00000000'), pristine)
      await kept((notes) =>
        notes.map((note) => {
          const { size } = parseCheckpoint(parseNote(note).text)
          return isMeant(size) ? signedBy(note, seed) : note
        }),
      )()
      return (await verified(copy)).problems.map(({ code, message }) => `${code}: ${message}`)
    }
    const { size } = await verified(copy)
    expect(await resigned((at) => at === size, before.seed)).toEqual([
      `signer: a checkpoint of ${size} is signed by a key that was replaced before it`,
    ])
    expect(await resigned((at) => at <= position, after.seed)).toEqual([
      expect.stringContaining('is signed by a key that the log names only later'),
      expect.stringContaining('is signed by a key that the log names only later'),
    ])
    expect(await resigned((at) => at === position + 1, after.seed)).toEqual([
      `signer: a checkpoint of ${position + 1} is the first with a new signing key, and the one before has not signed it`,
    ])
  })

  it('a witness that cosigned a kept checkpoint vouches for it', async () => {
    const witness = privateKeyOf(randomKey())
    const vkey = formatVkey(vkeyOf('witness.example', witness, 'cosignature/v1'))
    const vault = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
    // Nobody answers there; that it is trusted stands in the log.
    await vault.anchors.add({ witness: 'http://127.0.0.1:9', vkey })
    await vault.close()
    expect(await verified(copy)).toMatchObject({ ok: true, anchored: 0 })
    await kept((notes) =>
      notes.map((note, i) => (i === notes.length - 1 ? cosigned(note, witness) : note)),
    )()
    const found = await verified(copy)
    expect(found).toMatchObject({ ok: true, anchored: found.size })
  })

  it('a backup, by an owner’s keys, and what was restored from it', async () => {
    const vault = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
    const { path } = await vault.backup(join(parent, 'vault.muna'))
    await vault.close()
    const store = await archiveStore(path).open()
    const found = await verifyLog({ store, keyring: await keyringOf(store) })
    await store.close()
    expect(found).toMatchObject({ ok: true, macs: 'checked', keys: 'checked' })

    await rm(copy, { recursive: true })
    const place = { path: copy, unlock: noKdf, actor: 'svc/test' }
    const restored = await Vault.restore({ ...place, from: path })
    await restored.write('prod/after', 'x')
    await restored.close()
    const of = await verified(copy)
    expect(of).toMatchObject({ ok: true, unsigned: 0 })

    // Another life of a vault is another log: what it signs is signed under another name.
    const { log } = await withKeyring(copy)
    const [first] = notesIn(await readFile(join(copy, 'checkpoints-00000000')))
    const { origin } = parseCheckpoint(parseNote(first!).text)
    await kept((notes) =>
      notes.map((note, i) => (i === notes.length - 1 ? signedBy(note, log.seed, origin) : note)),
    )()
    expect((await verified(copy)).problems).toEqual([
      {
        code: 'checkpoint',
        position: of.size,
        message: `a checkpoint of ${of.size} is of another life of the vault`,
      },
    ])
  })
})

describe('on an open vault', () => {
  it('damage behind what opening looks at', async () => {
    await commit(5, (bytes) => flip(bytes, 40))()
    const vault = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
    const found = await vault.verify()
    await vault.close()
    expect(told(found)).toEqual(['seal 5', 'unproved 5'])
  })

  it('a keyring file that is another than what it holds', async () => {
    const before = await readFile(join(copy, 'keyring'))
    const vault = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
    await vault.keyslots.add(noKdf, { label: 'third' })
    const now = await readFile(join(copy, 'keyring'))
    const problemWith = async (bytes: Buffer | undefined) => {
      if (bytes === undefined) await rm(join(copy, 'keyring'))
      else await writeFile(join(copy, 'keyring'), bytes)
      return (await vault.verify()).problems
    }
    const problem = (message: string) => [{ code: 'keyring', message }]
    expect(await problemWith(before)).toEqual([
      {
        code: 'keyring',
        message: expect.stringMatching(/the file is of generation \d+, expected/),
      },
    ])
    expect(await problemWith(Buffer.concat([now.subarray(0, -20), Buffer.alloc(20)]))).toEqual(
      problem('keyring: its values compartment does not open: the file was changed'),
    )
    expect(await problemWith(undefined)).toEqual(problem('keyring: the file is missing'))
    await vault.close()
  })

  it('an anchor’s file, which a rollback of the folder does not reach', async () => {
    const anchor = join(parent, 'anchored.checkpoint')
    const vault = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
    await vault.anchors.add({ file: anchor })
    const { size } = await vault.health()
    expect(await vault.verify()).toMatchObject({ ok: true, anchored: size })
    await vault.close()
    const rolledBack = join(parent, 'rolled-back')
    await cp(copy, rolledBack, { recursive: true })
    const grown = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 4)) })
    for (let n = 0; n < 5; n++) await grown.write(`prod/${n}`, 'x')
    await grown.close()
    const now = await open({ path: rolledBack }, { clock: testClock(Date.UTC(2026, 0, 5)) })
    const found = await now.verify()
    expect(found.problems[0]?.message).toMatch(/^the log ends at \d+, and an anchor's checkpoint/)
    for (let n = 0; n < 9; n++) await now.write(`prod/another-${n}`, 'x')
    expect((await now.verify()).problems[0]).toMatchObject({ code: 'anchor' })
    await now.close()
  })
})

/** The built library: workers run no TypeScript on Node 20. */
const built = (module: string) => import(new URL(`../../dist/${module}`, import.meta.url).href)

describe('in a worker', () => {
  it('finds the same as in this thread', async () => {
    const { verifyLog: inWorker } = await built('vault/verify.js')
    await commit(5, (bytes) => flip(bytes, 40))()
    await rows((log) => log.del(rowOf(12)))()
    const store = await LevelStore.open(copy)
    const keyring = await keyringOf(store)
    try {
      const here = await verifyLog({ store, keyring })
      expect(await inWorker({ store, keyring })).toEqual(here)
      expect(told(here)).toEqual(['seal 5', 'unreadable 12', 'unproved 5'])
    } finally {
      await store.close()
    }
  })

  it('is what the built library verifies in', async () => {
    const { Vault: Built, memoryStore } = await built('index.js')
    const { noKdf: unlock } = await built('keys/no-kdf.js')
    const { startRun } = await built('vault/verification/run.js')
    const { WorkerThread } = await built('vault/verification/worker-thread.js')
    const { lendKeys } = await built('vault/verification/lent-keys.js')
    const run = await startRun({ keys: lendKeys(createKeyring()), size: 0, claims: [], notes: [] })
    expect(run).toBeInstanceOf(WorkerThread)
    expect(await run.end()).toMatchObject({ events: 0, problems: [] })
    await run.close()

    const vault: Vault = await Built.create({ store: memoryStore(), unlock, actor: 'svc/test' })
    await Promise.all(Array.from({ length: 500 }, (_, n) => vault.write(`a/${n}`, 'x')))
    expect(await vault.verify()).toMatchObject({ ok: true, events: 502, problems: [] })
    await vault.close()
  })

  it('ends at once when it is aborted', async () => {
    const { verifyLog: inWorker } = await built('vault/verify.js')
    const store = await LevelStore.open(copy)
    const aborted = new AbortController()
    const options = { signal: aborted.signal, onProgress: () => aborted.abort() }
    try {
      const verifying = inWorker({ store, keyring: await keyringOf(store) }, options)
      await expect(verifying).rejects.toMatchObject({ code: 'ABORTED' })
    } finally {
      await store.close()
    }
  })

  it('tells of a thread that fails, and wipes what it was lent', async () => {
    const { startWorker } = await built('vault/verification/worker-thread.js')
    const { lendKeys, wipeKeys } = await built('vault/verification/lent-keys.js')
    const store = await LevelStore.open(copy)
    const keys = lendKeys(await keyringOf(store))
    await store.close()
    const worker = await startWorker({ keys, size: 0, claims: [], notes: [] })
    // No store gives this; it stands for any fault of the thread's own.
    await worker.keyRows([null])
    await expect(worker.end()).rejects.toMatchObject({
      code: 'FAILED',
      message: 'the thread that verifies has failed',
    })
    await worker.close()
    expect(new Uint8Array(keys.memory).some((byte) => byte !== 0)).toBe(true)
    wipeKeys(keys)
    expect(new Uint8Array(keys.memory).every((byte) => byte === 0)).toBe(true)
    // A brief that cannot be read leaves the work to this thread.
    expect(await startWorker({ keys: undefined })).toBeUndefined()
  })
})

const forgedEvent = {
  schema: 1,
  id: '019b7700-0000-7000-8000-000000000000',
  type: 'vault.closed',
  time: 0x019b77000000,
  actor: 'svc/forger',
  subject: '',
  context: {},
  data: {},
} as const

async function withKeyring(path: string) {
  const sealed = parseKeyring(await readFile(join(path, 'keyring')))
  const { root } = await openSlots(sealed, noKdf)
  const seed = openKeyring(sealed, root).values?.signing.at(-1)?.seed
  return { log: { seed: Buffer.from(seed!) } }
}

function signedBy(note: Buffer, seed: Buffer, name?: string): Buffer {
  const { origin, size, root } = parseCheckpoint(parseNote(note).text)
  return signCheckpoint({ origin: name ?? origin, size, root }, [privateKeyOf(seed)])
}

function spoiltSignature(note: Buffer): Buffer {
  const { text, signatures } = parseNote(note)
  return formatNote({
    text,
    signatures: signatures.map((signature) => {
      const bytes = Buffer.from(signature.bytes)
      flip(bytes, 9)
      return { ...signature, bytes }
    }),
  })
}

function cosigned(note: Buffer, key: ReturnType<typeof privateKeyOf>): Buffer {
  const { text, signatures } = parseNote(note)
  const cosignature = cosignNote(text, { name: 'witness.example', key }, 1_767_400_000)
  expect(parseVkey(formatVkey(vkeyOf('witness.example', key, 'cosignature/v1'))).keyId).toBe(
    cosignature.keyId,
  )
  return formatNote({ text, signatures: [...signatures, cosignature] })
}
