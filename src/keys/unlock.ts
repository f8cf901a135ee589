import { randomUUID } from 'node:crypto'
import { checkKdfParams } from '../crypto/kdf.ts'
import { VaultError } from '../errors.ts'
import {
  type KeyslotKind,
  type Root,
  type Slot,
  type SlotKdf,
  unwrapRoot,
  wrapRoot,
} from './keyslot.ts'

/**
 * Opens keyslots of some kinds. A port: an HSM, a KMS or a prompt implements it.
 */
export interface Unlock {
  /** The kinds of keyslot that it can make a key for. */
  readonly kinds: readonly KeyslotKind[]
  /** The 32 bytes that would unwrap this slot, the caller's to wipe. They need not be right: the slot tells. */
  key(slot: Pick<Slot, 'kdf'>): Promise<Buffer>
}

/** An `Unlock` that a new keyslot can be made from. */
export interface Credential extends Unlock {
  /** How the new slot's key is to be made, with fresh salt. */
  newKdf(): SlotKdf
}

interface SlotHolder {
  readonly vaultId: Uint8Array
  readonly slots: readonly Slot[]
}

/**
 * Tries the credential on each keyslot of a kind it knows, in order. `WRONG_KEY` where none opens, `UNSUPPORTED`
 * for parameters out of bounds, and for a keyslot of kind `none` unless the credential is the one for it.
 */
export async function openSlots(
  { vaultId, slots }: SlotHolder,
  unlock: Unlock,
): Promise<{ slot: Slot; root: Root }> {
  if (slots.some(({ kind }) => kind === 'none') && !unlock.kinds.includes('none')) {
    throw new VaultError(
      'UNSUPPORTED',
      'a keyslot of kind none protects nothing: only tests open it',
    )
  }
  const known = slots.filter(({ kind }) => unlock.kinds.includes(kind))
  for (const slot of known) {
    const key = await unlock.key(slot)
    const root = unwrapRoot(slot, key, vaultId)
    key.fill(0)
    if (root !== undefined) return { slot, root }
  }
  const kinds = unlock.kinds.join(' or ')
  throw new VaultError(
    'WRONG_KEY',
    `no keyslot opens: tried ${known.length} of kind ${kinds} out of ${slots.length} in all`,
  )
}

/**
 * The keyring with one more slot, and that slot; the one given is left as it was.
 *
 * Throws `UNSUPPORTED` for parameters that no opening would take.
 *
 * @param options `label` is for people, at most 128 bytes; `createdAt` is in milliseconds since the epoch
 */
export async function addSlot<K extends SlotHolder>(
  keyring: K,
  credential: Credential,
  options: { readonly root: Root; readonly label: string; readonly createdAt: number },
): Promise<{ keyring: K; slot: Slot }> {
  const { root, label, createdAt } = options
  const kdf = credential.newKdf()
  // A slot whose parameters are refused at every opening would keep its credential, and all others behind it, out.
  if (kdf.kdf === 'argon2id' || kdf.kdf === 'pbkdf2') checkKdfParams(kdf)
  const draft = { id: randomUUID(), kdf, label, createdAt }
  const key = await credential.key(draft)
  try {
    const slot = wrapRoot(root, key, { vaultId: keyring.vaultId, draft })
    return { keyring: { ...keyring, slots: [...keyring.slots, slot] }, slot }
  } finally {
    key.fill(0)
  }
}
