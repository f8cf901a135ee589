import type { ReportHead, ReportTotals } from '../report.ts'
import type { Format } from './format.ts'
import { drawCharts } from './pdf-chart.ts'
import { hashDigits } from './pdf-columns.ts'
import { drawCited, drawFindings, drawProof, drawTitle, heading, paragraph } from './pdf-parts.ts'
import { Sheets } from './pdf-sheet.ts'
import { drawTable } from './pdf-table.ts'
import { ShownRows } from './shown-rows.ts'
import { shownSentence } from './shown-words.ts'

/**
 * Pages of A4, across, with their fonts in them. What was found comes first and what proves it last, so nothing is
 * written before the totals are known; until then it holds no more than `shownRowsMax` rows. Each page leaves as it is
 * full.
 */
export const pdf: Format = {
  name: 'pdf',
  extension: 'pdf',
  mediaType: 'application/pdf',
  rowsMax: Number.MAX_SAFE_INTEGER,
  open: async (head, emit) => {
    const shown = new ShownRows(head)
    return {
      rows: async (batch) => shown.add(batch),
      end: async (totals) => {
        const sheets = await Sheets.open(head, emit)
        await drawReport(sheets, { head, totals, shown })
        await sheets.end()
      },
    }
  },
}

interface Drawn {
  readonly head: ReportHead
  readonly totals: ReportTotals
  readonly shown: ShownRows
}

async function drawReport(sheets: Sheets, { head, totals, shown }: Drawn): Promise<void> {
  await drawTitle(sheets, head, totals)
  await drawFindings(sheets, { head, totals, shown })
  if (totals.charts.length > 0) {
    await heading(sheets, 'Figures', 170)
    await drawCharts(sheets, totals.charts)
  }
  await heading(sheets, 'Rows', 110)
  await drawRows(sheets, { head, totals, shown })
  await drawProof(sheets, head, totals)
}

async function drawRows(sheets: Sheets, { head, totals, shown }: Drawn): Promise<void> {
  const said = shownSentence(shown, totals)
  if (said !== undefined) {
    await paragraph(sheets, said)
    await drawCited(sheets, totals)
  }
  if (totals.rowCount === 0) await paragraph(sheets, 'There are no rows.')
  if (shown.rows.length === 0) return
  if (head.columns.some(({ type }) => type === 'hash')) {
    const note = `Of a hash the first ${hashDigits} digits are shown; the CSV and JSON of this report have all of them.`
    await paragraph(sheets, note)
  }
  await drawTable(sheets, head, shown.rows)
}
