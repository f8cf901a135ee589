import { publicKeyOf } from '../crypto/ed25519.ts'
import { VaultError } from '../errors.ts'
import type { TreeRows } from '../projections/derived/tree-rows.ts'
import { subtreesOf } from '../proofs/subtrees.ts'
import { formatVkey, parseVkey, type Vkey, vkeyOf } from '../proofs/vkey.ts'
import { queryAudit } from './audit.ts'
import { isSignedBy, type SignedCheckpoint } from './checkpoints.ts'
import type { FoldedLog } from './folded-log.ts'
import { treeSource } from './tree-source.ts'

/** Reads a verifier that somebody pinned. Throws `INVALID`, `UNSUPPORTED`. */
export function readVerifier(text: string): Vkey {
  if (typeof text !== 'string') throw new VaultError('INVALID', 'verifier must be a vkey, as text')
  const verifier = parseVkey(text)
  if (verifier.type === 'ed25519') return verifier
  throw new VaultError('INVALID', `verifier: expected the key of a log, found a ${verifier.type}`)
}

/** A log, and all the checkpoints that stand beside it. */
interface Vouched {
  readonly log: FoldedLog
  readonly nodes: TreeRows
  readonly checkpoints: () => AsyncIterable<SignedCheckpoint>
}

/**
 * How many events of a log a pinned key vouches for. Whoever holds the auditors' root can write a keyring with signing
 * keys of his own, so the keyring's word counts for nothing here: the first checkpoint has to be signed by the pinned
 * key under its own name, and a key that signs later ones is taken from an event that a checkpoint before it covers.
 * Throws `INTEGRITY`.
 */
export async function vouchedBy(verifier: Vkey, vouched: Vouched): Promise<number> {
  let newest = await newestOf(vouched, (checkpoint) => isSignedBy(checkpoint, verifier))
  if (newest === undefined) {
    throw new VaultError(
      'INTEGRITY',
      `no checkpoint of the backup is signed by the verifier's key, as ${verifier.name}`,
      { expected: formatVkey(verifier) },
    )
  }
  for (;;) {
    const { size }: SignedCheckpoint = newest
    await expectRoot(vouched, newest)
    const keys = [verifier.publicKey, ...(await keysNamedBelow(vouched.log, size))]
    const later = await newestOf(vouched, (checkpoint) =>
      keys.some((key) => isSignedBy(checkpoint, vkeyOf(checkpoint.origin, publicKeyOf(key)))),
    )
    if (later === undefined || later.size <= size) return size
    newest = later
  }
}

async function newestOf(
  { checkpoints }: Vouched,
  isMeant: (checkpoint: SignedCheckpoint) => boolean,
): Promise<SignedCheckpoint | undefined> {
  let newest: SignedCheckpoint | undefined
  for await (const checkpoint of checkpoints()) {
    if (checkpoint.size > (newest?.size ?? -1) && isMeant(checkpoint)) newest = checkpoint
  }
  return newest
}

async function expectRoot(
  { log, nodes }: Vouched,
  { size, root }: SignedCheckpoint,
): Promise<void> {
  const subtree = subtreesOf(treeSource(log, nodes), log.size)
  if ((await subtree(0, size)).equals(root)) return
  throw new VaultError(
    'INTEGRITY',
    `the events up to position ${size} are not those that the verifier's key has signed`,
    { found: size },
  )
}

/** The signing keys that the first `size` events bring in. */
async function keysNamedBelow(log: FoldedLog, size: number): Promise<readonly Buffer[]> {
  const keys: Buffer[] = []
  for await (const { events } of queryAudit(log, { type: 'keys.rotated' })) {
    for (const event of events) {
      if (event.type !== 'keys.rotated' || event.position >= size) continue
      const { key } = event.data
      if (key !== undefined) keys.push(Buffer.from(key, 'hex'))
    }
  }
  return keys
}
