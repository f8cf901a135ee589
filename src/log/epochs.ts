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
  /** The epoch that a commit at this position must be sealed under. */
  at(position: number): Epoch
  erase(): void
}

/** Readies the log keys of an opened keyring. Erasing the keyring erases the keys; `erase` lets go of ciphers. */
export function openEpochs(keyring: Keyring): Epochs {
  const epochs = keyring.log.epochs
    .map(({ epoch, from, logKey, blindKey }) => ({
      epoch,
      from,
      cipher: xaes(logKey),
      blind: blinding(blindKey),
      appendKey: keyring.values?.appends.find((append) => append.epoch === epoch)?.key,
    }))
    .sort((a, b) => a.from - b.from)
  const current = epochs.at(-1)
  if (current === undefined) throw new VaultError('INTEGRITY', 'the keyring holds no log key')
  return {
    vaultId: keyring.vaultId,
    current,
    at: (position) => {
      if (position >= current.from) return current
      const found = epochs.findLast((epoch) => epoch.from <= position)
      if (found !== undefined) return found
      throw new VaultError('INTEGRITY', `no log key covers position ${position}`)
    },
    erase: () => {
      for (const { cipher } of epochs) cipher.erase()
    },
  }
}
