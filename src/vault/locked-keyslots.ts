import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { VaultError } from '../errors.ts'
import { parseKeyring, type SealedKeyring } from '../keys/keyring.ts'
import type { KeyslotKind, KeyslotRole } from '../keys/keyslot.ts'
import type { ShareCount } from '../keys/share.ts'
import { openSlots, type Unlock } from '../keys/unlock.ts'
import { fileError, findFolder, isAbsent } from '../store/level/folder.ts'

/** One way to open a vault, as far as its folder tells without being opened. */
export interface LockedKeyslot {
  /** UUID. */
  readonly id: string
  readonly kind: KeyslotKind
  readonly role: KeyslotRole
  readonly label: string
  /** How many shares there are and how many open it, where it is opened by shares. */
  readonly shares?: ShareCount
  /** Names the set of those shares, as each of them does: 8 hexadecimal digits. */
  readonly setId?: string
}

const name = 'keyring'

/**
 * The keyslots of a vault that need not be open and may be held by another process. Nothing of it is authenticated
 * before one of them is opened. Throws `NOT_FOUND` where there is no vault, `INTEGRITY`, `UNSUPPORTED`.
 *
 * @example
 * const [{ kind }] = await lockedKeyslots('./vault') // 'argon2id'
 */
export async function lockedKeyslots(path: string): Promise<readonly LockedKeyslot[]> {
  const folder = await findFolder(path)
  const { slots } = await readKeyring(folder)
  return slots.map(({ id, kind, role, label, kdf }) => {
    if (kdf.kdf !== 'shares') return { id, kind, role, label }
    const { threshold, of, setId } = kdf
    return { id, kind, role, label, shares: { threshold, of }, setId }
  })
}

/**
 * Gives what `lockedKeyslots` does, as often as it is asked, and reads the keyring only where it is another one than the
 * last time: for a program that anybody may ask. Throws as `lockedKeyslots` does.
 *
 * @example
 * const keyslots = keyslotsReader('./vault')
 * const [{ kind }] = await keyslots()
 */
export function keyslotsReader(path: string): () => Promise<readonly LockedKeyslot[]> {
  let known: { readonly mark: string; readonly slots: readonly LockedKeyslot[] } | undefined
  return async () => {
    // It is taken before the keyring is read: one that is replaced in between is read again at the next call.
    const mark = await markOf(join(path, name))
    if (mark !== undefined && known?.mark === mark) return known.slots
    const slots = await lockedKeyslots(path)
    known = mark === undefined ? undefined : { mark, slots }
    return slots
  }
}

/** What a file that is replaced as a whole is told by; undefined where there is none to be looked at. */
async function markOf(file: string): Promise<string | undefined> {
  const found = await stat(file, { bigint: true }).catch(() => undefined)
  return found && [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ')
}

/**
 * Whether a credential opens a keyslot of such a vault. It is much less work than to open the vault, and leaves no record:
 * for a program that is given any number of keys. Throws as `lockedKeyslots` does, and what the credential throws.
 */
export async function opensKeyslot(path: string, unlock: Unlock): Promise<boolean> {
  const keyring = await readKeyring(await findFolder(path))
  try {
    const { root } = await openSlots(keyring, unlock)
    const secret = root.role === 'owner' ? root.R : root.A
    secret.fill(0)
    return true
  } catch (error) {
    if (error instanceof VaultError && error.code === 'WRONG_KEY') return false
    throw error
  }
}

/**
 * The keyring in a folder that another process may have open. It is replaced as a whole and its old bytes are erased:
 * whoever was reading those begins again. Throws `NOT_FOUND` where there is none, `INTEGRITY`, `UNSUPPORTED`, `FAILED`.
 */
export async function readKeyring(folder: string): Promise<SealedKeyring> {
  const bytes = await read(folder)
  try {
    return parseKeyring(bytes)
  } catch {
    return parseKeyring(await read(folder))
  }
}

async function read(folder: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, name))
  } catch (cause) {
    if (!isAbsent(cause)) throw fileError(cause, `could not read the keyring in ${folder}`, folder)
    // A create that was cut short leaves a log without one.
    throw new VaultError('NOT_FOUND', `${folder} holds no vault: it has no keyring`, {
      path: folder,
      cause,
    })
  }
}
