import type { EntryVersion, TransferEntry } from './entry.ts'
import { exportFormat, exportVersion } from './json.ts'

/**
 * Secrets in the format that stands above `readJson`, piece by piece, one secret each, so that a large export need not
 * be one string.
 *
 * @param about.position the log's newest event that the secrets are as of
 */
export function* formatJsonParts(
  entries: Iterable<TransferEntry>,
  about: { vaultId: string; position: number },
): Generator<string> {
  const { vaultId, position } = about
  const head = JSON.stringify({ format: exportFormat, version: exportVersion, vaultId, position })
  yield `${head.slice(0, -1)},"secrets":[`
  let separator = '\n'
  for (const entry of entries) {
    yield separator + JSON.stringify(secretOf(entry))
    separator = ',\n'
  }
  yield '\n]}\n'
}

/**
 * The same as one string.
 *
 * @example
 * await writeFile('export.json', formatJson(entries, { vaultId, position }), { mode: 0o600 })
 */
export function formatJson(
  entries: Iterable<TransferEntry>,
  about: { vaultId: string; position: number },
): string {
  return [...formatJsonParts(entries, about)].join('')
}

function secretOf({ path, meta, versions }: TransferEntry): object {
  return { path, ...meta, versions: versions.map(versionOf) }
}

function versionOf({ value, notBefore, expiresAt }: EntryVersion): object {
  return {
    ...memberOf(value),
    ...(notBefore !== undefined && { notBefore: new Date(notBefore).toISOString() }),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  }
}

function memberOf(value: EntryVersion['value']): object {
  if (typeof value === 'string') return { value }
  if (!(value instanceof Uint8Array)) return { fields: value }
  const { buffer, byteOffset, length } = value
  return { valueBase64: Buffer.from(buffer, byteOffset, length).toString('base64') }
}
