import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { VaultError } from '../errors.ts'
import { noteBytesMax } from '../proofs/note.ts'
import { fileError, isAbsent, onDisk, syncFolder } from '../store/level/folder.ts'

const fileMode = 0o644

/** What an anchor's file holds: a signed checkpoint, which is no secret. Undefined where there is none yet. */
export async function readAnchorFile(path: string): Promise<Buffer | undefined> {
  try {
    const found = await stat(path)
    if (!found.isFile() || found.size > noteBytesMax) throw notACheckpoint(path)
    return await readFile(path)
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    if (cause instanceof VaultError) throw cause
    throw fileError(cause, `could not read ${path}`, path)
  }
}

/** A pipe or a device is not one either, and reading it would not end. */
function notACheckpoint(path: string): VaultError {
  return new VaultError('INVALID', `${path} is no file that holds a checkpoint`, { path })
}

/** Replaces it whole: after a crash either checkpoint stands there. */
export async function writeAnchorFile(path: string, note: Uint8Array): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.tmp-${randomBytes(8).toString('hex')}`)
  await onDisk('write', path, async () => {
    try {
      await writeSynced(temporary, note)
      await rename(temporary, path)
    } finally {
      await rm(temporary, { force: true })
    }
    await syncFolder(folder)
  })
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', fileMode)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}
