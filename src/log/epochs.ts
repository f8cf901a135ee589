import { type Blinding, blinding } from '../crypto/blind.ts'
import { type Xaes, xaes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'

/** The keys of one epoch, ready for use. `appendKey` makes the MAC that only owners can make. */
export interface Epoch {
  readonly epoch: number
  /** The first position sealed under it. */
  readonly from: number
  readonly cipher: Xaes
  readonly blind: Blinding
  readonly appendKey: Uint8Array | undefined
}

export interface Epochs {
  readonly vaultId: Uint8Array
  /** The one that appends are sealed under. */
  readonly current: Epoch
  /** Takes the epochs that a later generation of the keyring adds: what is appended next is sealed under the newest. */
  adopt(keyring: Keyring): void
  /** The epoch that a commit at this position must be sealed under. Throws `CLOSED` once they are erased. */
  at(position: number): Epoch
  /** Lets go of them: whoever still reads has a commit at hand that says nothing without its key. */
  erase(): void
}

/** Readies the log keys of an opened keyring. Erasing the keyring erases the keys; `erase` lets go of ciphers. */
export function openEpochs(keyring: Keyring): Epochs {
  const epochs = openFrom(keyring, 0)
  let current = newestOf(epochs)
  let isErased = false
  return {
    vaultId: keyring.vaultId,
    get current() {
      return current
    },
    adopt: (later) => {
      epochs.push(...openFrom(later, epochs.length))
      current = newestOf(epochs)
    },
    at: (position) => {
      if (isErased) throw new VaultError('CLOSED', 'the vault is closed')
      if (position >= current.from) return current
      const found = epochs.findLast((epoch) => epoch.from <= position)
      if (found !== undefined) return found
      throw new VaultError('INTEGRITY', `no log key covers position ${position}`)
    },
    erase: () => {
      isErased = true
      for (const { cipher } of epochs) cipher.erase()
    },
  }
}

/** The epochs of a keyring, which are in the order of their positions, but for the first `opened` of them. */
function openFrom({ log, values }: Keyring, opened: number): Epoch[] {
  return log.epochs.slice(opened).map(({ epoch, from, logKey, blindKey }) => ({
    epoch,
    from,
    cipher: xaes(logKey),
    blind: blinding(blindKey),
    appendKey: values?.appends.find((append) => append.epoch === epoch)?.key,
  }))
}

function newestOf(epochs: readonly Epoch[]): Epoch {
  const newest = epochs.at(-1)
  if (newest !== undefined) return newest
  throw new VaultError('INTEGRITY', 'the keyring holds no log key')
}
