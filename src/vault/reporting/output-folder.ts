import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { VaultError } from '../../errors.ts'
import { isOutputName } from '../../reports/output-name.ts'
import type { OutputFile, OutputSink } from '../../reports/write.ts'
import { expectAbsent, giveName } from '../../store/archive/file.ts'
import { fileError, isAbsent, onDisk } from '../../store/level/folder.ts'

/**
 * Outputs as files of a folder that is there, readable by their owner alone: they tell who reads what. A file appears
 * whole, under its name, once it ends; none that is there already is replaced. Its files throw `EXISTS`, `INVALID` where
 * there is no folder, `NO_SPACE`, `FAILED`.
 *
 * @example
 * await remote.reports.write('rotation', { formats: ['csv'], to: outputFolder('/audit/2026-q1') })
 */
export function outputFolder(folder: string): OutputSink {
  return {
    open: async (name) => {
      if (isOutputName(name)) return openOutput(folder, name)
      throw new VaultError('INVALID', 'the name of an output must be that of a file in its folder')
    },
  }
}

/**
 * One output as the file of a path, as `outputFolder` makes them. Throws `EXISTS`, `INVALID` for what is no path and
 * where there is no folder, `FAILED`.
 *
 * @example
 * await remote.reports.evidence({ from, asOf, to: await outputFile('/audit/q1.zip') })
 */
export async function outputFile(path: string): Promise<OutputFile> {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new VaultError('INVALID', 'to must be the path of a file')
  }
  const place = resolve(path)
  await expectAbsent(place)
  return outputFolder(dirname(place)).open(basename(place))
}

async function openOutput(folder: string, name: string): Promise<OutputFile> {
  const path = join(folder, name)
  // A name of its own: what a killed process left behind is in nobody's way.
  const part = join(folder, `.${randomUUID()}.part`)
  const file = await open(part, 'wx', 0o600).catch((cause: unknown) => {
    if (!isAbsent(cause)) throw fileError(cause, `could not make ${path}`, path)
    throw new VaultError('INVALID', `there is no folder ${folder}`, { cause, path: folder })
  })
  let made = false
  return {
    write: (piece) => onDisk('write', path, () => file.writeFile(piece)),
    end: async () => {
      await onDisk('sync', path, () => file.sync())
      await file.close()
      await giveName(part, path)
      made = true
      await rm(part, { force: true })
    },
    abort: async () => {
      await file.close().catch(() => undefined)
      await rm(part, { force: true })
      if (made) await rm(path, { force: true })
    },
  }
}
