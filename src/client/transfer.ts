import type { BackupOptions, CallOptions, EntryVersion, Scope, TransferEntry } from '../index.ts'
import { cutOff } from './files.ts'
import type { Server } from './server.ts'
import { contentOf, type SaidValue } from './value.ts'

type SaidEntry = Omit<TransferEntry, 'versions'> & {
  readonly versions: readonly (Omit<EntryVersion, 'value'> & { readonly value: SaidValue })[]
}

interface ExportLine {
  readonly export?: {
    readonly vaultId: string
    readonly position: number
    readonly secrets: number
    readonly versions: number
  }
  readonly entry?: TransferEntry
  readonly end?: { readonly entries: number }
}

interface SaidLine extends Omit<ExportLine, 'entry'> {
  readonly entry?: SaidEntry
}

/** Secrets on their way out, and copies of the whole vault. */
export function transfer(server: Server): Pick<Scope, 'export' | 'backupBytes'> {
  return {
    export: async (prefix = '', options: CallOptions = {}) => {
      const query = { ...(prefix !== '' && { prefix }) }
      const lines = server.lines({ path: '/export', query, call: options }, lineOf)
      const first = await lines.next()
      const head = first.done === true ? undefined : first.value.export
      if (head === undefined) {
        await lines.return()
        throw cutOff()
      }
      return { ...head, entries: entriesOf(lines) }
    },
    // How far it has come is not told: the bytes are those of the file, and nothing else.
    backupBytes: async function* ({ onProgress: _, ...call }: BackupOptions = {}) {
      yield* server.bytes({ path: '/backup', accept: 'application/octet-stream', call })
    },
  }
}

/** Throws `CLOSED` where they end before the line that says how many there are. */
async function* entriesOf(
  lines: AsyncIterable<ExportLine>,
): AsyncGenerator<TransferEntry, void, void> {
  let count = 0
  let isWhole = false
  for await (const { entry, end } of lines) {
    if (entry !== undefined) {
      count++
      yield entry
    }
    if (end !== undefined) isWhole = end.entries === count
  }
  if (!isWhole) throw cutOff()
}

function lineOf({ entry, ...line }: SaidLine): ExportLine {
  if (entry === undefined) return line
  return { ...line, entry: { ...entry, versions: entry.versions.map(versionOf) } }
}

function versionOf({ value, ...dates }: SaidEntry['versions'][number]): EntryVersion {
  return { value: contentOf(value), ...dates }
}
