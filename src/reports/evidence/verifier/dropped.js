import { Refusal } from './bytes.js'

/** @typedef {{ name: string, file: File }} NamedFile */

const filesMax = 10_000

/**
 * Every file of what was dropped, folders gone through. What was dropped is gone once anything is awaited, so all of it
 * is asked for first.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<NamedFile[]>}
 */
export async function droppedFiles(transfer) {
  /** @type {NamedFile[]} */
  const files = []
  /** @type {Promise<void>[]} */
  const folders = []
  for (const item of transfer.items) {
    if (item.kind !== 'file') continue
    const entry = item.webkitGetAsEntry()
    if (entry?.isDirectory === true) folders.push(openFolder(item, entry, files))
    else {
      const file = item.getAsFile()
      if (file !== null) files.push({ name: file.name, file })
    }
  }
  await Promise.all(folders)
  return files
}

/**
 * Chromium reads a folder that was dropped onto a file of the disk by a handle alone, others know only entries.
 *
 * @param {DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> }} item
 * @param {FileSystemEntry} entry
 * @param {NamedFile[]} files
 */
async function openFolder(item, entry, files) {
  const asked = item.getAsFileSystemHandle?.()
  try {
    const handle = await asked
    if (handle instanceof FileSystemDirectoryHandle) {
      await collectHandle(handle, handle.name, files)
    } else await collectEntry(entry, files)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('this browser does not read a folder that is dropped: choose it, or the zip')
  }
}

/**
 * @param {FileSystemDirectoryHandle} folder
 * @param {string} path
 * @param {NamedFile[]} files
 */
async function collectHandle(folder, path, files) {
  for await (const [name, handle] of folder.entries()) {
    const inside = `${path}/${name}`
    if (handle instanceof FileSystemDirectoryHandle) await collectHandle(handle, inside, files)
    else if (handle instanceof FileSystemFileHandle) {
      collectFile(files, { name: inside, file: await handle.getFile() })
    }
  }
}

/**
 * @param {FileSystemEntry} entry
 * @param {NamedFile[]} files
 */
async function collectEntry(entry, files) {
  if (entry.isFile) {
    const fileEntry = /** @type {FileSystemFileEntry} */ (entry)
    /** @type {File} */
    const file = await new Promise((resolve, reject) => fileEntry.file(resolve, reject))
    collectFile(files, { name: entry.fullPath.replace(/^\//, ''), file })
    return
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader()
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const each of some) await collectEntry(each, files)
  }
}

/**
 * @param {NamedFile[]} files
 * @param {NamedFile} file
 */
function collectFile(files, file) {
  if (files.length >= filesMax) throw new Refusal(`these are more than ${filesMax} files`)
  files.push(file)
}
