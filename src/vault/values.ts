import { createCipheriv, randomBytes } from 'node:crypto'
import { VaultError } from '../errors.ts'
import { keyIdName, openBox } from '../keys/box.ts'
import { BoundedCache } from '../log/bounded-cache.ts'
import type { KeyRows } from '../log/key-rows.ts'
import { eventAt, type LogSource } from '../log/reader.ts'

/** Where a version's box is, and what it must be. */
export interface ValueRef {
  readonly path: string
  readonly version: number
  /** Of the event that holds the box. */
  readonly position: number
  readonly keyId: Uint8Array
}

/** Opens boxes: what a read hands out while its event is being synced. */
export class Values {
  readonly #source: LogSource
  readonly #keyRows: KeyRows
  readonly #cache: ValueCache
  readonly #boxes = new BoundedCache<SealedBox>(boxBytesMax, ({ box }) => box.length + 64)

  constructor(source: LogSource, keyRows: KeyRows, cacheBytes: number) {
    this.#source = source
    this.#keyRows = keyRows
    this.#cache = new ValueCache(cacheBytes)
  }

  /** The box's plaintext (`decodeValue` reads it): at once where it is cached. Throws `INTEGRITY`. */
  open(ref: ValueRef): Buffer | Promise<Buffer> {
    return this.#cache.get(keyIdName(ref.keyId)) ?? this.#fetch(ref)
  }

  /** After a destruction: the plaintext goes as its key went. */
  forget(keyId: Uint8Array): void {
    const name = keyIdName(keyId)
    this.#cache.forget(name)
    this.#boxes.delete(name)
  }

  erase(): void {
    this.#cache.erase()
  }

  async #fetch(ref: ValueRef): Promise<Buffer> {
    const name = keyIdName(ref.keyId)
    const { box, first } = this.#boxes.get(name) ?? (await this.#read(ref, name))
    const valueKey = await this.#keyRows.get({ keyId: ref.keyId, first })
    if (valueKey === undefined) {
      throw new VaultError(
        'INTEGRITY',
        `the value key of version ${ref.version} of ${ref.path} is missing, and no event destroyed it`,
        { path: ref.path },
      )
    }
    const { vaultId } = this.#source.epochs
    const { path: subject, version, keyId } = ref
    const plain = openBox({ vaultId, subject, version, box, keyId, valueKey })
    this.#cache.put(name, plain)
    return plain
  }

  async #read(ref: ValueRef, name: string): Promise<SealedBox> {
    const { event, first } = await eventAt(this.#source, ref.position)
    const isVersion = event.type === 'secret.written' || event.type === 'secret.rotated'
    if (!isVersion || event.subject !== ref.path || event.data.version !== ref.version) {
      throw new VaultError('INTEGRITY', `position ${ref.position} does not hold ${ref.path}`, {
        path: ref.path,
      })
    }
    const sealed = { box: event.data.box, first }
    this.#boxes.put(name, sealed)
    return sealed
  }
}

/** A box as the log holds it, and the first position of its commit. */
interface SealedBox {
  readonly box: Uint8Array
  readonly first: number
}

interface Masked {
  readonly bytes: Buffer
  /** The first counter of its mask. */
  readonly counter: number
}

const blockBytes = 16
/** Boxes kept as they are sealed: they spare a look at the log, and are worth nothing without their keys. */
const boxBytesMax = 4 * 1024 * 1024

/**
 * Opened values, masked under a key that lives as long as the process: it spares the opening, and in an image of the
 * memory it is worth as much as unwrapped value keys would be.
 */
class ValueCache {
  readonly #entries: BoundedCache<Masked>
  readonly #mask = createCipheriv('aes-256-ecb', randomBytes(32), null).setAutoPadding(false)
  #counter = 0

  constructor(bytesMax: number) {
    this.#entries = new BoundedCache<Masked>(
      bytesMax,
      ({ bytes }) => bytes.length,
      ({ bytes }) => bytes.fill(0),
    )
  }

  get(name: string): Buffer | undefined {
    const entry = this.#entries.get(name)
    return entry && this.#masked(entry.bytes, entry.counter)
  }

  put(name: string, plain: Buffer): void {
    const counter = this.#counter
    this.#counter += Math.ceil(plain.length / blockBytes)
    this.#entries.put(name, { bytes: this.#masked(plain, counter), counter })
  }

  forget(name: string): void {
    this.#entries.delete(name)
  }

  erase(): void {
    this.#entries.clear()
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
