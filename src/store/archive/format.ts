import { commitSealedBytesMax, keyringBytesMax, keysPerRowMax } from '../../limits.ts'
import { fileNameBytesMax } from '../names.ts'
import type { KeyRow, StoredCommit } from '../port.ts'

/**
 * archive := "MUNA" ‖ version u32 (1) ‖ record × n ‖ end
 * record  := kind u8 ‖ length u32 ‖ body                   length is that of body
 * file    := 01 ‖ length u32 ‖ len u8 ‖ name ‖ bytes       each name once
 * commit  := 02 ‖ length u32 ‖ first position u64 ‖ sealed dense, from position 0
 * key row := 03 ‖ length u32 ‖ first position u64 ‖ block u16 ‖ bytes          ascending, each once
 * end     := 04 ‖ length u32 ‖ SHA-256(every byte before end)
 *
 * All integers are big-endian. Kinds may stand in any order, and nothing follows the end. What the bodies hold is
 * sealed, or public by design; the digest tells a broken copy, and only what is inside tells a forged one.
 */
export const magic = Buffer.from('MUNA')
export const version = 1
export const prologueBytes = magic.length + 4
export const digestBytes = 32

export const kinds = { file: 1, commit: 2, keyRow: 3, end: 4 } as const

/** kind ‖ length */
export const recordHeadBytes = 5
export const endBytes = recordHeadBytes + digestBytes
/** Where the bytes of a commit or a key row begin in its body. */
export const sealedAt = 8
export const rowAt = 10

const commitHeaderBytes = 36
/** wrapEpoch ‖ nonce ‖ keys ‖ tag (`docs/format.md`). */
const keyRowBytesMax = 4 + 24 + 64 * keysPerRowMax + 16

export interface Bounds {
  readonly least: number
  readonly most: number
}

/** Lengths of a body by its kind. The end stands apart: it is read where the file ends. */
export const bodyBounds: Readonly<Record<number, Bounds>> = {
  [kinds.file]: { least: 2, most: 1 + fileNameBytesMax + keyringBytesMax },
  [kinds.commit]: { least: sealedAt + commitHeaderBytes, most: sealedAt + commitSealedBytesMax },
  [kinds.keyRow]: { least: rowAt + 1, most: rowAt + keyRowBytesMax },
}

/** A small file of the vault, such as its keyring. */
export interface ArchivedFile {
  readonly name: string
  readonly bytes: Uint8Array
}

export type ArchiveRecord =
  | ({ readonly kind: 'file' } & ArchivedFile)
  | ({ readonly kind: 'commit' } & StoredCommit)
  | ({ readonly kind: 'keyRow' } & KeyRow)

type Encoders = {
  readonly [K in ArchiveRecord['kind']]: (
    record: Extract<ArchiveRecord, { readonly kind: K }>,
  ) => readonly Uint8Array[]
}

/** What stands in front of the bytes that a record carries, and those bytes. */
const bodies: Encoders = {
  file: ({ name, bytes }) => [Buffer.of(name.length), Buffer.from(name, 'latin1'), bytes],
  commit: ({ first, sealed }) => [u64(first), sealed],
  keyRow: ({ id, bytes }) => [u64(id.first), u16(id.block), bytes],
}

export function encodePrologue(): Buffer {
  return Buffer.concat([magic, u32(version)])
}

/** A record in pieces, so that what it carries is not copied. Throws `RangeError` for what a reader would refuse. */
export function encodeRecord(record: ArchiveRecord): readonly Uint8Array[] {
  const body = bodyOf(record)
  const length = body.reduce((sum, piece) => sum + piece.length, 0)
  const { least, most } = bodyBounds[kinds[record.kind]] ?? { least: 0, most: 0 }
  if (length < least || length > most) {
    throw new RangeError(`a ${record.kind} of an archive has ${least} to ${most} bytes`)
  }
  return [recordHead(kinds[record.kind], length), ...body]
}

export function encodeEnd(digest: Uint8Array): Buffer {
  return Buffer.concat([recordHead(kinds.end, digestBytes), digest])
}

function bodyOf<K extends ArchiveRecord['kind']>(
  record: Extract<ArchiveRecord, { readonly kind: K }>,
): readonly Uint8Array[] {
  return (bodies[record.kind] as Encoders[K])(record)
}

function recordHead(kind: number, length: number): Buffer {
  const head = Buffer.alloc(recordHeadBytes)
  head.writeUInt8(kind, 0)
  head.writeUInt32BE(length, 1)
  return head
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
