import { viewOf } from '../../crypto/bytes.ts'
import type { Keyring } from '../../keys/keyring.ts'

interface LentKey {
  readonly epoch: number
  readonly key: Uint8Array
}

/**
 * The keys that verification needs of a keyring, copied into memory that a worker shares. Whoever lent them wipes them,
 * however the worker ended. Signing keys and both roots stay behind.
 */
export interface LentKeys {
  readonly memory: SharedArrayBuffer
  readonly vaultId: Uint8Array
  readonly generation: number
  readonly epochs: readonly {
    readonly epoch: number
    readonly from: number
    readonly logKey: Uint8Array
    readonly blindKey: Uint8Array
  }[]
  /** Raw public keys, oldest first. */
  readonly signers: readonly { readonly epoch: number; readonly publicKey: Uint8Array }[]
  /** What only an owner has to lend. */
  readonly owned:
    | { readonly appends: readonly LentKey[]; readonly wraps: readonly LentKey[] }
    | undefined
}

const keyBytes = 32

export function lendKeys({ vaultId, generation, log, values }: Keyring): LentKeys {
  const { appends = [], wraps = [] } = values ?? {}
  const memory = new SharedArrayBuffer(
    keyBytes * (2 * log.epochs.length + appends.length + wraps.length),
  )
  let at = 0
  const lend = (key: Uint8Array) => {
    const copy = new Uint8Array(memory, at, keyBytes)
    copy.set(key)
    at += keyBytes
    return copy
  }
  const lendAll = (keys: readonly LentKey[]) =>
    keys.map(({ epoch, key }) => ({ epoch, key: lend(key) }))
  return {
    memory,
    vaultId: Uint8Array.from(vaultId),
    generation,
    epochs: log.epochs.map(({ epoch, from, logKey, blindKey }) => ({
      epoch,
      from,
      logKey: lend(logKey),
      blindKey: lend(blindKey),
    })),
    signers: log.signers.map(({ epoch, publicKey }) => ({
      epoch,
      publicKey: Uint8Array.from(publicKey),
    })),
    owned: values && { appends: lendAll(appends), wraps: lendAll(wraps) },
  }
}

export function wipeKeys({ memory }: LentKeys): void {
  new Uint8Array(memory).fill(0)
}

/** The lent keys as the log takes them: of an owner, unless the MACs are to be left out. */
export function keyringOf(lent: LentKeys, { macs }: { readonly macs: boolean }): Keyring {
  const { vaultId, generation, epochs, signers, owned } = lent
  const log = {
    epochs: epochs.map(({ epoch, from, logKey, blindKey }) => ({
      epoch,
      from,
      logKey: viewOf(logKey),
      blindKey: viewOf(blindKey),
    })),
    signers: signers.map(({ epoch, publicKey }) => ({ epoch, publicKey: viewOf(publicKey) })),
  }
  const keyring = { vaultId: viewOf(vaultId), generation, slots: [], log }
  if (!macs || owned === undefined) return keyring
  const keys = (lent: readonly LentKey[]) =>
    lent.map(({ epoch, key }) => ({ epoch, key: viewOf(key) }))
  const { appends, wraps } = owned
  const values = { appends: keys(appends), wraps: keys(wraps), signing: [], A: Buffer.alloc(0) }
  return { ...keyring, values }
}
