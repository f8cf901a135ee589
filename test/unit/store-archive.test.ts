import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VaultError } from '../../src/errors.ts'
import { writeArchive } from '../../src/store/archive/file.ts'
import type { ArchiveRecord } from '../../src/store/archive/format.ts'
import { archiveBytes } from '../../src/store/archive/write.ts'
import { archiveStore } from '../../src/store/archive.ts'
import type { Store, StoredCommit } from '../../src/store/port.ts'

let folder: string
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-archive-'))
})
afterAll(() => rm(folder, { recursive: true }))

const newPath = () => join(folder, `${files++}.muna`)
const text = (value: string) => Buffer.from(value)

/** A commit in shape alone: a header with a count, and a body told by the position. */
function commit(first: number, count: number, bodyBytes = 20): ArchiveRecord {
  const sealed = Buffer.alloc(36 + bodyBytes, first % 251)
  sealed.writeUInt32BE(count, 8)
  return { kind: 'commit', first, sealed }
}

const keyRow = (first: number, block: number, value: string): ArchiveRecord => ({
  kind: 'keyRow',
  id: { first, block },
  bytes: text(value),
})
const file = (name: string, value: string): ArchiveRecord => ({
  kind: 'file',
  name,
  bytes: text(value),
})

const small: readonly ArchiveRecord[] = [
  keyRow(0, 0, 'a'),
  keyRow(0, 1, 'b'),
  keyRow(3, 0, 'c'),
  commit(0, 3),
  commit(3, 1),
  commit(4, 5),
  file('keyring', 'stands for a keyring'),
  file('head', ''),
]

async function bytesOf(records: readonly ArchiveRecord[]): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  async function* all() {
    yield* records
  }
  for await (const chunk of archiveBytes(all())) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function placed(bytes: Uint8Array): Promise<string> {
  const path = newPath()
  await writeFile(path, bytes)
  return path
}

