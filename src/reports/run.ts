import type { NumberedRow, ReportHead, ReportTotals } from './report.ts'

/** What a run knows at its end by itself; the CSV that it may cite is for whoever writes it. */
export type RunTotals = Omit<ReportTotals, 'csv'>

/**
 * A report over a log as it was at a position, which goes through the log when its rows are asked for, and each time
 * again to the same rows.
 */
export interface ReportRun {
  readonly head: ReportHead
  /** No more rows than this, and as many where `exact`. */
  readonly rowsMost: number
  readonly exact: boolean
  /**
   * Rows in order, numbered from 1, in batches that keep no other work waiting. Its last value is what is known at
   * the end. Throws `ABORTED`, `INTEGRITY`, `CLOSED`, and `FoldError` of a report of the host's own.
   */
  rows(): AsyncGenerator<readonly NumberedRow[], RunTotals, void>
}
