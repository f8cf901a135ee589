import { join } from 'node:path'
import { VaultError } from '../../errors.ts'
import { controlName } from '../../store/level/folder.ts'

/** Where the socket of a vault's folder is. */
export function socketPathOf(folder: string): string {
  return join(folder, controlName)
}

export function unserved(folder: string, cause?: unknown): VaultError {
  const message = `no process serves the vault at ${folder}`
  return new VaultError('NOT_FOUND', message, { path: folder, cause })
}
