import type { NumberedRow, ReportHead } from '../report.ts'
import { isRightAligned, toneOf } from './cell-words.ts'
import { type DrawnColumn, layOutColumns, tableWords } from './pdf-columns.ts'
import { ink, type Sheets, sheet, type TextStyle } from './pdf-sheet.ts'
import { visible } from './visible.ts'
import { capital, grouped } from './words.ts'

const lineHeight = 1.28
const padding = 2.6
/** More than a text was measured, so that what fits exactly is not wrapped by a rounding. */
const hair = 0.01

/** So that a row fits on a page whatever its cells say. */
const linesMax = 44
const titleLinesMax = 5

/** Draws rows, the names of the columns above them on each page. No row stands on two pages. */
export async function drawTable(
  sheets: Sheets,
  { columns }: ReportHead,
  rows: readonly NumberedRow[],
): Promise<void> {
  const { left, right } = sheet
  const drawn = layOutColumns(sheets, { columns, rows, x: left + 6, width: right - left - 6 })
  const head = headOf(sheets, drawn)
  await sheets.room(head.height + 40)
  head.draw()
  for (const row of rows) {
    const cells = drawn.map((column, at) =>
      linesOf(sheets, column, tableWords(column.column, row, at)),
    )
    const size = drawn[0]?.size ?? 7
    const most = cells.reduce((lines, cell) => Math.max(lines, cell.length), 1)
    const height = most * size * lineHeight + padding * 2
    if (await sheets.room(height)) head.draw()
    drawRow(sheets, { drawn, cells, height, isMarked: row.finding })
  }
  sheets.settle()
}

function headOf(sheets: Sheets, drawn: readonly DrawnColumn[]) {
  const size = (drawn[0]?.size ?? 7) - 0.6
  const style: TextStyle = { face: 'bold', size, colour: ink.soft }
  const titles = drawn.map(({ column, width }) =>
    sheets.lines(capital(visible(column.title)), width + hair, style).slice(0, titleLinesMax),
  )
  const most = titles.reduce((lines, title) => Math.max(lines, title.length), 1)
  const height = most * size * lineHeight + 5
  const draw = () => {
    for (const [at, { column, x, width }] of drawn.entries()) {
      const title = titles[at] ?? []
      for (const [i, line] of title.entries()) {
        // They stand on the line under them.
        const y = sheets.y + height - 4 - (title.length - 1 - i) * size * lineHeight
        const inset = isRightAligned(column) ? width - sheets.measure(line, style) : 0
        sheets.say(line, { x: x + inset, y }, style)
      }
    }
    sheets.y += height
    const points = [
      [sheet.left, sheets.y],
      [sheet.right, sheets.y],
    ] as const
    sheets.stroke(points, { colour: ink.text, width: 0.8 })
  }
  return { height, draw }
}

/** Between date and time alone. */
const timeBreaks = /^T/

function linesOf(
  sheets: Sheets,
  { column, width, face, size }: DrawnColumn,
  text: string,
): string[] {
  if (text === '') return []
  const breaks = column.type === 'time' ? timeBreaks : undefined
  const lines = sheets.lines(text, width + hair, {
    face,
    size,
    ...(breaks && { breaks }),
  })
  if (lines.length <= linesMax) return lines
  const left = lines.slice(linesMax - 1).join('').length
  return [...lines.slice(0, linesMax - 1), `… ${grouped(left)} more`]
}

interface RowCells {
  readonly drawn: readonly DrawnColumn[]
  readonly cells: readonly (readonly string[])[]
  readonly height: number
  readonly isMarked: boolean
}

function drawRow(sheets: Sheets, { drawn, cells, height, isMarked }: RowCells): void {
  const { left, right } = sheet
  const top = sheets.y
  if (isMarked) {
    sheets.settle()
    // Below the line that the row before ends with.
    const box = { x: left, y: top + 0.2, height: height - 0.2 }
    sheets.fill({ ...box, width: right - left }, ink.badFill)
    sheets.fill({ ...box, width: 2 }, ink.bad)
  }
  for (const [at, column] of drawn.entries()) {
    for (const [i, line] of (cells[at] ?? []).entries()) {
      const style = styleOf(column, line)
      const y = top + padding + column.size * (0.95 + i * lineHeight)
      const inset = isRightAligned(column.column) ? column.width - sheets.measure(line, style) : 0
      sheets.say(line, { x: column.x + inset, y }, style)
    }
  }
  sheets.y = top + height
  sheets.stroke(
    [
      [left, sheets.y],
      [right, sheets.y],
    ],
    { width: 0.35 },
  )
}

function styleOf({ column, face, size }: DrawnColumn, line: string): TextStyle {
  if (column.name === 'finding') return { face, size, colour: ink.bad }
  const tone = column.type === 'status' ? toneOf(line) : 'plain'
  return { face, size, colour: tone === 'plain' ? ink.text : ink[tone] }
}
