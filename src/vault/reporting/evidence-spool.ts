import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { VaultError } from '../../errors.ts'
import type { WrittenFile } from '../../reports/evidence/covered.ts'
import type { OutputFile, OutputSink } from '../../reports/write.ts'
import { expectAbsent } from '../../store/archive/file.ts'
import { fileError, isAbsent, onDisk } from '../../store/level/folder.ts'
import { outputFolder } from './output-folder.ts'

/** Where evidence goes, and where its files lie until all of them are there. */
export interface EvidencePlace {
  readonly target: OutputFile
  readonly spool: Spool
}

/**
 * Makes ready for evidence. A path gets its file once that is whole, and the files of it lie beside it until then; for
 * another sink they lie where the system keeps what is temporary. Throws `EXISTS`, replacing nothing, `INVALID` where
 * there is no folder, `NO_SPACE`, `FAILED`.
 */
export async function openPlace(to: string | OutputFile): Promise<EvidencePlace> {
  if (typeof to !== 'string') {
    return { target: to, spool: await Spool.make(join(tmpdir(), 'muniment-evidence-')) }
  }
  if (to === '' || to.includes('\0')) {
    throw new VaultError('INVALID', 'evidence needs the path of a file')
  }
  const path = resolve(to)
  await expectAbsent(path)
  // A name of its own, so that one as long as a name can be has room for it.
  const spool = await Spool.make(join(dirname(path), '.muniment-evidence-'))
  try {
    return { target: await outputFolder(dirname(path)).open(basename(path)), spool }
  } catch (error) {
    await spool.remove()
    throw error
  }
}

/** Files that go into an archive, on disk and hashed; readable by their owner alone. Not durable: they go at the end. */
export class Spool {
  readonly #folder: string
  readonly #files: WrittenFile[] = []

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async make(prefix: string): Promise<Spool> {
    const folder = await mkdtemp(prefix).catch((cause: unknown) => {
      const within = dirname(prefix)
      if (!isAbsent(cause)) throw fileError(cause, `could not make a folder in ${within}`, within)
      throw new VaultError('INVALID', `there is no folder ${within}`, { cause, path: within })
    })
    return new Spool(folder)
  }

  /** Those that are written, in the order in which they ended. */
  get files(): readonly WrittenFile[] {
    return this.#files
  }

  /** Takes outputs, which bear `prefix` in front of their names: a folder, or nothing. */
  sink(prefix: string): OutputSink {
    return { open: (name) => this.#open(`${prefix}${name}`) }
  }

  async put(name: string, bytes: string | Uint8Array): Promise<WrittenFile> {
    const file = await this.#open(name)
    await file.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    await file.end()
    return this.#files.at(-1) as WrittenFile
  }

  /** Throws `FAILED` where it cannot be read. */
  async *read(name: string): AsyncGenerator<Uint8Array, void, void> {
    const path = join(this.#folder, name)
    try {
      for await (const piece of createReadStream(path)) yield piece as Buffer
    } catch (cause) {
      throw fileError(cause, `could not read ${path}`, path)
    }
  }

  /** What cannot be removed is left: how the work itself ended is what its caller must hear. */
  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true }).catch(() => undefined)
  }

  async #open(name: string): Promise<OutputFile> {
    const path = join(this.#folder, name)
    const file = await onDisk('make', path, async () => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      return open(path, 'wx', 0o600)
    })
    const hash = createHash('sha256')
    let bytes = 0
    return {
      write: async (piece) => {
        hash.update(piece)
        bytes += piece.length
        await onDisk('write', path, () => file.writeFile(piece))
      },
      end: async () => {
        await file.close()
        this.#files.push({ name, bytes, sha256: hash.digest('hex') })
      },
      // What was written goes with the folder.
      abort: async () => file.close().catch(() => undefined),
    }
  }
}
