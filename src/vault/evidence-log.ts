import { VaultError } from '../errors.ts'
import { openCheckpoint } from '../proofs/checkpoint.ts'
import { originOf } from '../proofs/origin.ts'
import type { Vkey } from '../proofs/vkey.ts'
import { formatAddCheckpoint } from '../proofs/witness-message.ts'
import type { SignedCheckpoint } from './checkpoints.ts'
import { type Provable, proveConsistency } from './proofs.ts'
import type { ReportSource } from './report-source.ts'

/** The one state of the log that everything in evidence is proved against. */
export interface Anchored {
  /** Gives that checkpoint wherever one is asked for. */
  readonly source: ReportSource
  readonly vkey: Vkey
  readonly checkpoint: SignedCheckpoint
  /** The newest one that was kept at or before the beginning of the range. */
  readonly earlier: SignedCheckpoint | undefined
}

/**
 * The source, whose kept checkpoints were read and verified once, for as many reports as are made of it.
 */
export async function withKept(source: ReportSource): Promise<ReportSource> {
  const kept: SignedCheckpoint[] = []
  for await (const checkpoint of source.kept()) kept.push(checkpoint)
  return {
    ...source,
    kept: async function* () {
      yield* kept
    },
  }
}

/**
 * Chooses the checkpoint: the smallest kept one that covers the range and was signed by the vault's key of today under
 * its name of today, so that evidence of the same range is the same whenever it is made again; where there is none yet,
 * the newest there is, which a vault signs and keeps for this. Throws `INTEGRITY` where a backup has none.
 */
export async function anchor(
  source: ReportSource,
  { from, size }: { readonly from: number; readonly size: number },
): Promise<Anchored> {
  const vkey = keyOf(source)
  let chosen: SignedCheckpoint | undefined
  let earlier: SignedCheckpoint | undefined
  for await (const checkpoint of source.kept()) {
    if (checkpoint.size <= from) earlier = checkpoint
    if (checkpoint.size >= size && isSignedBy(checkpoint, vkey)) chosen ??= checkpoint
  }
  const checkpoint = chosen ?? (await source.covering(size))
  // What is handed out is refused here rather than by whoever it is handed to.
  openCheckpoint(checkpoint.note, { log: vkey })
  return { source: { ...source, covering: async () => checkpoint }, vkey, checkpoint, earlier }
}

function keyOf({ log, vaultId, vkeys }: ReportSource): Vkey {
  const vkey = vkeys(originOf(vaultId, log.state.lifecycle.fold.state.incarnation)).at(-1)
  if (vkey === undefined) throw new VaultError('INTEGRITY', 'the keyring holds no signer')
  return vkey
}

function isSignedBy({ note }: SignedCheckpoint, log: Vkey): boolean {
  try {
    openCheckpoint(note, { log })
    return true
  } catch (error) {
    if (error instanceof VaultError && error.code === 'INTEGRITY') return false
    throw error
  }
}

/** What a log's proofs are made of. */
export function provable({ log: { store, epochs }, nodes }: ReportSource): Provable {
  return { store, epochs, nodes }
}

/** That the log of the checkpoint continues an earlier one, as it is sent to a witness (C2SP tlog-witness). */
export async function continuation(
  source: ReportSource,
  earlier: SignedCheckpoint,
  checkpoint: SignedCheckpoint,
): Promise<Buffer> {
  const proof = await proveConsistency(provable(source), earlier, checkpoint)
  return formatAddCheckpoint({ oldSize: earlier.size, proof, checkpoint: checkpoint.note })
}
