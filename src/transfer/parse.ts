import { VaultError } from '../errors.ts'
import { admit, type FoundRow } from './admit.ts'
import { readBitwarden } from './bitwarden.ts'
import { readDotenv } from './dotenv.ts'
import type { ParsedTransfer } from './entry.ts'
import { readJson } from './json.ts'
import { joinablePrefix } from './paths.ts'
import { decodeText } from './text.ts'
import { readVaultKv } from './vault-kv.ts'

/** The files that secrets can be taken from; each is described above the code that reads it. */
export const importFormats = ['dotenv', 'json', 'vault-kv', 'bitwarden'] as const
export type ImportFormat = (typeof importFormats)[number]

const readers: Readonly<Record<ImportFormat, (text: string) => Iterable<FoundRow>>> = {
  dotenv: readDotenv,
  json: readJson,
  'vault-kv': readVaultKv,
  bitwarden: readBitwarden,
}

/**
 * What a file says, as secrets that a vault can hold, in the file's order. A row that cannot become one is skipped,
 * with where it stands and why; neither that nor an error says what a row holds.
 *
 * @param options.prefix what each path is put below: `prod/app` or `prod/app/`; nothing unless said
 * @throws VaultError `INVALID` for what is not the format or no UTF-8, `TOO_LARGE` beyond 256 MiB, `UNSUPPORTED` for an
 * export of a newer Muniment
 * @example
 * parseTransfer(Buffer.from("API_KEY='k-1'"), { format: 'dotenv', prefix: 'prod/app' }).entries[0].path // 'prod/app/API_KEY'
 */
export function parseTransfer(
  bytes: Uint8Array,
  options: { format: ImportFormat; prefix?: string },
): ParsedTransfer {
  const { format, prefix = '' } = options
  if (!importFormats.includes(format)) {
    throw new VaultError('INVALID', `format must be one of ${importFormats.join(', ')}`)
  }
  const below = joinablePrefix(prefix)
  return admit(readers[format](decodeText(bytes, format)), below)
}
