import { privateKeyOf, publicKeyOf } from '../crypto/ed25519.ts'
import { VaultError } from '../errors.ts'
import type { Fact } from '../events/catalogue.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { TreeRows } from '../projections/derived/tree-rows.ts'
import { type NoteSignature, signNote } from '../proofs/note.ts'
import { isOriginOf } from '../proofs/origin.ts'
import { type Vkey, vkeyOf } from '../proofs/vkey.ts'
import type { BackupLog } from './backup-log.ts'
import { type Call, recordFact } from './call.ts'
import { listKept, type SignedCheckpoint } from './checkpoints.ts'
import type { Engine } from './engine.ts'
import type { FoldedLog } from './folded-log.ts'

/** What a report is made of, and who vouches for it: an open vault, or a backup of one. */
export interface ReportSource {
  readonly log: FoldedLog
  readonly nodes: Pick<TreeRows, 'get'>
  readonly vaultId: Uint8Array
  /** Every checkpoint that is kept for good, oldest first. */
  kept(): AsyncIterable<SignedCheckpoint>
  /** A signed checkpoint of this size of the log or a later one. Throws `INTEGRITY` where none is to be had. */
  covering(size: number): Promise<SignedCheckpoint>
  /** The owner's signatures of a text; none where no owner is at hand. */
  sign(text: string): readonly NoteSignature[]
  /** The vault's keys that sign under this name: none where it is not a name of this vault. */
  vkeys(name: string): readonly Vkey[]
  /** Puts on record what is about to be handed out. */
  record(fact: Fact): Promise<void>
}

export function vaultSource(engine: Engine, call: Call): ReportSource {
  return {
    log: engine,
    nodes: engine.nodes,
    vaultId: engine.keyring.vaultId,
    kept: () => listKept(engine.store.files, engine.keyring),
    covering: () => engine.checkpoints.sign({ kept: true }),
    sign: (text) =>
      engine.seeds.map((seed) => signNote(text, { name: engine.origin, key: privateKeyOf(seed) })),
    vkeys: (name) => vkeysOf(engine.keyring, name),
    record: (fact) => recordFact(engine, call, fact),
  }
}

export function backupSource({ log, nodes, keyring, store, checkpoints }: BackupLog): ReportSource {
  return {
    log,
    nodes,
    vaultId: keyring.vaultId,
    kept: () => listKept(store.files, keyring),
    covering: async (size) => {
      let newest: SignedCheckpoint | undefined
      for await (const checkpoint of checkpoints()) newest = checkpoint
      if (newest !== undefined && newest.size >= size) return newest
      throw new VaultError(
        'INTEGRITY',
        `no checkpoint in the backup covers ${size} events: the newest is of ${newest?.size ?? 0}`,
        { expected: size, found: newest?.size ?? 0 },
      )
    },
    sign: () => [],
    vkeys: (name) => vkeysOf(keyring, name),
    record: async () => undefined,
  }
}

function vkeysOf({ vaultId, log }: Keyring, name: string): readonly Vkey[] {
  if (!isOriginOf(vaultId, name)) return []
  return log.signers.map(({ publicKey }) => vkeyOf(name, publicKeyOf(publicKey)))
}
