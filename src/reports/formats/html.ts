import { breather } from '../../breather.ts'
import type { ReportHead, ReportTotals } from '../report.ts'
import { findingsSentence, headFacts, proofFacts, proofText, verifyCommand } from './facts.ts'
import type { Emit, Format, FormatWriter } from './format.ts'
import { chartFigure } from './html-chart.ts'
import { factList, findingsList, pageEnd, pageStart, tallyLines } from './html-page.ts'
import { rowWriter, tableEnd, tableStart } from './html-table.ts'
import { escaped } from './html-text.ts'
import { ShownRows } from './shown-rows.ts'
import { citedSentence, shownSentence } from './shown-words.ts'
import { visible } from './visible.ts'

/**
 * One page that is whole in itself: no script, nothing loaded, a Content-Security-Policy that holds it to that. What was
 * found comes first and what proves it last, so nothing is written before the totals are known; until then it holds no
 * more than `shownRowsMax` rows.
 */
export const html: Format = {
  name: 'html',
  extension: 'html',
  mediaType: 'text/html; charset=utf-8',
  rowsMax: Number.MAX_SAFE_INTEGER,
  open: async (head, emit) => htmlWriter(head, emit),
}

function htmlWriter(head: ReportHead, emit: Emit): FormatWriter {
  const shown = new ShownRows(head)
  return {
    rows: async (batch) => shown.add(batch),
    end: async (totals) => {
      await emit(pageStart(head))
      await emit(`${factList(headFacts(head, totals))}</header>\n<main>\n`)
      await emit(findingsSection(head, totals, shown))
      await emit(chartSection(totals))
      await writeRows({ head, totals, shown, emit })
      await emit(proofSection(head, totals) + pageEnd)
    },
  }
}

function findingsSection(head: ReportHead, totals: ReportTotals, shown: ShownRows): string {
  const some = totals.findings > 0 ? ' some' : ''
  return (
    `<section id="findings"><h2>${head.judges ? 'Findings' : 'Summary'}</h2>` +
    `<p class="sum${some}">${escaped(findingsSentence(head, totals))}</p>\n` +
    `${findingsList(shown)}${tallyLines(shown)}</section>\n`
  )
}

function chartSection({ charts }: ReportTotals): string {
  if (charts.length === 0) return ''
  const figures = charts.map((chart, i) => chartFigure(chart, i + 1)).join('')
  return `<section id="figures"><h2>Figures</h2><div class="charts">${figures}</div></section>\n`
}

/** Rows whose HTML is made between two looks at the clock. */
const rowsPerPiece = 16

async function writeRows({
  head,
  totals,
  shown,
  emit,
}: {
  readonly head: ReportHead
  readonly totals: ReportTotals
  readonly shown: ShownRows
  readonly emit: Emit
}): Promise<void> {
  await emit(rowsStart(head, totals, shown))
  if (shown.rows.length > 0) {
    const write = rowWriter(head)
    const breathe = breather()
    await emit(tableStart(head))
    for (let at = 0; at < shown.rows.length; at += rowsPerPiece) {
      await emit(
        shown.rows
          .slice(at, at + rowsPerPiece)
          .map(write)
          .join(''),
      )
      await breathe()
    }
    await emit(tableEnd)
  }
  await emit('</section>\n')
}

function rowsStart({ columns }: ReportHead, totals: ReportTotals, shown: ShownRows): string {
  const said = shownSentence(shown, totals)
  const cited = totals.csv.map(({ name, sha256 }) => ({
    name: visible(name),
    said: sha256,
    isCode: true,
  }))
  const csv = said === undefined ? '' : `<p>${escaped(citedSentence(totals))}</p>${factList(cited)}`
  const hashes = columns.some(({ type }) => type === 'hash') && shown.rows.length > 0
  const note = hashes
    ? '<p class="note">A wide table shows the first digits of a hash; select it and copy for all of them.</p>'
    : ''
  const none = totals.rowCount === 0 ? '<p class="none">There are no rows.</p>' : ''
  const some = said === undefined ? '' : `<p>${escaped(said)}</p>`
  return `<section id="rows"><h2>Rows</h2>${some}${csv}${note}${none}\n`
}

function proofSection(head: ReportHead, totals: ReportTotals): string {
  return (
    `<section id="proof"><h2>Proof</h2><p>${escaped(proofText)}</p>` +
    `<pre><code>${escaped(verifyCommand)}</code></pre>${factList(proofFacts(head, totals))}</section>\n`
  )
}
