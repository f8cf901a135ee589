import { equalBytes, hmacSha256, sha256 } from '../crypto/hash.ts'
import { nonce24 } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import type { DraftEvent } from '../events/catalogue.ts'
import { encodeEventInto } from '../events/encode.ts'
import { createWriter, reserve, type Writer } from '../events/value-writer.ts'
import { commitEventsMax, commitSealedBytesMax, eventBytesMax } from '../limits.ts'
import type { StoredCommit } from '../store/port.ts'
import type { Epoch, Epochs } from './epochs.ts'

/**
 * commit  := header ‖ ciphertext ‖ tag(16) ‖ mac(32)
 * header  := "MUN1" ‖ epoch u32 ‖ count u32 ‖ nonce(24)              in the clear
 * plain   := (length u32 ‖ event bytes) × count
 * seal    := XAES-256-GCM(logKey[epoch], nonce, plain, aad = "muniment/v1/commit" ‖ vaultId(16) ‖ first u64 ‖ header)
 * mac     := HMAC-SHA-256(appendKey[epoch], "muniment/v1/commit" ‖ vaultId ‖ first u64 ‖ header ‖ SHA-256(ciphertext ‖ tag))
 *
 * All integers are big-endian. An auditor holds logKey and can open a commit; only an owner holds appendKey.
 */
const magic = Buffer.from('MUN1')
const label = Buffer.from('muniment/v1/commit')
const headerBytes = 36
const nonceAt = 12
const tagBytes = 16
const macBytes = 32
const lengthBytes = 4

/**
 * Room in front of the first event, so that each event has the 17 bytes before it that its leaf hash needs
 * (`leafHashes`); the length field is four of them.
 */
const headroom = 13
/** 0x00 ‖ salt: what stands before an event in its leaf. */
const leafHead = 17

/** The events of a commit in the clear. */
export interface CommitPlain {
  readonly buffer: Buffer
  /** Start and end of each event in `buffer`; its length stands before it. */
  readonly spans: readonly (readonly [number, number])[]
}

/** Memory that one commit after another is laid out in. */
const writerBytes = 128 * 1024

/** Lays out the events of a commit in memory that is used again for the next. */
export class CommitWriter implements CommitPlain {
  #writer: Writer = createWriter(writerBytes)
  #spans: (readonly [number, number])[] = []

  get buffer(): Buffer {
    return this.#writer.bytes
  }

  get spans(): readonly (readonly [number, number])[] {
    return this.#spans
  }

