import type { Column, NumberedRow, ReportHead } from '../report.ts'
import { cellWords, isRightAligned, toneOf } from './cell-words.ts'
import { breakable, escaped } from './html-text.ts'
import { visible } from './visible.ts'

/** A title's words stay whole, unless one is so long that it would make its column wide. */
const wordMost = 16

/** The table up to its first row. */
export function tableStart({ columns }: ReportHead): string {
  const heads = columns.map((column) => {
    const title = visible(column.title)
    const isLong = title.split(' ').some((word) => word.length > wordMost)
    const kind = isLong ? ' class="long"' : isRightAligned(column) ? ' class="number"' : ''
    return `<th scope="col"${kind}>${escaped(title)}</th>`
  })
  return (
    '<div class="wide" role="region" aria-label="rows" tabindex="0"><table>' +
    `<thead><tr>${heads.join('')}</tr></thead><tbody>\n`
  )
}

export const tableEnd = '</tbody></table></div>\n'

/** Writes rows; what they have in common is made once. */
export function rowWriter({ columns }: ReportHead): (row: NumberedRow) => string {
  const number = columns.findIndex(({ name }) => name === 'row')
  const cells = columns.map(cellWriter)
  return (row) => {
    const id = row.cells[number]
    const anchor = typeof id === 'number' ? ` id="row-${id}"` : ''
    const mark = row.finding ? ' class="f"' : ''
    return `<tr${anchor}${mark}>${cells.map((write, i) => write(row, i)).join('')}</tr>\n`
  }
}

function cellWriter(column: Column): (row: NumberedRow, at: number) => string {
  const label = ` data-label="${escaped(visible(column.title))}"`
  const kind = column.name === 'finding' ? 'finding' : column.type
  const [start, empty] = [`<td class="${kind}"${label}>`, `<td class="${kind} z"${label}></td>`]
  return ({ cells, finding }, at) => {
    const said = cellWords(column, cells[at])
    if (said.length > 0) return `${start}${cellContent(column, said)}</td>`
    // A row that is marked says so in words, whatever its report says of it.
    return column.name === 'finding' && finding ? `${start}finding</td>` : empty
  }
}

function cellContent({ type }: Column, said: string | readonly string[]): string {
  if (typeof said !== 'string') return `<span>${said.map(breakable).join('; ')}</span>`
  switch (type) {
    case 'time':
      return `<span>${escaped(said).replace('T', 'T<wbr>')}</span>`
    case 'hash':
      return `<span>${escaped(said)}</span>`
    case 'status': {
      const tone = toneOf(said)
      return tone === 'plain' ? breakable(said) : `<bdi class="${tone}">${escaped(said)}</bdi>`
    }
    case 'text':
    case 'id':
    case 'list':
      return breakable(said)
    default:
      return escaped(said)
  }
}
