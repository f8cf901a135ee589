import type { Epochs } from '../../log/epochs.ts'
import { HeadFile } from '../../log/head.ts'
import type { FileTable } from '../../store/port.ts'
import { readAnchorFile } from '../anchor-file.ts'
import { readAtRest, readKept } from '../checkpoint-files.ts'
import { integrityOf } from './integrity.ts'
import type { Problems } from './problem.ts'
import type { Claim, FoundNote } from './signed.ts'

/** Every checkpoint that is kept or at rest beside the log; a file that cannot be read is a problem. */
export async function readNotes(files: FileTable, problems: Problems): Promise<FoundNote[]> {
  const notes: FoundNote[] = []
  await orProblem(problems, 'checkpoint', async () => {
    for await (const bytes of readKept(files)) notes.push({ by: 'kept', bytes })
  })
  const resting = await readAtRest(files)
  if (resting !== undefined) notes.push({ by: 'rest', bytes: resting })
  return notes
}

/**
 * What the anchors' own files hold, which a rollback of the vault's folder does not reach. One that cannot be read says
 * nothing of the log: its state says why.
 */
export async function readAnchors(targets: readonly string[]): Promise<FoundNote[]> {
  const files = await Promise.all(
    targets.map((target) => readAnchorFile(target).catch(() => undefined)),
  )
  return files.flatMap((bytes) => (bytes === undefined ? [] : [{ by: 'anchor' as const, bytes }]))
}

/** What the head file says, to an owner: nobody else can tell who wrote it. */
export async function readHead(
  files: FileTable,
  { epochs, problems }: { readonly epochs: Epochs; readonly problems: Problems },
): Promise<Claim[]> {
  if (epochs.current.appendKey === undefined) return []
  const head = await orProblem(problems, 'head', () => new HeadFile(files, epochs).read())
  return head === undefined ? [] : [{ code: 'head', by: 'the head file', ...head }]
}

async function orProblem<T>(
  problems: Problems,
  code: 'checkpoint' | 'head',
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    problems.add(code, integrityOf(error).message)
    return undefined
  }
}
