import { createCipheriv, randomBytes } from 'node:crypto'
import { VaultError } from '../errors.ts'
import type { VaultEvent } from '../events/catalogue.ts'
import { openBox } from '../keys/box.ts'
import type { KeyRows } from '../log/key-rows.ts'
import { type LogSource, readCommits } from '../log/reader.ts'

/** Where a version's box is, and what it must be. */
export interface ValueRef {
  readonly path: string
  readonly version: number
  /** Of the event that holds the box. */
  readonly position: number
  readonly keyId: Uint8Array
}

/** The event at a position, and the first position of its commit. */
export async function eventAt(
  source: LogSource,
  position: number,
): Promise<{ event: VaultEvent; first: number }> {
  for await (const commit of readCommits(source, { from: position, to: position + 1 })) {
    const event = commit.events[position - commit.first]
    if (event !== undefined) return { event, first: commit.first }
  }
  throw new VaultError('INTEGRITY', `position ${position} is missing`, { expected: position })
}

/** Opens boxes: what a read hands out while its event is being synced. */
export class Values {
  readonly #source: LogSource
  readonly #keyRows: KeyRows
  readonly #cache: ValueCache

  constructor(source: LogSource, keyRows: KeyRows, cacheBytes: number) {
    this.#source = source
    this.#keyRows = keyRows
    this.#cache = new ValueCache(cacheBytes)
  }

  /** The box's plaintext (`decodeValue` reads it): at once where it is cached. Throws `INTEGRITY`. */
  open(ref: ValueRef): Buffer | Promise<Buffer> {
    return this.#cache.get(nameOf(ref.keyId)) ?? this.#fetch(ref)
  }

  /** After a destruction: the plaintext goes as its key went. */
  forget(keyId: Uint8Array): void {
    this.#cache.forget(nameOf(keyId))
  }

  erase(): void {
    this.#cache.erase()
  }

  async #fetch(ref: ValueRef): Promise<Buffer> {
    const { event, first } = await eventAt(this.#source, ref.position)
    const isVersion = event.type === 'secret.written' || event.type === 'secret.rotated'
    if (!isVersion || event.subject !== ref.path || event.data.version !== ref.version) {
      throw new VaultError('INTEGRITY', `position ${ref.position} does not hold ${ref.path}`, {
        path: ref.path,
      })
    }
    const valueKey = await this.#keyRows.get({ keyId: ref.keyId, first })
    if (valueKey === undefined) {
      throw new VaultError(
        'INTEGRITY',
        `the value key of version ${ref.version} of ${ref.path} is missing, and no event destroyed it`,
        { path: ref.path },
      )
    }
    const plain = openBox({
      vaultId: this.#source.epochs.vaultId,
      subject: ref.path,
      version: ref.version,
      box: event.data.box,
      keyId: ref.keyId,
      valueKey,
    })
    this.#cache.put(nameOf(ref.keyId), plain)
    return plain
  }
}

function nameOf(keyId: Uint8Array): string {
  return Buffer.from(keyId.buffer, keyId.byteOffset, keyId.byteLength).toString('latin1')
}

interface Masked {
  readonly bytes: Buffer
  /** The first counter of its mask. */
  readonly counter: number
}

const blockBytes = 16
/** Larger values are rare, and opening them is no slower than unmasking. */
const entryBytesMax = 64 * 1024

/**
 * Opened values, least recently used first, masked under a key that lives as long as the process: it spares the
 * opening, and in an image of the memory it is worth as much as unwrapped value keys would be.
 */
class ValueCache {
  readonly #bytesMax: number
  /** By key id. */
  readonly #entries = new Map<string, Masked>()
  readonly #mask = createCipheriv('aes-256-ecb', randomBytes(32), null).setAutoPadding(false)
  #bytes = 0
  #counter = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get(name: string): Buffer | undefined {
    const entry = this.#entries.get(name)
    if (entry === undefined) return undefined
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    return this.#masked(entry.bytes, entry.counter)
  }

  put(name: string, plain: Buffer): void {
    if (plain.length > Math.min(this.#bytesMax, entryBytesMax)) return
    this.forget(name)
    const counter = this.#counter
    this.#counter += Math.ceil(plain.length / blockBytes)
    this.#entries.set(name, { bytes: this.#masked(plain, counter), counter })
    this.#bytes += plain.length
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.forget(oldest)
    }
  }

  forget(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    this.#bytes -= entry.bytes.length
    entry.bytes.fill(0)
  }

  erase(): void {
    for (const name of [...this.#entries.keys()]) this.forget(name)
  }

  /** XOR with AES of a run of counters that no other entry uses (SP 800-38A §6.5); it is its own inverse. */
  #masked(bytes: Buffer, counter: number): Buffer {
    const blocks = Math.ceil(bytes.length / blockBytes)
    const counters = Buffer.alloc(blocks * blockBytes)
    for (let i = 0; i < blocks; i++) {
      counters.writeUInt32BE(Math.floor((counter + i) / 2 ** 32), i * blockBytes + 8)
      counters.writeUInt32BE((counter + i) >>> 0, i * blockBytes + 12)
    }
    const stream = this.#mask.update(counters)
    for (let i = 0; i < bytes.length; i++) stream[i] = (stream[i] ?? 0) ^ (bytes[i] ?? 0)
    return stream.subarray(0, bytes.length)
  }
}
