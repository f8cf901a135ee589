import type { Asked } from '../access/asked.ts'
import { VaultError } from '../errors.ts'
import type { Fact } from '../events/catalogue.ts'
import type { Epochs } from '../log/epochs.ts'
import { type Head, HeadFile } from '../log/head.ts'
import { emptyFrontier, type Frontier, root } from '../proofs/tree.ts'
import { writeArchive } from '../store/archive/file.ts'
import type { ArchivedFile, ArchiveRecord } from '../store/archive/format.ts'
import { archiveBytes } from '../store/archive/write.ts'
import { memoryStore } from '../store/memory.ts'
import type { FileTable, KeyRow } from '../store/port.ts'
import { type Call, type CallOptions, permitted } from './call.ts'
import { checkedCommits } from './checked-commits.ts'
import { restName } from './checkpoint-files.ts'
import type { SignedCheckpoint } from './checkpoints.ts'
import type { Engine } from './engine.ts'
import { underPolicy } from './permit.ts'

/** `timeout` bounds the wait until the backup has its place in the log, `signal` all of it. */
export interface BackupOptions extends CallOptions {
  /** Told every few thousand events. */
  readonly onProgress?: (progress: { readonly position: number; readonly size: number }) => void
}

export interface BackedUp {
  /** The file, as an absolute path. */
  readonly path: string
  /** Of `backup.created`: the last event that the backup holds. */
  readonly position: number
  /** How many events it holds. */
  readonly size: number
  /** Length of the file. */
  readonly bytes: number
  /** Of the whole file, in hex, as `sha256sum` prints it. */
  readonly sha256: string
}

const progressEvery = 4096

/**
 * The files that go with a vault, beside `head`, which is made anew for the size that the backup has. Who failed to
 * unlock it, and who holds it, is about the place where it was.
 */
const filesTaken: readonly RegExp[] = [/^keyring$/, /^checkpoint/]

export function isTaken(name: string): boolean {
  return filesTaken.some((pattern) => pattern.test(name))
}

/** A backup as a file, which was read back from the disk and found whole. */
export async function backupVault(
  engine: Engine,
  call: Call,
  { path, options }: { path: string; options: BackupOptions },
): Promise<BackedUp> {
  // Before anything is said of the place where it is to be.
  await permitted(engine, call, asked)
  return writeBackup(path, backupBytes(engine, call, options))
}

/**
 * The bytes of a backup as a file, which is read back from the disk before it gets its name: of bytes that were cut off
 * none is left. Throws `EXISTS`, `INVALID` where there is no folder for it, `NO_SPACE`, `INTEGRITY`, and what the bytes throw.
 *
 * @example
 * const { position, sha256 } = await writeBackup('/backup/vault.muna', remote.backupBytes())
 */
