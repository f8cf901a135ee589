import { stringify } from 'csv-stringify/sync'
import type { Cell, ReportHead } from '../report.ts'
import { csvCell } from './csv-cells.ts'
import type { Emit, Format, FormatWriter } from './format.ts'

/**
 * RFC 4180 in UTF-8 with a byte order mark, lines ended by CRLF, the names of the columns in the first. Each further
 * file of the same report has that line again.
 *
 * - Times are ISO 8601, durations milliseconds, lists joined by `; `; what is null is empty.
 * - A text that a spreadsheet would compute, or whose digits it would change, has an apostrophe where it would start.
 * - In a column of ids or hashes, what has a digit and is not plainly hex (twenty digits or more) begins with `id:`.
 * - Controls that no text has, and those that turn the direction of writing, are written as `\u{…}`.
 *
 * What must be exact to the byte is read from JSON.
 */
export const csv: Format = {
  name: 'csv',
  extension: 'csv',
  mediaType: 'text/csv; charset=utf-8',
  // A worksheet has 1,048,576 rows, and the names take one.
  rowsMax: 1_048_575,
  open: async (head, emit) => {
    await emit(`\ufeff${lines([head.columns.map(({ name }) => name)])}`)
    return csvWriter(head, emit)
  },
}

function csvWriter({ columns }: ReportHead, emit: Emit): FormatWriter {
  const written = (cells: readonly Cell[]) => columns.map((column, i) => csvCell(column, cells[i]))
  return {
    rows: async (batch) => {
      if (batch.length > 0) await emit(lines(batch.map(({ cells }) => written(cells))))
    },
    end: async () => undefined,
  }
}

function lines(records: (string | number)[][]): string {
  return stringify(records, {
    record_delimiter: 'windows',
    // Otherwise a CR or LF alone stays unquoted, and most readers end a line there.
    quote_record_delimiter: true,
    escape_formulas: true,
  })
}
