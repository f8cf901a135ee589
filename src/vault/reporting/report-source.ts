import type { Asked } from '../../access/asked.ts'
import { privateKeyOf, publicKeyOf } from '../../crypto/ed25519.ts'
import { VaultError } from '../../errors.ts'
import type { Fact } from '../../events/catalogue.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { TreeRows } from '../../projections/derived/tree-rows.ts'
import { type NoteSignature, signNote } from '../../proofs/note.ts'
import { isOriginOf } from '../../proofs/origin.ts'
import { type Vkey, vkeyOf } from '../../proofs/vkey.ts'
import type { BackupLog } from '../backup-log.ts'
import { type Call, recordAsked } from '../call.ts'
import { listKept, type SignedCheckpoint } from '../checkpoints.ts'
import type { Engine } from '../engine.ts'
import type { FoldedLog } from '../folded-log.ts'
import type { Provable } from '../proofs.ts'
import { everything } from '../whole-trail.ts'
import { keyOfToday, smallestCovering } from './covering.ts'

/** What a report is made of, and who vouches for it: an open vault, or a backup of one. */
export interface ReportSource {
  readonly log: FoldedLog
  readonly nodes: Pick<TreeRows, 'get'>
  readonly vaultId: Uint8Array
  /** Whether nothing was signed of the log but what is here: a backup ends where it was made, and its vault goes on. */
  readonly isWhole: boolean
  /** Every checkpoint that is kept for good, oldest first. */
  kept(): AsyncIterable<SignedCheckpoint>
  /**
   * A signed checkpoint of this size of the log or a later one: the smallest kept one, so that the same is chosen whenever
   * it is asked for. Throws `INTEGRITY` where none is to be had.
   */
  covering(size: number): Promise<SignedCheckpoint>
  /** The owner's signatures of a text; none where no owner is at hand. */
  sign(text: string): readonly NoteSignature[]
  /** The vault's keys that sign under this name: none where it is not a name of this vault. */
  vkeys(name: string): readonly Vkey[]
  /** Puts on record what is about to be handed out. */
  record(fact: Fact): Promise<void>
}

/** What its log's proofs are made of. */
export function provable({ log: { store, epochs }, nodes }: ReportSource): Provable {
  return { store, epochs, nodes }
}

/** The right to `report` on everything: what a report is made by, and what is recorded of it. */
export const wholeLog = {
  operation: 'report',
  subject: '',
  below: everything,
} as const satisfies Asked

export function vaultSource(engine: Engine, call: Call): ReportSource {
  const { vaultId } = engine.keyring
  const kept = () => listKept(engine.store.files, engine.keyring)
  const vkeys = (name: string) => vkeysOf(engine.keyring, name)
  return {
    log: engine,
    nodes: engine.nodes,
    vaultId,
    isWhole: true,
    kept,
    covering: (size) => {
      const key = keyOfToday({ log: engine, vaultId, vkeys })
      const newest = () => engine.checkpoints.sign({ kept: true })
      return smallestCovering({ kept, key, newest }, size)
    },
    sign: (text) =>
      engine.seeds.map((seed) => signNote(text, { name: engine.origin, key: privateKeyOf(seed) })),
    vkeys,
    record: (fact) => recordAsked(engine, call, { fact, asked: wholeLog }),
  }
}

export function backupSource({ log, nodes, keyring, store, checkpoints }: BackupLog): ReportSource {
  const { vaultId } = keyring
  const kept = () => listKept(store.files, keyring)
  const vkeys = (name: string) => vkeysOf(keyring, name)
  return {
    log,
    nodes,
    vaultId,
    isWhole: false,
    kept,
    covering: (size) => {
      const key = keyOfToday({ log, vaultId, vkeys })
      const newest = () => newestCovering(checkpoints(), size)
      return smallestCovering({ kept, key, newest }, size)
    },
    sign: () => [],
    vkeys,
    record: async () => undefined,
  }
}

async function newestCovering(
  checkpoints: AsyncIterable<SignedCheckpoint>,
  size: number,
): Promise<SignedCheckpoint> {
  let newest: SignedCheckpoint | undefined
  for await (const checkpoint of checkpoints) newest = checkpoint
  if (newest !== undefined && newest.size >= size) return newest
  throw new VaultError(
    'INTEGRITY',
    `no checkpoint in the backup covers ${size} events: the newest is of ${newest?.size ?? 0}`,
    { expected: size, found: newest?.size ?? 0 },
  )
}

function vkeysOf({ vaultId, log }: Keyring, name: string): readonly Vkey[] {
  if (!isOriginOf(vaultId, name)) return []
  return log.signers.map(({ publicKey }) => vkeyOf(name, publicKeyOf(publicKey)))
}