/** Opens an archive of these bytes; what comes of it. */
async function opened<T>(bytes: Uint8Array, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await archiveStore(await placed(bytes)).open()
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function refusalOf(bytes: Uint8Array): Promise<VaultError> {
  const error = await opened(bytes, async () => 'opened').catch((reason: unknown) => reason)
  if (error instanceof VaultError) return error
  throw new Error(`expected a refusal, found ${String(error)}`)
}

/** An archive whose records are these bytes, with a digest that fits. */
function framed(...records: readonly Uint8Array[]): Buffer {
  const before = Buffer.concat([text('MUNA'), Buffer.of(0, 0, 0, 1), ...records])
  const digest = createHash('sha256').update(before).digest()
  return Buffer.concat([before, Buffer.of(4, 0, 0, 0, 32), digest])
}

function record(kind: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(kind)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const commitsOf = async (store: Store, range: { from: number; to?: number }) =>
  (await all<readonly StoredCommit[]>(store.read(range))).flat()

describe('an archive', () => {
  it('gives back what was put into it', async () => {
    await opened(await bytesOf(small), async (store) => {
      expect(await store.head()).toBe(9)
      const firsts = async (range: { from: number; to?: number }) =>
        (await commitsOf(store, range)).map(({ first }) => first)
      expect(await firsts({ from: 0 })).toEqual([0, 3, 4])
      expect(await firsts({ from: 2, to: 4 })).toEqual([0, 3])
      expect(await firsts({ from: 5, to: 99 })).toEqual([4])
      expect(await firsts({ from: 9 })).toEqual([])
      const [, second] = await commitsOf(store, { from: 0 })
      expect(second).toMatchObject({ sealed: (small[4] as StoredCommit).sealed })
      const rows = await all(store.keys.entries())
      expect(rows.map(({ id, bytes }) => [id.first, id.block, String(bytes)])).toEqual([
        [0, 0, 'a'],
        [0, 1, 'b'],
        [3, 0, 'c'],
      ])
      expect(String(await store.keys.get({ first: 0, block: 1 }))).toBe('b')
      for (const id of [
        { first: 0, block: 2 },
        { first: 1, block: 0 },
        { first: 9, block: 9 },
      ]) {
        expect(await store.keys.get(id)).toBeUndefined()
      }
      expect(await store.files.list()).toEqual(['head', 'keyring'])
      expect(String(await store.files.read('keyring'))).toBe('stands for a keyring')
      expect(await store.files.read('head')).toHaveLength(0)
      expect(await store.files.read('absent')).toBeUndefined()
    })
  })

  it('holds nothing at all, if that is what was put into it', async () => {
    await opened(await bytesOf([]), async (store) => {
      expect(await store.head()).toBe(0)
      expect(await all(store.read({ from: 0 }))).toEqual([])
      expect(await all(store.keys.entries())).toEqual([])
      expect(await store.keys.get({ first: 0, block: 0 })).toBeUndefined()
    })
  })

  it('is read in pieces, larger ones too, whose records do not end where they do', async () => {
    const records: ArchiveRecord[] = []
    for (let first = 0; first < 300; first++) {
      records.push(keyRow(first, 0, `row ${first}`))
      records.push(commit(first, 1, first % 50 === 7 ? 3_000_000 : 9_000 + first))
    }
    await opened(await bytesOf(records), async (store) => {
      const batches = await all(store.read({ from: 0 }))
      expect(batches.length).toBeGreaterThan(10)
      const expected = records.filter((each) => each.kind === 'commit')
      for (const [i, { first, sealed }] of batches.flat().entries()) {
        expect(first).toBe(i)
        expect(Buffer.compare(sealed, expected[i]?.sealed ?? Buffer.alloc(0))).toBe(0)
      }
      const rows = await all(store.keys.entries())
      expect(rows.map(({ bytes }) => String(bytes))).toEqual(rows.map((_, i) => `row ${i}`))
      expect(rows).toHaveLength(300)
    })
  })

  it('is never written: every such call is INVALID, and says what to do', async () => {
    const bytes = await bytesOf(small)
    const path = await placed(bytes)
    const store = await archiveStore(path).open()
    const calls: Promise<unknown>[] = [
      archiveStore(path).create(),
      store.commit({ first: 9, sealed: (small[3] as StoredCommit).sealed }),
      store.files.replace('keyring', text('x')),
      store.files.overwrite('head', 0, text('x')),
      store.files.remove('head'),
      store.derived.write({ put: [[text('a'), text('b')]] }),
    ]
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({
        code: 'INVALID',
        message: `a backup file is never written; restore it: ${path}`,
      })
    }
    // Nothing is there to be cleared, or found.
    await store.derived.clear()
    expect(await store.derived.get(text('a'))).toBeUndefined()
    expect(await all(store.derived.range(text('a'), text('z')))).toEqual([])
    await store.close()
    await store.close()
    await expect(store.head()).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(all(store.read({ from: 0 }))).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await readFile(path)).toEqual(bytes)
  })

  it('is opened where there is one', async () => {
    await expect(archiveStore(newPath()).open()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(archiveStore(folder).open()).rejects.toMatchObject({
      code: 'INVALID',
      message: `${folder} is not a file`,
    })
    for (const path of ['', 'a\0b', undefined as unknown as string]) {
      await expect(archiveStore(path).open()).rejects.toMatchObject({ code: 'INVALID' })
    }
  })
})

describe('an archive that is damaged', () => {
  it('is INTEGRITY, naming a byte, wherever it is cut', async () => {
    const bytes = await bytesOf(small)
    for (let length = 0; length < bytes.length; length++) {
      const error = await refusalOf(bytes.subarray(0, length))
      expect(error.code, `cut at ${length}`).toBe('INTEGRITY')
      expect(error.message).toMatch(/^archive: byte \d+: /)
    }
  })

  it('is INTEGRITY with bytes behind its end', async () => {
    const bytes = await bytesOf(small)
    for (const more of [Buffer.of(0), Buffer.alloc(37), bytes]) {
      const error = await refusalOf(Buffer.concat([bytes, more]))
      expect(error.code).toBe('INTEGRITY')
    }
  })

  it('is refused whichever byte is flipped', async () => {
    const bytes = await bytesOf(small)
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at)
      const { code } = await refusalOf(flipped)
      // The four bytes of the version may come to a later one.
      expect(code, `byte ${at}`).toBe(
        at >= 4 && at < 8 && code !== 'INTEGRITY' ? 'UNSUPPORTED' : 'INTEGRITY',
      )
    }
  })

  it('is UNSUPPORTED if it is of a later version', async () => {
    const bytes = await bytesOf(small)
    bytes.writeUInt32BE(2, 4)
    expect(await refusalOf(bytes)).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'archive: expected version 1, found 2',
    })
  })

  const long = Buffer.alloc(5)
  long.writeUInt8(2)
  long.writeUInt32BE(0xffff_ffff, 1)
  const sealedCommit = (first: number, count: number) => {
    const body = Buffer.alloc(8 + 36)
    body.writeBigUInt64BE(BigInt(first))
    body.writeUInt32BE(count, 8 + 8)
    return record(2, body)
  }
  const row = (first: bigint, block: number) => {
    const body = Buffer.alloc(11)
    body.writeBigUInt64BE(first)
    body.writeUInt16BE(block, 8)
    return record(3, body)
  }
  const named = (name: string) => record(1, Buffer.concat([Buffer.of(name.length), text(name)]))

  it.each([
    ['of an unknown kind', [record(9, text('body'))], /byte 8: no record is of kind 9/],
    ['with an end in its middle', [record(4, Buffer.alloc(32))], /byte 8: no record is of kind 4/],
    [
      'longer than any',
      [long],
      /byte 8: a record of kind 2 has 44 to 8388616 bytes, found 4294967295/,
    ],
    ['cut off by the end', [named('ab').subarray(0, -1)], /byte 8: a record is cut off/],
    [
      'a commit too many',
      [sealedCommit(0, 2), sealedCommit(1, 1)],
      /byte 62: position 2 is missing, found 1/,
    ],
    [
      'a commit of no events',
      [sealedCommit(0, 0)],
      /byte 13: the commit at position 0 says that it is empty/,
    ],
    [
      'key rows out of order',
      [row(2n, 0), row(1n, 0)],
      /byte 29: the key rows are not in order, found 1/,
    ],
    ['a key row twice', [row(2n, 1), row(2n, 1)], /byte 29: the key rows are not in order/],
    ['a position beyond 2^53', [row(1n << 60n, 0)], /byte 13: a position is below 2\^53/],
    [
      'a file twice',
      [named('head'), named('head')],
      /byte 23: the file head stands there a second time/,
    ],
    ['a file that leads elsewhere', [named('../up')], /byte 13: a file has no such name/],
    [
      'a name longer than its record',
      [record(1, Buffer.of(9, 0x61))],
      /byte 13: a file has no such name/,
    ],
  ])('says so of a record %s, though its digest fits', async (_what, records, message) => {
    expect(await refusalOf(framed(...records))).toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(message),
    })
  })

  it('is told while it is read, too, if it shrinks under its reader', async () => {
    const path = await placed(await bytesOf(small))
    const store = await archiveStore(path).open()
    await writeFile(path, '')
    await expect(all(store.read({ from: 0 }))).rejects.toMatchObject({ code: 'INTEGRITY' })
    await expect(store.keys.get({ first: 0, block: 0 })).rejects.toMatchObject({
      code: 'INTEGRITY',
    })
    await store.close()
  })
})

