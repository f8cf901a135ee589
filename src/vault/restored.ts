import { equalBytes, hmacSha256 } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import type { Fact, VaultEvent } from '../events/catalogue.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Epochs } from '../log/epochs.ts'
import type { Head } from '../log/head.ts'
import type { Log } from '../log/log.ts'
import { eventAt } from '../log/reader.ts'
import { originOf } from '../proofs/origin.ts'
import { root } from '../proofs/tree.ts'
import type { FileTable } from '../store/port.ts'
import type { BuiltIns } from './built-ins.ts'
import { type Swept, sweepKeys } from './sweep.ts'

/**
 * The file `restored` stands beside a log that came out of a backup, from before its first commit until the log itself
 * says so. Without a keyring next to it the restore was interrupted; with one, the next opening ends it.
 *
 * restored := "MUNR" ‖ size u64 ‖ root(32) ‖ mac(32)                 of the log in the backup, big-endian
 * mac      := HMAC-SHA-256(appendKey, "muniment/v1/restored" ‖ vaultId(16) ‖ size u64 ‖ root)
 *
 * `appendKey` is of the epoch of position size − 1. Where the backup came from, and whose key signed its checkpoints,
 * its log and keyring tell.
 */
const name = 'restored'
const magic = Buffer.from('MUNR')
const label = Buffer.from('muniment/v1/restored')
const sizeAt = 4
const rootAt = 12
const macAt = 44
const markerBytes = 76

/** Notes in an empty store that what follows comes out of a backup. */
export async function noteRestore(files: FileTable, epochs: Epochs, head: Head): Promise<void> {
  const bytes = Buffer.alloc(markerBytes)
  bytes.set(magic)
  bytes.writeBigUInt64BE(BigInt(head.size), sizeAt)
  bytes.set(head.root, rootAt)
  bytes.set(macOf(epochs, bytes, head.size), macAt)
  await files.replace(name, bytes)
}

/** Whether a restore began here: without a keyring, that is as far as it got. */
export async function isRestoring(files: FileTable): Promise<boolean> {
  return (await files.read(name)) !== undefined
}

/** For a new vault: a restore that did not get as far as a commit may have been here before it. */
export async function forgetRestore(files: FileTable): Promise<void> {
  if (await isRestoring(files)) await files.remove(name)
}

/** What the end of a restore needs of a vault that is being opened. */
export interface Restored extends Swept {
  readonly size: number
  readonly keyring: Keyring
  readonly state: Pick<BuiltIns, 'audit' | 'lifecycle'>
  readonly log: Pick<Log, 'append' | 'size' | 'frontier'>
  record(facts: readonly Fact[]): Promise<readonly VaultEvent[]>
}

/**
 * Ends a restore whose keyring is in place; elsewhere it does nothing. `vault.restored` is the first event after the
 * backup's; then the keys that the log says are destroyed go again, and the marker last.
 *
 * A crash before the append: the next opening finds the log as long as the backup, and appends. After it: the log is
 * longer, and only the rest is done again.
 */
export async function endRestore(vault: Restored): Promise<void> {
  const { store, epochs } = vault
  const backup = await readMarker(store.files, epochs)
  if (backup === undefined) return
  if (vault.size === backup.size) await vault.record([restoredFact(vault, backup)])
  else await expectRestored(vault, backup.size)
  await sweepKeys(vault)
  await store.files.remove(name)
}

async function readMarker(files: FileTable, epochs: Epochs): Promise<Head | undefined> {
  const found = await files.read(name)
  if (found === undefined) return undefined
  const bytes = Buffer.from(found)
  if (bytes.length !== markerBytes || !bytes.subarray(0, sizeAt).equals(magic)) throw forged()
  const size = Number(bytes.readBigUInt64BE(sizeAt))
  if (!Number.isSafeInteger(size) || size < 1) throw forged()
  if (!equalBytes(macOf(epochs, bytes, size), bytes.subarray(macAt))) throw forged()
  return { size, root: bytes.subarray(rootAt, macAt) }
}

function macOf(epochs: Epochs, marker: Buffer, size: number): Buffer {
  const { appendKey } = epochs.at(size - 1)
  if (appendKey === undefined) {
    throw new VaultError('AUDITOR_ONLY', 'only an owner restores a backup')
  }
  return hmacSha256(appendKey, label, epochs.vaultId, marker.subarray(sizeAt, macAt))
}

function restoredFact({ log, keyring, state }: Restored, backup: Head): Fact {
  if (!root(log.frontier).equals(backup.root)) {
    throw new VaultError('INTEGRITY', 'the log is not that of the backup which was restored')
  }
  const { incarnation } = state.lifecycle.fold.state
  const signer = keyring.log.signers.at(-1)
  if (signer === undefined) throw new VaultError('INTEGRITY', 'the keyring names no signing key')
  const origin = originOf(keyring.vaultId, incarnation)
  const { size, root: rootHash } = backup
  return {
    type: 'vault.restored',
    subject: '',
    data: { origin, size, root: rootHash, key: signer.publicKey },
  }
}

/** The event that the restore appended before it was interrupted. */
async function expectRestored(vault: Restored, position: number): Promise<void> {
  const { type } = (await eventAt(vault, position)).event
  if (type === 'vault.restored') return
  throw new VaultError(
    'INTEGRITY',
    `position ${position} should say that a backup was restored, and holds ${type}`,
    { expected: 'vault.restored', found: type },
  )
}

function forged(): VaultError {
  return new VaultError('INTEGRITY', 'the file restored is not one that an owner wrote')
}
