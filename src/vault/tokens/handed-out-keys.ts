import { hkdfSha256, hmacSha256 } from '../../crypto/hash.ts'
import { VaultError } from '../../errors.ts'

/**
 * hash     := HMAC-SHA-256(key, "hash" ‖ text)                            32 bytes
 * accessor := HMAC-SHA-256(key, "accessor" ‖ text), its first 16 bytes    in hexadecimal digits
 * key      := HKDF-SHA-256(append key of the epoch, "muniment/v1/handed-out")
 *
 * `text` is a token or a secret id in UTF-8. Only owners have append keys: to whoever else reads the log neither of the two
 * confirms a guess at the text.
 */
export interface HandedOutMark {
  readonly accessor: string
  readonly hash: Buffer
  /** Of the log. */
  readonly epoch: number
}

interface AppendKey {
  readonly epoch: number
  readonly key: Uint8Array
}

const purpose = 'muniment/v1/handed-out'
const accessorBytes = 16

/** The keys of an open vault that what it hands out is known by. */
export class HandedOutKeys {
  readonly #appends: () => readonly AppendKey[]
  readonly #keys = new Map<number, Buffer>()
  #isErased = false

  /** @param appends the append keys of the keyring as it is by then, oldest first */
  constructor(appends: () => readonly AppendKey[]) {
    this.#appends = appends
  }

  /** What the log holds of a text if it was handed out, for every epoch, the newest first. Throws `CLOSED`. */
  *marks(text: string): Generator<HandedOutMark, void, void> {
    for (const append of this.#appends().toReversed()) {
      const key = this.#keyOf(append)
      const hash = hmacSha256(key, Buffer.from(`hash${text}`))
      const accessor = hmacSha256(key, Buffer.from(`accessor${text}`))
      yield {
        accessor: accessor.toString('hex', 0, accessorBytes),
        hash,
        epoch: append.epoch,
      }
    }
  }

  erase(): void {
    this.#isErased = true
    for (const key of this.#keys.values()) key.fill(0)
    this.#keys.clear()
  }

  #keyOf({ epoch, key }: AppendKey): Buffer {
    // A key that is derived of wiped bytes would be everybody's.
    if (this.#isErased) throw new VaultError('CLOSED', 'the keys of this vault have been erased')
    const known = this.#keys.get(epoch)
    if (known !== undefined) return known
    const derived = hkdfSha256(key, purpose)
    this.#keys.set(epoch, derived)
    return derived
  }
}
