import { VaultError } from '../errors.ts'
import type { FileTable } from '../store/port.ts'

/**
 * Signed checkpoints, in files beside the log:
 *
 * checkpoint           the newest at rest: one C2SP signed note, replaced by its successor
 * checkpoints-NNNNNNNN those that are kept, oldest first, 128 a file; all files but the last are full and stay as they are
 *
 * kept := (length u16 ‖ note) × up to 128                                                 big-endian
 */
export const restName = 'checkpoint'
const keptPattern = /^checkpoints-(\d{8})$/
const notesPerFile = 128
const lengthBytes = 2

export function readAtRest(files: FileTable): Promise<Uint8Array | undefined> {
  return files.read(restName)
}

export function writeAtRest(files: FileTable, note: Uint8Array): Promise<void> {
  return files.replace(restName, note)
}

/** The numbers of the files that hold kept checkpoints, ascending. Throws `INTEGRITY` where one of them is missing. */
async function keptFiles(files: FileTable): Promise<readonly number[]> {
  const numbers = (await files.list()).flatMap((name) => {
    const [, number] = keptPattern.exec(name) ?? []
    return number === undefined ? [] : [Number(number)]
  })
  const gap = numbers.findIndex((number, i) => number !== i)
  if (gap === -1) return numbers
  throw new VaultError('INTEGRITY', `the file ${nameOf(gap)} of kept checkpoints is missing`)
}

/** Every kept checkpoint, oldest first. Throws `INTEGRITY`. */
export async function* readKept(files: FileTable): AsyncGenerator<Buffer, void, void> {
  const numbers = await keptFiles(files)
  for (const number of numbers) {
    const notes = await readFile(files, number)
    if (number !== numbers.length - 1 && notes.length !== notesPerFile) throw damaged(number)
    yield* notes
  }
}

/** The newest kept checkpoint, and where the next one goes. */
export async function lastKept(
  files: FileTable,
): Promise<{ newest: Buffer | undefined; open: OpenFile }> {
  const number = (await keptFiles(files)).at(-1)
  if (number === undefined) return { newest: undefined, open: { number: 0, notes: [] } }
  const notes = await readFile(files, number)
  return { newest: notes.at(-1), open: { number, notes } }
}

/** The last file of kept checkpoints, as it stands on disk. */
export interface OpenFile {
  readonly number: number
  readonly notes: readonly Buffer[]
}

/** Keeps one more; gives the last file as it stands then. */
export async function keep(files: FileTable, last: OpenFile, note: Buffer): Promise<OpenFile> {
  const full = last.notes.length >= notesPerFile
  const next = full
    ? { number: last.number + 1, notes: [note] }
    : { number: last.number, notes: [...last.notes, note] }
  await files.replace(nameOf(next.number), encode(next.notes))
  return next
}

async function readFile(files: FileTable, number: number): Promise<readonly Buffer[]> {
  const bytes = Buffer.from((await files.read(nameOf(number))) ?? [])
  const notes: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const start = at + lengthBytes
    const end = start <= bytes.length ? start + bytes.readUInt16BE(at) : start
    if (end === start || end > bytes.length || notes.length === notesPerFile) throw damaged(number)
    notes.push(bytes.subarray(start, end))
    at = end
  }
  if (notes.length === 0) throw damaged(number)
  return notes
}

function encode(notes: readonly Buffer[]): Buffer {
  const parts = notes.flatMap((note) => {
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt16BE(note.length)
    return [length, note]
  })
  return Buffer.concat(parts)
}

function nameOf(number: number): string {
  return `checkpoints-${String(number).padStart(8, '0')}`
}

function damaged(number: number): VaultError {
  return new VaultError('INTEGRITY', `the file ${nameOf(number)} is damaged`)
}
