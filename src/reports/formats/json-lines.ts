import { canonicalJson } from '../canonical.ts'
import type { Format } from './format.ts'
import { jsonRow } from './json-cells.ts'

/**
 * One row a line, each a canonical JSON object (RFC 8785), and nothing but rows: what stands above them is in the
 * manifest. A report without rows is an empty file.
 */
export const jsonLines: Format = {
  name: 'jsonl',
  extension: 'jsonl',
  mediaType: 'application/jsonl',
  rowsMax: Number.MAX_SAFE_INTEGER,
  open: async (head, emit) => ({
    rows: (batch) => emit(batch.map((row) => `${canonicalJson(jsonRow(head, row))}\n`).join('')),
    end: async () => undefined,
  }),
}