  /** Bytes of events so far, lengths included. */
  get size(): number {
    return (this.#spans.at(-1)?.[1] ?? headroom) - headroom
  }

  clear(): void {
    if (this.#writer.bytes.length > 8 * writerBytes) this.#writer = createWriter(writerBytes)
    this.#writer.length = headroom
    this.#spans = []
  }

  /** Throws `INVALID` or `TOO_LARGE`, and then holds what it held. */
  add(event: DraftEvent): void {
    const writer = this.#writer
    const start = writer.length + lengthBytes
    reserve(writer, lengthBytes)
    writer.length = start
    try {
      encodeEventInto(writer, event)
    } catch (error) {
      writer.length = start - lengthBytes
      throw error
    }
    writer.bytes.writeUInt32BE(writer.length - start, start - lengthBytes)
    this.#spans.push([start, writer.length])
  }

  /** Takes back all events but the first `count`. */
  cut(count: number): void {
    this.#spans.length = count
    this.#writer.length = this.#spans.at(-1)?.[1] ?? headroom
  }
}

export function sealCommit(
  epoch: Epoch,
  { vaultId, first, plain }: { vaultId: Uint8Array; first: number; plain: CommitWriter },
): Buffer {
  if (epoch.appendKey === undefined) {
    throw new VaultError('AUDITOR_ONLY', 'this keyslot can read the log and cannot append to it')
  }
  const header = Buffer.allocUnsafe(headerBytes)
  const nonce = nonce24()
  header.set(magic, 0)
  header.writeUInt32BE(epoch.epoch, 4)
  header.writeUInt32BE(plain.spans.length, 8)
  header.set(nonce, nonceAt)
  const bound = bind(vaultId, first, header)
  const end = plain.spans.at(-1)?.[1] ?? headroom
  const sealed = epoch.cipher.seal(nonce, plain.buffer.subarray(headroom, end), bound)
  return Buffer.concat([header, sealed, macOf(epoch.appendKey, bound, sealed)])
}

/**
 * RFC 9162 §2.1.1 leaf hashes, SHA-256(0x00 ‖ salt(16) ‖ event bytes), of a commit that has been sealed.
 * Destroys `plain`: in ascending order, the 17 bytes before an event are its length and the end of an event that
 * has been hashed already, so the salts go there and nothing is copied.
 */
export function leafHashes(epoch: Epoch, first: number, plain: CommitWriter): Buffer[] {
  const salts = epoch.blind(first, plain.spans.length)
  return plain.spans.map(([start, end], i) => {
    plain.buffer[start - leafHead] = 0x00
    salts.copy(plain.buffer, start - 16, i * 16, i * 16 + 16)
    return sha256(plain.buffer.subarray(start - leafHead, end))
  })
}

/** Where the leaves of opened commits are put together; wiped by nobody, since boxes in it are sealed. */
let leafScratch = Buffer.alloc(8 * 1024)

/** The same leaf hashes for a commit that was opened, whose events are still to be read: copies each event once. */
export function leafHashesOf(epoch: Epoch, first: number, plain: CommitPlain): Buffer[] {
  const salts = epoch.blind(first, plain.spans.length)
  return plain.spans.map(([start, end], i) => {
    const length = leafHead + end - start
    if (length > leafScratch.length) leafScratch = Buffer.alloc(2 * length)
    leafScratch[0] = 0x00
    salts.copy(leafScratch, 1, i * 16, i * 16 + 16)
    plain.buffer.copy(leafScratch, leafHead, start, end)
    return sha256(leafScratch.subarray(0, length))
  })
}

/** Opens a stored commit: checks header, epoch, MAC (owners) and seal, in that order, and every length. */
export function openCommit(epochs: Epochs, { first, sealed }: StoredCommit): CommitPlain {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.length < headerBytes + tagBytes + macBytes || bytes.length > commitSealedBytesMax) {
    throw damaged(first, `is ${bytes.length} bytes long`)
  }
  if (!bytes.subarray(0, 4).equals(magic)) throw damaged(first, 'does not begin with MUN1')
  const epoch = epochs.at(first)
  if (bytes.readUInt32BE(4) !== epoch.epoch) {
    throw damaged(first, `is sealed under epoch ${bytes.readUInt32BE(4)}, not ${epoch.epoch}`)
  }
  const bound = bind(epochs.vaultId, first, bytes.subarray(0, headerBytes))
  const body = bytes.subarray(headerBytes, -macBytes)
  if (
    epoch.appendKey !== undefined &&
    !equalBytes(macOf(epoch.appendKey, bound, body), bytes.subarray(-macBytes))
  ) {
    throw damaged(first, 'has a MAC that no owner made')
  }
  const buffer = openSeal(epoch, first, {
    nonce: bytes.subarray(nonceAt, headerBytes),
    body,
    bound,
  })
  return { buffer, spans: spansOf(buffer, first, bytes.readUInt32BE(8)) }
}

function openSeal(
  epoch: Epoch,
  first: number,
  { nonce, body, bound }: { nonce: Buffer; body: Buffer; bound: Buffer },
): Buffer {
  try {
    return epoch.cipher.open(nonce, body, bound)
  } catch (cause) {
    if (cause instanceof VaultError && cause.code === 'CLOSED') throw cause
    throw damaged(first, 'does not open')
  }
}

function spansOf(buffer: Buffer, first: number, count: number): (readonly [number, number])[] {
  if (count < 1 || count > commitEventsMax) throw damaged(first, `claims ${count} events`)
  const spans: (readonly [number, number])[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + lengthBytes > buffer.length) throw damaged(first, 'ends within an event')
    const length = buffer.readUInt32BE(at)
    const start = at + lengthBytes
    if (length < 1 || length > eventBytesMax || start + length > buffer.length) {
      throw damaged(first, `holds an event of ${length} bytes`)
    }
    at = start + length
    spans.push([start, at])
  }
  if (at !== buffer.length) throw damaged(first, 'holds bytes behind its last event')
  return spans
}

function bind(vaultId: Uint8Array, first: number, header: Uint8Array): Buffer {
  const bound = Buffer.allocUnsafe(label.length + 16 + 8 + headerBytes)
  bound.set(label, 0)
  bound.set(vaultId, label.length)
  bound.writeBigUInt64BE(BigInt(first), label.length + 16)
  bound.set(header, label.length + 24)
  return bound
}

function macOf(appendKey: Uint8Array, bound: Uint8Array, body: Uint8Array): Buffer {
  return hmacSha256(appendKey, bound, sha256(body))
}

function damaged(first: number, what: string): VaultError {
  return new VaultError('INTEGRITY', `the commit at position ${first} ${what}`)
}
