import { hkdfSha256 } from '../crypto/hash.ts'
import { type Xaes, xaes } from '../crypto/xaes.ts'
import type { OwnerKeyring } from '../keys/keyring.ts'
import { type Epochs, openEpochs } from '../log/epochs.ts'
import { type Head, HeadFile } from '../log/head.ts'
import { sealedRows } from '../projections/derived/sealed-rows.ts'
import { Snapshots } from '../projections/snapshots.ts'
import type { Store } from '../store/port.ts'
import { type FoundCheckpoints, findCheckpoints } from './checkpoints.ts'
import { type Claim, type Recovered, recover } from './recover.ts'

/** What an opening begins with: all that the store says, held against itself. */
export interface ReadBack {
  readonly epochs: Epochs
  readonly head: HeadFile
  readonly found: FoundCheckpoints
  readonly recovered: Recovered
  /** What seals the derived store. */
  readonly derived: Xaes
}

/** Reads a store back whose keyring was unlocked. Throws `INTEGRITY`, saying which position. */
export async function readBack({
  store,
  keyring,
  R,
}: {
  readonly store: Store
  readonly keyring: OwnerKeyring
  /** The root that seals the keyring. */
  readonly R: Buffer
}): Promise<ReadBack> {
  const epochs = openEpochs(keyring)
  const derived = derivedOf(R)
  try {
    const head = new HeadFile(store.files, epochs)
    const binding = keyring.vaultId
    const snapshots = await Snapshots.open(
      sealedRows({ cipher: derived, binding, table: store.derived }),
    )
    const found = await findCheckpoints(store.files, keyring)
    const claims = claimsOf(await head.read(), found)
    const recovered = await recover({ store, epochs }, { claims, snapshots })
    return { epochs, head, found, recovered, derived }
  } catch (error) {
    epochs.erase()
    derived.erase()
    throw error
  }
}

/** What a log is held to. */
export function claimsOf(
  head: Head | undefined,
  { newest }: Pick<FoundCheckpoints, 'newest'>,
): readonly Claim[] {
  return [
    ...(head === undefined ? [] : [{ by: 'head' as const, ...head }]),
    ...(newest === undefined ? [] : [{ by: 'checkpoint' as const, ...newest }]),
  ]
}

/**
 * What seals the derived store: a key that only owners can make, so that only they can make a snapshot. It lasts as long
 * as the root, and after another has taken its place, until the vault is opened again: then the log is replayed.
 */
function derivedOf(R: Buffer): Xaes {
  const key = hkdfSha256(R, 'muniment/v1/derived')
  const cipher = xaes(key)
  key.fill(0)
  return cipher
}
