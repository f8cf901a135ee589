import { VaultError } from '../errors.ts'

/** Deriving a key takes a second or two, and others may wait for the keyring meanwhile. */
const keyMsMax = 60_000

interface AskedKey {
  resolve(key: Buffer): void
  reject(error: unknown): void
}

/** Keys of keyslots that are asked for where the credentials are, each by a number of its own. */
export class AskedKeys {
  readonly #asked = new Map<number, AskedKey>()
  #asks = 0

  /**
   * Asks for one, and waits for it. Throws what `send` throws, what it is refused with, `TIMEOUT` where it does not come
   * within a minute, `ABORTED` where `signal` does.
   *
   * @param send asks whoever has the credential, under this number
   */
  ask(send: (ask: number) => Promise<void>, signal: AbortSignal): Promise<Buffer> {
    const ask = this.#asks++
    const limit = AbortSignal.timeout(keyMsMax)
    const ends = AbortSignal.any([signal, limit])
    return new Promise<Buffer>((resolve, reject) => {
      const onAbort = () => reject(limit.aborted ? isLate() : aborted())
      if (ends.aborted) return onAbort()
      ends.addEventListener('abort', onAbort, { once: true })
      this.#asked.set(ask, { resolve, reject })
      send(ask).catch(reject)
    }).finally(() => this.#asked.delete(ask))
  }

  /** The one that was asked for under a number. Throws `NOT_FOUND` where none was. */
  asked(ask: number): AskedKey {
    const asked = this.#asked.get(ask)
    if (asked !== undefined) return asked
    throw new VaultError('NOT_FOUND', 'no such key was asked for')
  }
}

function aborted(): VaultError {
  return new VaultError('ABORTED', 'the caller aborted')
}

function isLate(): VaultError {
  return new VaultError('TIMEOUT', `a key of a keyslot did not come within ${keyMsMax / 1000} s`)
}
