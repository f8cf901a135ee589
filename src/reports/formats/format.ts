import type { NumberedRow, ReportHead, ReportTotals } from '../report.ts'

export const formatNames = ['json', 'jsonl', 'csv', 'html', 'pdf'] as const
export type FormatName = (typeof formatNames)[number]

/** Takes the next bytes of one output, and says when it can take more. */
export type Emit = (piece: Uint8Array | string) => Promise<void>

/** One output under way. Rows come in order, in batches that take about a millisecond to write. */
export interface FormatWriter {
  rows(batch: readonly NumberedRow[]): Promise<void>
  end(totals: ReportTotals): Promise<void>
}

/** Which file of how many an output is, where it has more rows than one may hold. From 1. */
export interface Part {
  readonly number: number
  readonly of: number
}

/**
 * One way to write a report. The same head, rows and totals give the same bytes, whenever and wherever they are
 * written.
 */
export interface Format {
  readonly name: FormatName
  readonly extension: string
  readonly mediaType: string
  /** Rows that one output may hold; more go to further ones. */
  readonly rowsMax: number
  open(head: ReportHead, emit: Emit, part: Part): Promise<FormatWriter>
}
