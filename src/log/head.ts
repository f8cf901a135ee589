import { equalBytes, hmacSha256 } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import type { FileTable } from '../store/port.ts'
import type { Epoch, Epochs } from './epochs.ts'

/**
 * The file `head` says, outside the log, how far the log reached. LevelDB drops a torn tail without an error, and
 * only something beside it can tell that from a log that ended there.
 *
 * head := slot(512) ‖ slot(512)
 * slot := "MUNH" ‖ epoch u32 ‖ size u64 ‖ root(32) ‖ mac(32) ‖ zeros
 * mac  := HMAC-SHA-256(appendKey[epoch], "muniment/v1/head" ‖ vaultId(16) ‖ size u64 ‖ root)
 *
 * The slots are written in turn and not synced: a crash of the process leaves the newest or the one before it, a
 * crash of the machine may leave neither.
 */
const name = 'head'
const magic = Buffer.from('MUNH')
const label = Buffer.from('muniment/v1/head')
const slotBytes = 512
const macAt = 48

export interface Head {
  readonly size: number
  readonly root: Buffer
}

export class HeadFile {
  readonly #files: FileTable
  readonly #epochs: Epochs
  #turn = 0
  #writing: Promise<void> | undefined
  #next: Head | undefined
  #failure: unknown

  constructor(files: FileTable, epochs: Epochs) {
    this.#files = files
    this.#epochs = epochs
  }

  /** The newest head that an owner wrote, or undefined where the machine's crash or nobody yet left one. */
  async read(): Promise<Head | undefined> {
    const bytes = await this.#files.read(name)
    if (bytes === undefined || bytes.every((byte) => byte === 0)) return undefined
    const buffer = Buffer.from(bytes)
    const heads = [0, 1]
      .map((turn) => ({
        turn,
        head: this.#slot(buffer.subarray(turn * slotBytes, (turn + 1) * slotBytes)),
      }))
      .filter((slot): slot is { turn: number; head: Head } => slot.head !== undefined)
      .sort((a, b) => b.head.size - a.head.size)
    const newest = heads[0]
    if (newest === undefined) {
      throw new VaultError('INTEGRITY', 'neither slot of the head file is one that an owner wrote')
    }
    this.#turn = 1 - newest.turn
    return newest.head
  }

  /** Notes a head; writes follow each other and a newer head overtakes one that still waits. */
  note(head: Head): void {
    this.#next = head
    this.#writing ??= this.#drain()
  }

  /** Why the last write failed, if it did. The log goes on without: only the detection of a cut log suffers. */
  get failure(): unknown {
    return this.#failure
  }

  /** Waits until the newest noted head is written. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  async #drain(): Promise<void> {
    // Not before `#writing` is set, whatever a store throws at once.
    await undefined
    for (let head = this.#next; head !== undefined; head = this.#next) {
      this.#next = undefined
      try {
        await this.#files.overwrite(name, this.#turn * slotBytes, this.#encode(head))
        this.#turn = 1 - this.#turn
        this.#failure = undefined
      } catch (cause) {
        this.#failure = cause
      }
    }
    this.#writing = undefined
  }

  #encode({ size, root }: Head): Buffer {
    // Of its newest event: a head that waited for its turn may be of before a rotation.
    const { epoch, appendKey } = this.#epochs.at(size - 1)
    const slot = Buffer.alloc(slotBytes)
    if (appendKey === undefined)
      throw new VaultError('AUDITOR_ONLY', 'only an owner writes the head')
    slot.set(magic, 0)
    slot.writeUInt32BE(epoch, 4)
    slot.writeBigUInt64BE(BigInt(size), 8)
    slot.set(root, 16)
    slot.set(this.#mac(appendKey, slot), macAt)
    return slot
  }

  #slot(slot: Buffer): Head | undefined {
    if (slot.length < slotBytes || !slot.subarray(0, 4).equals(magic)) return undefined
    const size = Number(slot.readBigUInt64BE(8))
    if (!Number.isSafeInteger(size) || size < 1) return undefined
    const epoch = this.#epochs.at(size - 1)
    // An auditor cannot check the MAC and takes no head at its word.
    if (!isWritten(epoch, slot.readUInt32BE(4))) return undefined
    const mac = slot.subarray(macAt, macAt + 32)
    if (!equalBytes(this.#mac(epoch.appendKey, slot), mac)) return undefined
    return { size, root: Buffer.from(slot.subarray(16, macAt)) }
  }

  #mac(appendKey: Uint8Array, slot: Buffer): Buffer {
    return hmacSha256(appendKey, label, this.#epochs.vaultId, slot.subarray(8, macAt))
  }
}

function isWritten(epoch: Epoch, claimed: number): epoch is Epoch & { appendKey: Uint8Array } {
  return epoch.appendKey !== undefined && epoch.epoch === claimed
}
