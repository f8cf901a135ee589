import { VaultError } from '../errors.ts'
import { encodeValue } from '../keys/value.ts'
import type { EntryVersion, ParsedTransfer, SkippedRow, TransferEntry } from './entry.ts'
import { pathFault } from './paths.ts'

/** What a format finds at one place of a file: a secret that is still to be checked, or why there is none. */
export type FoundRow = SkippedRow | { readonly row: string; readonly entry: TransferEntry }

/** A secret of one value, of which nothing else is known. */
export function simpleEntry(path: string, value: EntryVersion['value']): TransferEntry {
  return { path, meta: { type: 'generic' }, versions: [{ value }] }
}

/** Takes in what a vault could hold, each path once and below `prefix` (empty, or ending in "/"). */
export function admit(found: Iterable<FoundRow>, prefix: string): ParsedTransfer {
  const entries: TransferEntry[] = []
  const skipped: SkippedRow[] = []
  const rowByPath = new Map<string, string>()
  for (const each of found) {
    if ('reason' in each) {
      skipped.push(each)
      continue
    }
    const { row } = each
    const entry = { ...each.entry, path: prefix + each.entry.path }
    const first = rowByPath.get(entry.path)
    const reason = first === undefined ? faultOf(entry) : `its path is that of ${first}`
    if (reason !== undefined) {
      skipped.push({ row, reason })
      continue
    }
    rowByPath.set(entry.path, row)
    entries.push(entry)
  }
  return { entries, skipped }
}

function faultOf({ path, versions }: TransferEntry): string | undefined {
  const fault = pathFault(path)
  if (fault !== undefined) return fault
  for (const [at, version] of versions.entries()) {
    const fault = versionFault(version)
    if (fault !== undefined) return versions.length === 1 ? fault : `versions[${at}]: ${fault}`
  }
  return undefined
}

function versionFault({ value, notBefore, expiresAt }: EntryVersion): string | undefined {
  if (notBefore !== undefined && expiresAt !== undefined && notBefore >= expiresAt) {
    return 'expected notBefore to be earlier than expiresAt'
  }
  try {
    encodeValue(value).fill(0)
    return undefined
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return error.message
  }
}
