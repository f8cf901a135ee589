import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { VaultError } from '../../errors.ts'
import { assertFileName, assertOffset, isFileName } from '../names.ts'
import type { FileTable } from '../port.ts'
import type { InTurn } from '../serial.ts'
import { oneAtATime } from '../serial.ts'
import {
  fileError,
  isAbsent,
  onDisk,
  reservedNames,
  syncFolder,
  temporaryPrefix,
} from './folder.ts'

const fileMode = 0o600

/** The files that stand beside `log/` and `derived/`, each readable by its owner alone. */
export class FolderFiles implements FileTable {
  readonly #folder: string
  readonly #turns = new Map<string, InTurn>()
  readonly #descriptors = new Map<string, number>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** A crash within `replace` leaves its temporary file behind; it never became the file it was to replace. */
  static async open(folder: string): Promise<FolderFiles> {
    await onDisk('clear', folder, async () => {
      const names = await readdir(folder)
      const left = names.filter((name) => name.startsWith(temporaryPrefix))
      await Promise.all(left.map((name) => rm(join(folder, name), { force: true })))
    })
    return new FolderFiles(folder)
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(name)
    try {
      return await readFile(path)
    } catch (cause) {
      if (isAbsent(cause)) return undefined
      throw fileError(cause, `could not read ${path}`, path)
    }
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async (path) => {
      this.#letGo(name)
      const old = await openToErase(path)
      try {
        await this.#swap(path, bytes)
        if (old !== undefined) await erase(old)
      } finally {
        await old?.close()
      }
    })
  }

  async #swap(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = join(this.#folder, temporaryPrefix + randomBytes(8).toString('hex'))
    try {
      await writeWhole(temporary, bytes)
      // A crash up to here leaves the old file as it was.
      await rename(temporary, path)
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw fileError(cause, `could not replace ${path}`, path)
    }
    // Until the folder is synced a loss of power may bring back the old file, so its bytes must still be whole.
    await syncFolder(this.#folder).catch((cause: unknown) => {
      throw new VaultError('UNCERTAIN', `could not sync ${this.#folder}`, { cause, path })
    })
  }

  overwrite(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async (path) => {
      assertOffset(offset)
      await onDisk('write', path, async () => {
        writeAt(this.#descriptor(name, path), offset, bytes)
      })
    })
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(name, async (path) => {
      this.#letGo(name)
      await onDisk('remove', path, async () => {
        await rm(path, { force: true })
        await syncFolder(this.#folder)
      })
    })
  }

  async list(): Promise<readonly string[]> {
    const folder = this.#folder
    const entries = await onDisk('read', folder, () => readdir(folder, { withFileTypes: true }))
    return entries
      .filter((entry) => entry.isFile() && isFileName(entry.name) && !reserved(entry.name))
      .map((entry) => entry.name)
      .sort()
  }

  async close(): Promise<void> {
    for (const name of [...this.#descriptors.keys()]) this.#letGo(name)
  }

  #pathOf(name: string): string {
    assertFileName(name)
    if (reserved(name)) throw new VaultError('INVALID', `the store keeps ${name} for itself`)
    return join(this.#folder, name)
  }

  async #inTurn(name: string, work: (path: string) => Promise<void>): Promise<void> {
    const path = this.#pathOf(name)
    const turn = this.#turns.get(name) ?? oneAtATime()
    this.#turns.set(name, turn)
    await turn(() => work(path))
  }

  /** Kept open: `overwrite` follows each commit, and opening the file takes longer than writing it. */
  #descriptor(name: string, path: string): number {
    const kept = this.#descriptors.get(name)
    if (kept !== undefined) return kept
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, fileMode)
    this.#descriptors.set(name, descriptor)
    return descriptor
  }

  #letGo(name: string): void {
    const descriptor = this.#descriptors.get(name)
    if (descriptor === undefined) return
    this.#descriptors.delete(name)
    closeSync(descriptor)
  }
}

function reserved(name: string): boolean {
  return reservedNames.includes(name)
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', fileMode)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** In this thread: what is not synced only goes to the page cache, microseconds where the thread pool takes tens. */
function writeAt(descriptor: number, offset: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done)
  }
}

/** Windows does not replace a file that is open, so nothing is erased there. A link is never followed. */
async function openToErase(path: string): Promise<FileHandle | undefined> {
  if (process.platform === 'win32') return undefined
  return open(path, constants.O_RDWR | constants.O_NOFOLLOW).catch(() => undefined)
}

/**
 * Overwrites the bytes that a replaced file held: an old keyring is sealed under slots that were taken away since.
 * Best effort, because a journal, a copy-on-write file system or an SSD may keep them all the same. A file that
 * has another name still is somebody's copy and stays as it is.
 */
async function erase(old: FileHandle): Promise<void> {
  try {
    const { nlink, size } = await old.stat()
    if (nlink > 0) return
    writeAt(old.fd, 0, new Uint8Array(size))
    await old.datasync()
  } catch {
    // The replacement stands whether or not the old bytes could be reached.
  }
}
