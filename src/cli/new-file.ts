import { rmSync } from 'node:fs'
import { type FileHandle, lstat, open, rm } from 'node:fs/promises'
import { VaultError } from '../index.ts'
import { UsageError } from './failure.ts'

/** Writes the whole of the file, to the disk. */
export type Fill = (content: string | Uint8Array) => Promise<void>

/** Refuses with `EXISTS` a path at which something stands, before anybody is asked for a passphrase. */
export async function expectFree(path: string): Promise<void> {
  const taken = await lstat(path).then(
    () => true,
    () => false,
  )
  if (taken) throw unmade(path, 'EEXIST')
}

/**
 * Makes a file, mode 0600, where nothing stands (`EXISTS`), and has the work fill it. It is gone again where the work fails, or
 * the process ends first: a file that is there is whole, and none is in the way of another try.
 */
export async function withNewFile<T>(path: string, work: (fill: Fill) => Promise<T>): Promise<T> {
  const file = await open(path, 'wx', 0o600).catch((cause) => {
    throw unmade(path, cause.code)
  })
  const removeAtExit = () => rmSync(path, { force: true })
  process.once('exit', removeAtExit)
  try {
    return await work((content) => fill(file, path, content))
  } catch (error) {
    // What went wrong with the work is what the person must hear of.
    await rm(path, { force: true }).catch(() => undefined)
    throw error
  } finally {
    process.off('exit', removeAtExit)
    // Its content is on disk already, or it is gone.
    await file.close().catch(() => undefined)
  }
}

/** The same where the content is at hand. */
export async function writeNewFile(path: string, content: string | Uint8Array): Promise<void> {
  await withNewFile(path, (fill) => fill(content))
}

async function fill(file: FileHandle, path: string, content: string | Uint8Array): Promise<void> {
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new VaultError('FAILED', `${path} cannot be written: ${code}`, { cause })
  }
}

function unmade(path: string, code: string): UsageError | VaultError {
  if (code === 'EEXIST') {
    return new VaultError('EXISTS', `there is a file at ${path} already`, { path })
  }
  return new UsageError(`${path} cannot be made: ${code}`)
}
