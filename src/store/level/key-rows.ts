import type { KeyRow, KeyTable } from '../port.ts'
import type { Database } from './database.ts'
import { batches, readRow } from './database.ts'
import { keyRow, keyRowId, keyRowRange } from './rows.ts'

/** The key rows of `log/`. `CommitRows` alone writes them, with the commit that they belong to. */
export function keyRows(database: Database): KeyTable {
  return {
    get: async (id) => readRow(database, keyRow(id)),
    entries: () => entries(database),
  }
}

async function* entries(database: Database): AsyncGenerator<KeyRow, void, undefined> {
  for await (const rows of batches(database, keyRowRange)) {
    for (const [row, bytes] of rows) yield { id: keyRowId(row), bytes }
  }
}
