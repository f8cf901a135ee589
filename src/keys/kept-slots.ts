import { randomBytes } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import { type Root, type Slot, type SlotKdf, unwrapRoot, wrapRoot } from './keyslot.ts'
import type { Unlock } from './unlock.ts'

/** A keyslot, and what opens it. */
export interface OpenedSlot {
  readonly slot: Slot
  readonly unlock: Unlock
}

/**
 * Which keyslots the credentials open: one of them may open several. `INVALID` where none opens an owner's, `WRONG_KEY`
 * where one opens nothing; `UNSUPPORTED` for parameters out of bounds.
 */
export async function openedSlots(
  { vaultId, slots }: { readonly vaultId: Uint8Array; readonly slots: readonly Slot[] },
  unlocks: readonly Unlock[],
): Promise<readonly OpenedSlot[]> {
  const opened = new Map<Slot, Unlock>()
  const idle: number[] = []
  for (const [index, unlock] of unlocks.entries()) {
    const own = await slotsOf(slots, { unlock, vaultId })
    if (own.length === 0) idle.push(index + 1)
    for (const slot of own) opened.set(slot, unlock)
  }
  if (![...opened.keys()].some(({ role }) => role === 'owner')) {
    throw new VaultError('INVALID', 'none of the credentials to keep opens a keyslot of an owner')
  }
  const [first] = idle
  if (first === undefined) return [...opened].map(([slot, unlock]) => ({ slot, unlock }))
  throw new VaultError('WRONG_KEY', `credential ${first} of ${unlocks.length} opens no keyslot`)
}

async function slotsOf(
  slots: readonly Slot[],
  { unlock, vaultId }: { unlock: Unlock; vaultId: Uint8Array },
): Promise<readonly Slot[]> {
  const own: Slot[] = []
  for (const slot of slots.filter(({ kind }) => unlock.kinds.includes(kind))) {
    const key = await unlock.key(slot)
    const root = unwrapRoot(slot, key, vaultId)
    key.fill(0)
    if (root === undefined) continue
    keyOf(root).fill(0)
    own.push(slot)
  }
  return own
}

/** The same keyslot around another root: its id, label, kind and parameters stay, its salt is fresh. */
export async function wrapAnew(
  { slot, unlock }: OpenedSlot,
  root: Root,
  vaultId: Uint8Array,
): Promise<Slot> {
  const { id, label, createdAt } = slot
  const draft = { id, label, createdAt, kdf: withFreshSalt(slot.kdf) }
  const key = await unlock.key(draft)
  try {
    return wrapRoot(root, key, { vaultId, draft })
  } finally {
    key.fill(0)
  }
}

function withFreshSalt(kdf: SlotKdf): SlotKdf {
  return 'salt' in kdf ? { ...kdf, salt: randomBytes(kdf.salt.length) } : kdf
}

function keyOf(root: Root): Buffer {
  return root.role === 'owner' ? root.R : root.A
}