describe('the file of an archive', () => {
  async function* chunks(...bytes: readonly Uint8Array[]) {
    yield* bytes
  }

  it('is its owner’s alone, and what is said of it is what stands there', async () => {
    const bytes = await bytesOf(small)
    const path = newPath()
    const written = await writeArchive(path, chunks(bytes.subarray(0, 40), bytes.subarray(40)))
    const found = await readFile(path)
    expect(found).toEqual(bytes)
    expect(written).toEqual({
      path,
      size: 9,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('replaces nothing, and is not there in part', async () => {
    const bytes = await bytesOf(small)
    const before = await readdir(folder)
    const taken = join(folder, before[0] ?? '')
    const old = await readFile(taken)
    await expect(writeArchive(taken, chunks(bytes))).rejects.toMatchObject({
      code: 'EXISTS',
      message: `there is a file at ${taken} already`,
    })
    expect(await readFile(taken)).toEqual(old)
    await expect(writeArchive(newPath(), chunks(bytes.subarray(1)))).rejects.toMatchObject({
      code: 'INTEGRITY',
    })
    async function* failing() {
      yield bytes.subarray(0, 50)
      throw new VaultError('ABORTED', 'the caller aborted')
    }
    await expect(writeArchive(newPath(), failing())).rejects.toMatchObject({ code: 'ABORTED' })
    const nowhere = join(folder, 'absent', 'x.muna')
    await expect(writeArchive(nowhere, chunks(bytes))).rejects.toMatchObject({
      code: 'INVALID',
      message: `there is no folder ${join(folder, 'absent')}`,
    })
    await expect(writeArchive('', chunks(bytes))).rejects.toMatchObject({ code: 'INVALID' })
    expect(await readdir(folder)).toEqual(before)
  })

  it('goes to one of two that want its name', async () => {
    const bytes = await bytesOf(small)
    const path = newPath()
    const both = await Promise.allSettled([
      writeArchive(path, chunks(bytes)),
      writeArchive(path, chunks(bytes)),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = both.find((one) => one.status === 'rejected')
    expect(refused?.reason).toMatchObject({ code: 'EXISTS' })
    expect((await readdir(folder)).filter((name) => name.includes('.tmp-'))).toEqual([])
  })
})
