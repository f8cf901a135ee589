import { VaultError } from '../errors.ts'
import type { KeyRowId } from './port.ts'

export const fileNameBytesMax = 128
const fileName = /^[a-z0-9][a-z0-9.-]*$/

export function isFileName(name: string): boolean {
  return name.length <= fileNameBytesMax && fileName.test(name)
}

/** @throws VaultError `INVALID` for anything but `[a-z0-9][a-z0-9.-]*` of at most 128 bytes. */
export function assertFileName(name: string): void {
  if (isFileName(name)) return
  throw new VaultError('INVALID', 'a file name is [a-z0-9][a-z0-9.-]*, at most 128 bytes long')
}

/** @throws VaultError `INVALID` for an offset that is not a whole number from 0. */
export function assertOffset(offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return
  throw new VaultError('INVALID', 'an offset is a whole number from 0', { found: String(offset) })
}

/** @throws VaultError `INVALID` unless `first` is a position and `block` a u16. */
export function assertKeyRowId({ first, block }: KeyRowId): void {
  const valid = Number.isSafeInteger(first) && first >= 0 && block === (block & 0xffff)
  if (valid) return
  throw new VaultError('INVALID', 'a key row is named by a position and a block from 0 to 65535', {
    found: `${first}/${block}`,
  })
}
