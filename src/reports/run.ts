import type { NumberedRow, ReportHead, ReportTotals } from './report.ts'

/** What a run knows at its end by itself; the CSV that it may cite is for whoever writes it. */
export type RunTotals = Omit<ReportTotals, 'csv'>

/**
 * A report over a log as it was at a position. One that is folded has gone through the log by then; one of a row an event
 * does so whenever its rows are asked for. Either gives the same rows each time.
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
