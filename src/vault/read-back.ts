import { hkdfSha256 } from '../crypto/hash.ts'
import { xaes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
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
}

/** Reads a store back whose keyring was unlocked. Throws `INTEGRITY`, saying which position. */
export async function readBack({
  store,
  keyring,
}: {
  readonly store: Store
  readonly keyring: OwnerKeyring
}): Promise<ReadBack> {
  const epochs = openEpochs(keyring)
  const head = new HeadFile(store.files, epochs)
  const snapshots = await Snapshots.open(
    sealedRows({ ...derivedOf(keyring), table: store.derived }),
  )
  const found = await findCheckpoints(store.files, keyring)
  const claims = claimsOf(await head.read(), found)
  return { epochs, head, found, recovered: await recover({ store, epochs }, { claims, snapshots }) }
}

function claimsOf(head: Head | undefined, { newest }: FoundCheckpoints): readonly Claim[] {
  return [
    ...(head === undefined ? [] : [{ by: 'head' as const, ...head }]),
    ...(newest === undefined ? [] : [{ by: 'checkpoint' as const, ...newest }]),
  ]
}

/** What seals the derived store: a key that only owners can make, so that only they can make a snapshot. */
function derivedOf(keyring: OwnerKeyring) {
  const appendKey = keyring.values.appends.at(-1)?.key
  if (appendKey === undefined) throw new VaultError('INTEGRITY', 'the keyring holds no append key')
  return { cipher: xaes(hkdfSha256(appendKey, 'muniment/v1/derived')), binding: keyring.vaultId }
}
