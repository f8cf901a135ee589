import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import {
  createKeyring,
  eraseKeyring,
  type Keyring,
  type OwnerKeyring,
  openKeyring,
  parseKeyring,
} from '../keys/keyring.ts'
import type { Root, Slot } from '../keys/keyslot.ts'
import { addSlot, type Credential, openSlots, type Unlock } from '../keys/unlock.ts'
import type { Clock } from '../log/clock.ts'
import type { Store } from '../store/port.ts'
import type { Unlocked } from './engine.ts'
import { noteFailedUnlock } from './failed-unlocks.ts'
import { readKeyringFile, writeKeyringFile } from './keyring-file.ts'
import { factsOf } from './keyslots.ts'
import { forgetRestore, isRestoring } from './restored.ts'

/**
 * Gives an empty store its keys. The keyring says that `vault.created` is still to be appended, so that the opening
 * which follows does that, after a crash as well.
 */
export async function makeKeyring(
  store: Store,
  credential: Credential,
  { label, clock }: { label: string | undefined; clock: Clock },
): Promise<Unlocked> {
  const R = randomKey()
  const { keyring, slot } = await addSlot(createKeyring(), credential, {
    root: { role: 'owner', R },
    label: label ?? credential.newKdf().kdf,
    createdAt: clock.now(),
  })
  const { vaultId, generation } = keyring
  const pending: OwnerKeyring = {
    ...keyring,
    values: {
      ...keyring.values,
      pending: {
        facts: [
          {
            type: 'vault.created',
            data: { vaultId, generation, keyslots: [factsOf(slot)] },
          },
        ],
      },
    },
  }
  await forgetRestore(store.files)
  await writeKeyringFile(store.files, pending, R)
  return { store, keyring: pending, R, slot }
}

/** A keyring as far as a keyslot opens it. */
export interface OpenedKeyring {
  readonly keyring: Keyring
  readonly root: Root
  readonly slot: Slot
}

/** Opens a store's keyring by any keyslot. Throws `NOT_FOUND`, `WRONG_KEY`, `INTEGRITY`, `UNSUPPORTED`. */
export async function openKeyringOf(store: Store, unlock: Unlock): Promise<OpenedKeyring> {
  const sealed = parseKeyring(await keyringBytes(store))
  const { slot, root } = await openSlots(sealed, unlock)
  return { slot, root, keyring: openKeyring(sealed, root) }
}

/** Opens it by an owner's. Throws the same, `WRONG_KEY` once it is noted beside the log, and `AUDITOR_ONLY`. */
export async function unlockKeyring(store: Store, unlock: Unlock, clock: Clock): Promise<Unlocked> {
  const opened = await openKeyringOf(store, unlock).catch(async (error: unknown) => {
    if (error instanceof VaultError && error.code === 'WRONG_KEY') {
      // On a full disk the note is lost; what the caller must hear is that the key is wrong.
      await noteFailedUnlock(store.files, clock.now()).catch(() => undefined)
    }
    throw error
  })
  return ownerOf(store, opened)
}

/**
 * Opens it again with a root that an earlier opening of this process held: no KDF runs. Where a replacement of the root
 * failed, the keyring may be sealed with either.
 */
export async function reopenKeyring(
  store: Store,
  roots: readonly Buffer[],
  slotId: string,
): Promise<Unlocked> {
  const sealed = parseKeyring(await keyringBytes(store))
  const slots = sealed.slots.filter(({ role }) => role === 'owner')
  const slot = slots.find(({ id }) => id === slotId) ?? slots[0]
  if (slot === undefined)
    throw new VaultError('INTEGRITY', 'the keyring has no keyslot of an owner')
  let failure: unknown
  for (const R of roots) {
    const root: Root = { role: 'owner', R: Buffer.from(R) }
    try {
      return ownerOf(store, { slot, root, keyring: openKeyring(sealed, root) })
    } catch (error) {
      root.R.fill(0)
      failure = error
    }
  }
  throw failure
}

async function keyringBytes(store: Store): Promise<Uint8Array> {
  const bytes = await readKeyringFile(store.files)
  if (bytes !== undefined) return bytes
  if (await isRestoring(store.files)) {
    throw new VaultError(
      'NOT_FOUND',
      `a restore to ${store.location} was interrupted: empty it and restore again`,
      { path: store.location },
    )
  }
  const size = await store.head()
  if (size === 0) {
    throw new VaultError('NOT_FOUND', `${store.location} holds no vault`, { path: store.location })
  }
  throw new VaultError('INTEGRITY', `the keyring is missing, and the log holds ${size} events`, {
    path: store.location,
  })
}

function ownerOf(store: Store, { slot, root, keyring }: OpenedKeyring): Unlocked {
  const { values } = keyring
  if (root.role !== 'owner' || values === undefined) {
    eraseKeyring(keyring)
    throw new VaultError(
      'AUDITOR_ONLY',
      'an auditor reads a backup; only an owner opens the vault itself',
    )
  }
  return { store, keyring: { ...keyring, values }, R: root.R, slot }
}
