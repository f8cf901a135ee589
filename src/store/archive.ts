import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { VaultError } from '../errors.ts'
import { readAt } from './archive/places.ts'
import { type ArchiveIndex, scanArchive } from './archive/scan.ts'
import { Gate, gatedFiles, gatedKeys, gatedRows } from './gate.ts'
import { fileError, isAbsent } from './level/folder.ts'
import { assertFileName, assertKeyRowId } from './names.ts'
import type { FileTable, KeyTable, RowTable, Store, StoredCommit, StoreOpener } from './port.ts'
import { assertPosition } from './sealed.ts'

/** A backup file that was read through once and found whole. */
export interface ArchiveStore extends Store {
  /** Length of the file. */
  readonly bytes: number
  /** Of the whole file, in hex, as `sha256sum` prints it. */
  readonly sha256: string
}

export interface ArchivePlace extends StoreOpener {
  open(): Promise<ArchiveStore>
}

/**
 * A backup file as a store that is never written (`archive/format.ts` has its grammar). Opening it reads it once, from
 * end to end, and keeps where things stand; what is asked for later is read from the file. Many may read one at once.
 *
 * `open` throws `NOT_FOUND`, `INTEGRITY` (naming the byte), `UNSUPPORTED` for a later version, `FAILED`; whatever would
 * write throws `INVALID`.
 *
 * @example
 * const store = await archiveStore('/backup/vault.muna').open()
 */
export function archiveStore(file: string): ArchivePlace {
  // The same file later, even if the process has gone elsewhere meanwhile.
  const path = typeof file === 'string' && file !== '' ? resolve(file) : ''
  return {
    create: async () => refuse(path),
    open: () => openArchive(path),
  }
}

async function openArchive(path: string): Promise<ArchiveStore> {
  const file = await openFile(path)
  try {
    return storeOf(path, file, await scanArchive(file))
  } catch (error) {
    await file.close()
    throw error instanceof VaultError ? error : fileError(error, `could not read ${path}`, path)
  }
}

async function openFile(path: string): Promise<FileHandle> {
  if (path === '' || path.includes('\0')) {
    throw new VaultError('INVALID', 'a backup needs the path of a file')
  }
  const file = await open(path, 'r').catch((cause: unknown) => {
    if (!isAbsent(cause)) throw fileError(cause, `could not open ${path}`, path)
    throw new VaultError('NOT_FOUND', `there is no backup at ${path}`, { cause, path })
  })
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new VaultError('INVALID', `${path} is not a file`, { path })
}

function storeOf(location: string, file: FileHandle, index: ArchiveIndex): ArchiveStore {
  const gate = new Gate(location)
  const { bytes, sha256 } = index
  return {
    location,
    bytes,
    sha256,
    head: () => gate.pass(() => index.head),
    commit: () => gate.pass(() => refuse(location)),
    read: (range) => gate.each(read(file, index, range)),
    keys: gatedKeys(gate, keyTable(file, index)),
    derived: gatedRows(gate, emptyRows(location)),
    files: gatedFiles(gate, fileTable(location, file, index)),
    close: () => gate.close(() => file.close()),
  }
}

async function* read(
  file: FileHandle,
  { commits, head }: ArchiveIndex,
  { from, to = head }: { from: number; to?: number },
): AsyncGenerator<readonly StoredCommit[], void, undefined> {
  assertPosition(from, 'from')
  assertPosition(to, 'to')
  const end = Math.min(to, head)
  if (from >= end) return
  const indexOf = (position: number) => commits.atOrBefore({ first: position, block: 0 })
  for await (const batch of commits.read(file, { from: indexOf(from), to: indexOf(end - 1) + 1 })) {
    yield batch.map(({ index, bytes }) => ({ first: commits.id(index).first, sealed: bytes }))
  }
}

function keyTable(file: FileHandle, { keyRows }: ArchiveIndex): KeyTable {
  return {
    async get(id) {
      assertKeyRowId(id)
      const index = keyRows.atOrBefore(id)
      const found = keyRows.id(index)
      const isThere = found.first === id.first && found.block === id.block
      return isThere ? readAt(file, keyRows.place(index)) : undefined
    },
    async *entries() {
      for await (const batch of keyRows.read(file, { from: 0, to: keyRows.count })) {
        for (const { index, bytes } of batch) yield { id: keyRows.id(index), bytes }
      }
    },
  }
}

/** Nothing is derived in a backup, and nothing can be kept: what is folded from it stays in memory. */
function emptyRows(location: string): RowTable {
  return {
    get: async () => undefined,
    async *range() {},
    write: async () => refuse(location),
    clear: async () => undefined,
  }
}

function fileTable(location: string, file: FileHandle, { files }: ArchiveIndex): FileTable {
  return {
    async read(name) {
      assertFileName(name)
      const place = files.get(name)
      return place && readAt(file, place)
    },
    replace: async () => refuse(location),
    overwrite: async () => refuse(location),
    remove: async () => refuse(location),
    list: async () => [...files.keys()].sort(),
  }
}

/** `INVALID` tells a log that nothing was written. */
function refuse(path: string): never {
  throw new VaultError('INVALID', `a backup file is never written; restore it: ${path}`, { path })
}
