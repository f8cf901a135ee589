import { type ReportTotals, shownRowsMax } from '../report.ts'
import type { ShownRows } from './shown-rows.ts'
import { counted, grouped } from './words.ts'

/** What a reader has to know of the rows that follow; undefined where all of them do. */
export function shownSentence(shown: ShownRows, totals: ReportTotals): string | undefined {
  if (shown.isComplete) return undefined
  const { rowCount, findings } = totals
  const more = `With ${counted(rowCount, 'row')}, more than ${grouped(shownRowsMax)}, not every one is shown.`
  if (findings === 0) return `${more} None of them has a finding.`
  const first = findings > shownRowsMax ? `the first ${grouped(shownRowsMax)} of ` : ''
  return `${more} These are ${first}the ${counted(findings, 'row')} with a finding.`
}

/** Where all rows are. */
export function citedSentence({ csv }: ReportTotals): string {
  if (csv.length === 0) return 'Make the report as CSV or JSON for all of its rows.'
  return csv.length === 1
    ? 'All rows are in this CSV, by name and SHA-256:'
    : `All rows are in these ${csv.length} CSV files, by name and SHA-256:`
}
