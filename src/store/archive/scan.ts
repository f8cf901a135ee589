import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { VaultError } from '../../errors.ts'
import { isFileName } from '../names.ts'
import { commitCount } from '../port.ts'
import {
  bodyBounds,
  digestBytes,
  endBytes,
  kinds,
  magic,
  prologueBytes,
  recordHeadBytes,
  rowAt,
  sealedAt,
  version,
} from './format.ts'
import { type Place, Places, readAt } from './places.ts'

/** What an archive holds, and where. */
export interface ArchiveIndex {
  readonly commits: Places
  readonly keyRows: Places
  readonly files: ReadonlyMap<string, Place>
  /** The position behind the last commit. */
  readonly head: number
  /** Length of the file. */
  readonly bytes: number
  /** Of the whole file, in hex, as `sha256sum` prints it. */
  readonly sha256: string
}

interface Growing extends Omit<ArchiveIndex, 'bytes' | 'sha256'> {
  readonly files: Map<string, Place>
  head: number
}

const chunkBytes = 1024 * 1024

/**
 * Reads an archive once, from its first byte to its last: framing, order and digest. Throws `INTEGRITY`, naming the
 * byte, and `UNSUPPORTED` for a later version.
 */
export async function scanArchive(file: FileHandle): Promise<ArchiveIndex> {
  const { size } = await file.stat()
  const end = size - endBytes
  if (end < prologueBytes) throw damaged(size, 'the file is too short for an archive')
  const prologue = await readAt(file, { at: 0, length: prologueBytes })
  expectPrologue(prologue)
  const last = await readAt(file, { at: end, length: endBytes })
  if (last.readUInt8(0) !== kinds.end || last.readUInt32BE(1) !== digestBytes) {
    throw damaged(end, 'no end stands there: the file was cut, or bytes follow its end')
  }
  const digest = createHash('sha256').update(prologue)
  const index: Growing = { commits: new Places(), keyRows: new Places(), files: new Map(), head: 0 }
  let unread: Buffer = Buffer.alloc(0)
  for (let at = prologueBytes; at < end; at += chunkBytes) {
    const chunk = await readAt(file, { at, length: Math.min(chunkBytes, end - at) })
    digest.update(chunk)
    const joined = unread.length === 0 ? chunk : Buffer.concat([unread, chunk])
    unread = addRecords(index, joined, at - unread.length)
  }
  if (unread.length > 0) throw damaged(end - unread.length, 'a record is cut off by the end')
  if (!digest.copy().digest().equals(last.subarray(recordHeadBytes))) {
    throw damaged(end, 'the digest is not that of the bytes before it')
  }
  return { ...index, bytes: size, sha256: digest.update(last).digest('hex') }
}

function expectPrologue(bytes: Buffer): void {
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    throw damaged(0, 'the file does not begin with MUNA')
  }
  const found = bytes.readUInt32BE(magic.length)
  if (found === version) return
  const message = `archive: expected version ${version}, found ${found}`
  throw new VaultError(found > version ? 'UNSUPPORTED' : 'INTEGRITY', message, {
    expected: version,
    found,
  })
}

/** Takes in each record that is whole. What is left of the bytes is the beginning of the next. */
function addRecords(index: Growing, bytes: Buffer, origin: number): Buffer {
  let at = 0
  while (at + recordHeadBytes <= bytes.length) {
    const kind = bytes.readUInt8(at)
    const length = bytes.readUInt32BE(at + 1)
    expectBounds(kind, length, origin + at)
    const bodyAt = at + recordHeadBytes
    if (bodyAt + length > bytes.length) break
    adders[kind]?.(index, bytes.subarray(bodyAt, bodyAt + length), origin + bodyAt)
    at = bodyAt + length
  }
  return bytes.subarray(at)
}

function expectBounds(kind: number, length: number, at: number): void {
  const bounds = bodyBounds[kind]
  if (bounds === undefined) throw damaged(at, `no record is of kind ${kind}`)
  if (length >= bounds.least && length <= bounds.most) return
  throw damaged(at, `a record of kind ${kind} has ${bounds.least} to ${bounds.most} bytes`, length)
}

type Adder = (index: Growing, body: Buffer, at: number) => void

/** What each kind of record adds to the index, by its number. */
const adders: Readonly<Record<number, Adder>> = {
  [kinds.file]: addFile,
  [kinds.commit]: addCommit,
  [kinds.keyRow]: addKeyRow,
}

function addFile({ files }: Growing, body: Buffer, at: number): void {
  const bytesAt = 1 + body.readUInt8(0)
  const name = body.toString('latin1', 1, bytesAt)
  if (bytesAt > body.length || !isFileName(name)) throw damaged(at, 'a file has no such name')
  if (files.has(name)) throw damaged(at, `the file ${name} stands there a second time`)
  files.set(name, { at: at + bytesAt, length: body.length - bytesAt })
}

function addCommit(index: Growing, body: Buffer, at: number): void {
  const first = positionIn(body, at)
  if (first !== index.head) throw damaged(at, `position ${index.head} is missing`, first)
  const count = commitCount(body.subarray(sealedAt))
  if (count === 0) throw damaged(at, `the commit at position ${first} says that it is empty`)
  index.commits.add({ first, block: 0 }, { at: at + sealedAt, length: body.length - sealedAt })
  index.head = first + count
}

function addKeyRow({ keyRows }: Growing, body: Buffer, at: number): void {
  const id = { first: positionIn(body, at), block: body.readUInt16BE(8) }
  const last = keyRows.id(keyRows.count - 1)
  const ascends = id.first > last.first || (id.first === last.first && id.block > last.block)
  if (!ascends) throw damaged(at, 'the key rows are not in order', id.first)
  keyRows.add(id, { at: at + rowAt, length: body.length - rowAt })
}

function positionIn(body: Buffer, at: number): number {
  const first = Number(body.readBigUInt64BE(0))
  if (Number.isSafeInteger(first)) return first
  throw damaged(at, 'a position is below 2^53')
}

function damaged(at: number, what: string, found?: number): VaultError {
  const detail = found === undefined ? '' : `, found ${found}`
  return new VaultError('INTEGRITY', `archive: byte ${at}: ${what}${detail}`, {
    ...(found !== undefined && { found }),
  })
}
