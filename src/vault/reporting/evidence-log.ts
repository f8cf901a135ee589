import { openCheckpoint } from '../../proofs/checkpoint.ts'
import type { Vkey } from '../../proofs/vkey.ts'
import { formatAddCheckpoint } from '../../proofs/witness-message.ts'
import type { SignedCheckpoint } from '../checkpoints.ts'
import { proveConsistency } from '../proofs.ts'
import { keyOfToday } from './covering.ts'
import { provable, type ReportSource } from './report-source.ts'

/** The one state of the log that everything in evidence is proved against. */
export interface Anchored {
  /** Gives that checkpoint wherever one is asked for. */
  readonly source: ReportSource
  readonly vkey: Vkey
  readonly checkpoint: SignedCheckpoint
  /** The newest one that was kept at or before the beginning of the range. */
  readonly earlier: SignedCheckpoint | undefined
}

/** Chooses the checkpoint that covers the range, as for any report. Throws `INTEGRITY` where a backup has none. */
export async function anchor(
  source: ReportSource,
  { from, size }: { readonly from: number; readonly size: number },
): Promise<Anchored> {
  const { log, vaultId, vkeys } = source
  const vkey = keyOfToday({ log, vaultId, vkeys })
  let earlier: SignedCheckpoint | undefined
  for await (const checkpoint of source.kept()) if (checkpoint.size <= from) earlier = checkpoint
  const checkpoint = await source.covering(size)
  // What is handed out is refused here rather than by whoever it is handed to.
  openCheckpoint(checkpoint.note, { log: vkey })
  return { source: { ...source, covering: async () => checkpoint }, vkey, checkpoint, earlier }
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
