import { randomKey } from '../crypto/random.ts'
import { xaes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import { eraseKeyring, type Keyring } from '../keys/keyring.ts'
import type { Slot } from '../keys/keyslot.ts'
import type { Unlock } from '../keys/unlock.ts'
import { openEpochs } from '../log/epochs.ts'
import type { LogSource } from '../log/reader.ts'
import { sealedRows } from '../projections/derived/sealed-rows.ts'
import type { TreeRows } from '../projections/derived/tree-rows.ts'
import type { Lifecycle } from '../projections/lifecycle.ts'
import { Snapshots } from '../projections/snapshots.ts'
import { originOf } from '../proofs/origin.ts'
import type { Vkey } from '../proofs/vkey.ts'
import { type ArchiveStore, archiveStore } from '../store/archive.ts'
import { memoryStore } from '../store/memory.ts'
import {
  type FoundCheckpoints,
  findCheckpoints,
  listCheckpoints,
  type SignedCheckpoint,
} from './checkpoints.ts'
import type { FoldedLog } from './folded-log.ts'
import { claimsOf } from './read-back.ts'
import { type Recovered, recover } from './recover.ts'
import type { PassOptions } from './replay.ts'
import { headOfBackup } from './restore.ts'
import { SortedPaths } from './sorted-paths.ts'
import { openKeyringOf } from './unlock.ts'
import { vouchedBy } from './vouched.ts'

/** A backup that was read once from end to end, and the keys that reading it takes. */
export interface BackupLog {
  readonly store: ArchiveStore
  readonly slot: Slot
  /** Without signing keys and roots: those are wiped. */
  readonly keyring: Keyring
  readonly log: FoldedLog
  readonly nodes: TreeRows
  /** The name under which the vault signs. */
  readonly origin: string
  /** How many events are shown to be an owner's. */
  readonly proved: number
  readonly checkpoints: () => AsyncGenerator<SignedCheckpoint, void, void>
}

interface HowToRead extends PassOptions {
  readonly unlock: Unlock
  readonly verifier?: Vkey
}

/** Opens a backup file by any of its keyslots, and holds what it says against itself. */
export async function openBackupLog(from: string, how: HowToRead): Promise<BackupLog> {
  const store = await archiveStore(from).open()
  try {
    const { keyring, slot } = await keysToRead(store, how.unlock)
    const epochs = openEpochs(keyring)
    try {
      return { store, keyring, slot, ...(await readBackup({ store, keyring, epochs }, how)) }
    } catch (error) {
      epochs.erase()
      eraseKeyring(keyring)
      throw error
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Lets go of the file, and wipes the keys. */
export async function closeBackupLog({ store, log, keyring }: BackupLog): Promise<void> {
  try {
    await store.close()
  } finally {
    log.epochs.erase()
    eraseKeyring(keyring)
  }
}

/** The keys that reading takes, and verification. What signs, or opens the keyring again, goes at once. */
async function keysToRead(
  store: ArchiveStore,
  unlock: Unlock,
): Promise<Pick<BackupLog, 'keyring' | 'slot'>> {
  const { keyring, root, slot } = await openKeyringOf(store, unlock)
  const secret = root.role === 'owner' ? root.R : root.A
  const { values } = keyring
  const owners = values === undefined ? [] : [values.A, ...values.signing.map(({ seed }) => seed)]
  for (const key of [secret, ...owners]) key.fill(0)
  return { keyring, slot }
}

interface Opened extends LogSource {
  readonly store: ArchiveStore
  readonly keyring: Keyring
}

async function readBackup(
  opened: Opened,
  { verifier, ...pass }: HowToRead,
): Promise<Pick<BackupLog, 'log' | 'nodes' | 'origin' | 'proved' | 'checkpoints'>> {
  const { store, epochs, keyring } = opened
  const found = await findCheckpoints(store.files, keyring)
  const { state, snapshots, frontier, nodes } = await recoverBackup(opened, found, pass)
  const paths = new SortedPaths(() => state.secrets.fold.state.keys())
  const declaredPaths = new SortedPaths(() => state.declarations.fold.state.keys())
  const { size } = frontier
  const log: FoldedLog = { store, epochs, size, state, paths, declaredPaths, snapshots }
  const checkpoints = () => listCheckpoints(store.files, keyring, () => found.newest)
  const vouched = verifier && (await vouchedBy(verifier, { log, nodes, checkpoints }))
  const { incarnation } = state.lifecycle.fold.state
  return {
    log,
    nodes,
    origin: originOf(keyring.vaultId, incarnation),
    proved: isOwners(keyring) ? log.size : (vouched ?? found.newest?.size ?? 0),
    checkpoints,
  }
}

/** Holds the log to its newest checkpoint and, where an owner's keys tell who wrote it, to its head. */
async function recoverBackup(
  { store, epochs, keyring }: Opened,
  found: FoundCheckpoints,
  pass: PassOptions,
): Promise<Recovered> {
  const head = isOwners(keyring) ? await headOfBackup(store, epochs) : undefined
  // What is folded is this opening's own: in memory, under a key that is kept nowhere.
  const { derived } = await memoryStore().create()
  const rows = { table: derived, cipher: xaes(randomKey()), binding: keyring.vaultId }
  const snapshots = await Snapshots.open(sealedRows(rows))
  const claims = claimsOf(head, found)
  const recovered = await recover({ store, epochs }, { ...pass, claims, snapshots })
  expectNewest(keyring, recovered.state.lifecycle.fold.state)
  return recovered
}

/** An owner's keys check the MAC of each commit that they open. */
function isOwners({ values }: Keyring): boolean {
  return values !== undefined
}

function expectNewest({ generation: found }: Keyring, { generation: expected }: Lifecycle): void {
  if (found >= expected) return
  throw new VaultError(
    'INTEGRITY',
    `the keyring is of generation ${found}, and the log knows of ${expected}: it is an older file`,
    { expected, found },
  )
}
