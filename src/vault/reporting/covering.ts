import { VaultError } from '../../errors.ts'
import { originOf } from '../../proofs/origin.ts'
import type { Vkey } from '../../proofs/vkey.ts'
import { isSignedBy, type SignedCheckpoint } from '../checkpoints.ts'
import type { FoldedLog } from '../folded-log.ts'

/** Where a checkpoint is chosen from. */
export interface Choice {
  /** Every checkpoint that is kept for good, oldest first, as it is by then. */
  readonly kept: () => AsyncIterable<SignedCheckpoint>
  /** That of today, under the vault's name of today. */
  readonly key: Vkey
  /** One that covers what is asked for, where none is kept yet. */
  readonly newest: () => Promise<SignedCheckpoint>
}

/**
 * The smallest kept checkpoint of this size or more that the key has signed, so that what is made of the same events
 * comes out the same whenever it is made again; where there is none yet, the newest there is.
 */
export async function smallestCovering(
  { kept, key, newest }: Choice,
  size: number,
): Promise<SignedCheckpoint> {
  const found = await findCovering({ kept, key }, size)
  if (found !== undefined) return found
  const checkpoint = await newest()
  // Others are kept meanwhile, and the next one who asks finds the smallest of all.
  return (await findCovering({ kept, key }, size)) ?? checkpoint
}

async function findCovering(
  { kept, key }: Pick<Choice, 'kept' | 'key'>,
  size: number,
): Promise<SignedCheckpoint | undefined> {
  for await (const checkpoint of kept()) {
    if (checkpoint.size >= size && isSignedBy(checkpoint, key)) return checkpoint
  }
  return undefined
}

/** The key that signs today, under the name that the vault has today. Throws `INTEGRITY` where a keyring holds none. */
export function keyOfToday({
  log,
  vaultId,
  vkeys,
}: {
  readonly log: FoldedLog
  readonly vaultId: Uint8Array
  readonly vkeys: (name: string) => readonly Vkey[]
}): Vkey {
  const vkey = vkeys(originOf(vaultId, log.state.lifecycle.fold.state.incarnation)).at(-1)
  if (vkey === undefined) throw new VaultError('INTEGRITY', 'the keyring holds no signer')
  return vkey
}
