import { type OwnerKeyring, sealKeyring } from '../keys/keyring.ts'
import type { FileTable } from '../store/port.ts'

const name = 'keyring'

export function readKeyringFile(files: FileTable): Promise<Uint8Array | undefined> {
  return files.read(name)
}

export async function writeKeyringFile(
  files: FileTable,
  keyring: OwnerKeyring,
  R: Uint8Array,
): Promise<void> {
  const bytes = sealKeyring(keyring, R)
  await files.replace(name, bytes)
}