export async function writeBackup(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<BackedUp> {
  const { size, ...file } = await writeArchive(path, bytes)
  return { ...file, size, position: size - 1 }
}

/**
 * The bytes of a backup. Nothing happens before the first piece is asked for; who stops before the last has to end the
 * iteration (`return`), as `for await` and streams do.
 */
export async function* backupBytes(
  engine: Engine,
  call: Call,
  options: BackupOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const taken = await takeNow(engine, call)
  try {
    for await (const bytes of archiveBytes(recordsOf(engine, taken, options))) {
      expectWanted(options.signal)
      yield bytes
    }
  } finally {
    await taken.rows.return?.()
  }
}

/** What a backup is of. The log is read later: nothing changes in it but its end. */
interface Taken {
  readonly files: readonly ArchivedFile[]
  readonly rows: AsyncIterator<KeyRow>
  readonly firstRow: IteratorResult<KeyRow>
  /** Of the log before `backup.created`. */
  readonly tree: Frontier
}

const asked: Asked = { operation: 'backup', subject: '' }
const created: Fact = { type: 'backup.created', subject: '', data: {} }

/**
 * Appends `backup.created`, and takes keyring and key rows as they are with it: in the writer, where no change can come
 * between, and no destruction of a key.
 */
async function takeNow(engine: Engine, call: Call): Promise<Taken> {
  const begun: { taken?: Promise<Taken> } = {}
  const take = async () => {
    begun.taken = takenOf(engine)
    await begun.taken
  }
  const { actor, context, limits } = call
  const command = underPolicy(call, asked, {
    actor,
    context,
    alone: true,
    aggregate: '',
    prepare: take,
    decide: () => ({ facts: [created] }),
  })
  try {
    await engine.append(command, limits)
    // At once, while the log ends in `backup.created`: so that an auditor can tell that the backup is whole.
    const checkpoint = engine.checkpoints.current()
    if (begun.taken === undefined) throw new RangeError('a command is prepared before it lands')
    return withCheckpoint(await begun.taken, checkpoint)
  } catch (error) {
    // A caller that gave up may have done so while the rows were being begun: nobody else lets go of them.
    void begun.taken?.then(({ rows }) => rows.return?.()).catch(() => undefined)
    throw error
  }
}

/** The checkpoint of exactly this size stands in the place of the one at rest, which is of an earlier one. */
function withCheckpoint(taken: Taken, { size, note }: SignedCheckpoint): Taken {
  if (size !== taken.tree.size + 1) return taken
  const others = taken.files.filter(({ name }) => name !== restName)
  return { ...taken, files: [...others, { name: restName, bytes: note }] }
}

async function takenOf({ store, log }: Engine): Promise<Taken> {
  const files = await readFiles(store.files)
  const rows = store.keys.entries()[Symbol.asyncIterator]()
  // The first that is asked for decides which rows the later ones are.
  return { files, rows, firstRow: await rows.next(), tree: log.frontier }
}

async function readFiles(table: FileTable): Promise<ArchivedFile[]> {
  const files: ArchivedFile[] = []
  for (const name of (await table.list()).filter(isTaken)) {
    const bytes = await table.read(name)
    if (bytes !== undefined) files.push({ name, bytes })
  }
  return files
}

/** Key rows first, so that what the store holds back for them is soon let go of; then the log, and its head. */
async function* recordsOf(
  engine: Engine,
  { files, rows, firstRow, tree: before }: Taken,
  { onProgress }: BackupOptions,
): AsyncGenerator<ArchiveRecord, void, void> {
  for (let row = firstRow; row.done !== true; row = await rows.next()) {
    yield { kind: 'keyRow', ...row.value }
  }
  const size = before.size + 1
  let tree = emptyFrontier
  let told = 0
  for await (const { first, sealed, tree: after } of checkedCommits(engine, { to: size })) {
    if (first === before.size) expectSame(tree, before)
    tree = after
    yield { kind: 'commit', first, sealed }
    if (tree.size - told < progressEvery && tree.size < size) continue
    told = tree.size
    onProgress?.({ position: told, size })
  }
  for (const file of files) yield { kind: 'file', ...file }
  yield {
    kind: 'file',
    name: 'head',
    bytes: await headOf(engine.epochs, { size, root: root(tree) }),
  }
}

/** The log's own tree was kept while it grew: what is read back from the store must come to the same. */
function expectSame(read: Frontier, kept: Frontier): void {
  if (root(read).equals(root(kept))) return
  throw new VaultError(
    'INTEGRITY',
    `the events below position ${kept.size} are not those that the log was made of`,
    { found: kept.size },
  )
}

/** A head file for this size and no other: an owner's word on where the archive's log ends. */
async function headOf(epochs: Epochs, head: Head): Promise<Uint8Array> {
  const { files } = await memoryStore().create()
  const file = new HeadFile(files, epochs)
  file.note(head)
  await file.settled()
  const bytes = await files.read('head')
  if (bytes === undefined) throw file.failure
  return bytes
}

function expectWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new VaultError('ABORTED', 'the caller aborted the backup', { cause: signal.reason })
}
