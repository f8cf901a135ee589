import { randomBytes } from 'node:crypto'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { VaultError } from '../../errors.ts'
import { archiveStore } from '../archive.ts'
import { fileError, isAbsent, onDisk, syncFolder } from '../level/folder.ts'

const fileMode = 0o600
/** What a file system answers that knows no second name for a file: FAT, and some network shares. */
const noLinks: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** An archive that stands on disk and was read back from there. */
export interface WrittenArchive {
  /** Its absolute path. */
  readonly path: string
  /** How many events it holds. */
  readonly size: number
  /** Length of the file. */
  readonly bytes: number
  /** Of the whole file, in hex. */
  readonly sha256: string
}

/**
 * Makes a file of an archive's bytes, mode 0600. It bears its name only once it is on disk and was read back and found
 * whole; until then, and after a crash, there is at most a file `.<name>.tmp-…` beside it.
 *
 * Throws `EXISTS` and replaces nothing, `INVALID` where there is no folder for it, `NO_SPACE`, `FAILED`, and what the
 * bytes throw; then no file is left.
 */
export async function writeArchive(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<WrittenArchive> {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new VaultError('INVALID', 'a backup needs the path of a file')
  }
  const place = resolve(path)
  await expectAbsent(place)
  const suffix = randomBytes(8).toString('hex')
  const temporary = join(dirname(place), `.${basename(place)}.tmp-${suffix}`)
  try {
    await writeSynced(temporary, bytes)
    const found = await readBack(temporary)
    await giveName(temporary, place)
    return { path: place, ...found }
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeSynced(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', fileMode).catch((cause: unknown) => {
    if (!isAbsent(cause)) throw fileError(cause, `could not make ${path}`, path)
    const folder = dirname(path)
    throw new VaultError('INVALID', `there is no folder ${folder}`, { cause, path: folder })
  })
  try {
    for await (const chunk of bytes) await onDisk('write', path, () => file.writeFile(chunk))
    await onDisk('sync', path, () => file.sync())
  } finally {
    await file.close()
  }
}

async function readBack(path: string): Promise<Omit<WrittenArchive, 'path'>> {
  const store = await archiveStore(path).open()
  try {
    return { size: await store.head(), bytes: store.bytes, sha256: store.sha256 }
  } finally {
    await store.close()
  }
}

/** A link fails where the name is taken, so that of two backups to one name only one gets it. */
export async function giveName(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') throw exists(path)
    if (!noLinks.includes(code)) throw fileError(cause, `could not make ${path}`, path)
    // Without links, a file that is made there between these two lines is replaced.
    await expectAbsent(path)
    await onDisk('make', path, () => rename(temporary, path))
  }
  try {
    await onDisk('sync', dirname(path), () => syncFolder(dirname(path)))
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** Throws `EXISTS` where there is anything of that name. */
export async function expectAbsent(path: string): Promise<void> {
  const found = await lstat(path).catch((cause: unknown) => {
    if (isAbsent(cause)) return undefined
    throw fileError(cause, `could not look for ${path}`, path)
  })
  if (found !== undefined) throw exists(path)
}

function exists(path: string): VaultError {
  return new VaultError('EXISTS', `there is a file at ${path} already`, { path })
}
