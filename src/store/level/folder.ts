import { chmod, mkdir, open, readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { VaultError, type VaultErrorCode } from '../../errors.ts'

/**
 * A vault's folder, mode 0700:
 *
 * log/          LevelDB: commits and key rows (`rows.ts`)
 * derived/      LevelDB: what can be derived from the log again
 * owner         who holds the vault, as JSON, for the message of `IN_USE`
 * control.sock  where that process serves the vault, if it does: a socket
 * keyring, …    the files of `FileTable`, mode 0600; `.tmp-…` while one is being replaced
 */
export const controlName = 'control.sock'
export const reservedNames: readonly string[] = ['log', 'derived', 'owner', controlName]
export const temporaryPrefix = '.tmp-'
const keyringName = 'keyring'
/** A restore from a backup makes this file first and the keyring last. */
const restoredName = 'restored'

/** A file system's own folder: a vault may be the only thing on its disk. */
const ignoredName = 'lost+found'
/** Anything that LevelDB keeps rows in, or finds them by. */
const databaseFile = /^(CURRENT|MANIFEST-\d+|\d+\.(ldb|sst|log))$/

/**
 * Makes the folder ready for a new vault, or refuses it untouched. What an unfinished create left may be there.
 *
 * @returns its real path.
 * @throws VaultError `EXISTS` over a vault, `INVALID` over an unfinished restore and anything else that is not ours.
 */
export async function prepareFolder(path: string): Promise<string> {
  assertPath(path)
  const names = await namesIn(path)
  if (names.includes(keyringName)) throw exists(path)
  if (names.includes(restoredName)) throw unfinishedRestore('INVALID', path)
  if (names.some((name) => !leftByCreate(name))) {
    const instead = join(path, 'vault')
    throw new VaultError('INVALID', `${path} holds other things; use a folder like ${instead}`, {
      path,
    })
  }
  return onDisk('make', path, async () => {
    const made = await mkdir(path, { recursive: true, mode: 0o700 })
    // A folder that is another user's stays as it is: log/ and derived/ are 0700 and the files 0600 all the same.
    if (made === undefined) await chmod(path, 0o700).catch(() => undefined)
    const location = await realpath(path)
    await mkdir(join(location, 'log'), { recursive: true, mode: 0o700 })
    return location
  })
}

/**
 * Whether `log/` of an unfinished create is to be made by LevelDB, which would delete the tables of a log that has
 * lost its `CURRENT`.
 *
 * @throws VaultError `EXISTS` for such a log.
 */
export async function logIsAbsent(location: string): Promise<boolean> {
  const names = await namesIn(join(location, 'log'))
  if (names.includes('CURRENT')) return false
  if (names.some((name) => /^\d+\./.test(name))) throw exists(location)
  return true
}

/**
 * Finds the folder of a vault.
 *
 * @returns its real path.
 * @throws VaultError `NOT_FOUND` where there is none or a restore did not finish, `INTEGRITY` where there is a keyring
 *   and no log.
 */
export async function findFolder(path: string): Promise<string> {
  assertPath(path)
  const names = await namesIn(path)
  if (names.includes(restoredName) && !names.includes(keyringName)) {
    throw unfinishedRestore('NOT_FOUND', path)
  }
  const log = await namesIn(join(path, 'log'))
  const hasLog = log.some((name) => databaseFile.test(name))
  if (!hasLog && names.includes(keyringName)) {
    throw new VaultError('INTEGRITY', `${path} has a keyring and no log`, { path })
  }
  if (!hasLog) throw notFound(path)
  return realpath(path)
}

export function notFound(path: string): VaultError {
  return new VaultError('NOT_FOUND', `there is no vault at ${path}`, { path })
}

function unfinishedRestore(code: VaultErrorCode, path: string): VaultError {
  const message = `a restore to ${path} was interrupted: empty the folder and restore again`
  return new VaultError(code, message, { path })
}

export function exists(path: string): VaultError {
  return new VaultError('EXISTS', `there is a vault at ${path} already`, { path })
}

export async function hasKeyring(location: string): Promise<boolean> {
  return (await namesIn(location)).includes(keyringName)
}

/** Makes the names in a folder durable. Windows has no such call, and does not need it. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Makes a new vault's folders durable: LevelDB syncs its files, and not the folders that lead to them. */
export async function syncNewFolders(location: string): Promise<void> {
  await onDisk('sync', location, async () => {
    await syncFolder(join(location, 'log'))
    await syncFolder(join(location, 'derived'))
    await syncFolder(location)
  })
  for (let at = location; at !== dirname(at); at = dirname(at)) {
    // A parent that we may not read is not one that we have made.
    await syncFolder(dirname(at)).catch(() => undefined)
  }
}

/** Runs work on files so that what it throws says which, and by which code. */
export async function onDisk<T>(verb: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw fileError(cause, `could not ${verb} ${path}`, path)
  }
}

export function fileError(cause: unknown, message: string, path: string): VaultError {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new VaultError(full ? 'NO_SPACE' : 'FAILED', `${message} (${code})`, { cause, path })
}

export function isAbsent(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT'
}

/** The names in a folder, none where there is no folder. */
async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).filter((name) => name !== ignoredName)
  } catch (cause) {
    if (isAbsent(cause)) return []
    if ((cause as NodeJS.ErrnoException).code !== 'ENOTDIR') {
      throw fileError(cause, `could not read ${path}`, path)
    }
    throw new VaultError('INVALID', `${path} is not a folder`, { cause, path })
  }
}

function leftByCreate(name: string): boolean {
  return reservedNames.includes(name) || name.startsWith(temporaryPrefix)
}

function assertPath(path: string): void {
  if (path.length > 0 && !path.includes('\0')) return
  throw new VaultError('INVALID', 'a vault needs the path of a folder')
}
