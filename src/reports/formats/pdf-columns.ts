import type { Column, NumberedRow } from '../report.ts'
import { cellWords } from './cell-words.ts'
import type { Face } from './pdf-fonts.ts'
import type { Sheets } from './pdf-sheet.ts'
import { visible } from './visible.ts'
import { capital } from './words.ts'

/** A column as it is drawn. */
export interface DrawnColumn {
  readonly column: Column
  readonly x: number
  readonly width: number
  readonly face: Face
  readonly size: number
}

/** Digits of a hash that a table shows; the CSV has them all. */
export const hashDigits = 16
const columnGap = 7

/** Rows that the widths are taken from, spread evenly. */
const sampleMost = 300
const textWidthMax = 210

/** What a cell says in a table, in one text. */
export function tableWords(column: Column, { cells, finding }: NumberedRow, at: number): string {
  const said = cellWords(column, cells[at])
  const text = typeof said === 'string' ? said : said.join('; ')
  if (column.type === 'hash') return text.slice(0, hashDigits)
  // A row that is marked says so in words, whatever its report says of it.
  return text === '' && finding && column.name === 'finding' ? 'finding' : text
}

/** Columns from `x` on, as wide together as `width` at the most, from what their names and a sample of rows need. */
export function layOutColumns(
  sheets: Sheets,
  {
    columns,
    rows,
    x,
    width,
  }: {
    readonly columns: readonly Column[]
    readonly rows: readonly NumberedRow[]
    readonly x: number
    readonly width: number
  },
): DrawnColumn[] {
  const room = width - columnGap * (columns.length - 1)
  const sample = spread(rows)
  for (const size of [7, 6.4, 5.8]) {
    const needs = columns.map((column, at) => needOf(sheets, { column, at, sample, size }))
    if (sum(needs.map(({ least }) => least)) > room && size > 5.8) continue
    return placed(columns, { widths: shared(needs, room), x, size })
  }
  return []
}

interface Need {
  /** That no word is cut. */
  readonly least: number
  /** That nothing is wrapped. */
  readonly most: number
  readonly grows: boolean
}

function needOf(
  sheets: Sheets,
  {
    column,
    at,
    sample,
    size,
  }: {
    readonly column: Column
    readonly at: number
    readonly sample: readonly NumberedRow[]
    readonly size: number
  },
): Need {
  const style = { face: faceOf(column), size }
  const title = capital(visible(column.title))
  const titleWords = title
    .split(' ')
    .map((word) => sheets.measure(word, { face: 'bold', size: size - 0.6 }))
  let least = Math.min(60, Math.max(...titleWords))
  let most = least
  for (const row of sample) {
    const text = tableWords(column, row, at)
    most = Math.max(most, sheets.measure(text, style))
    // A part is as long as it goes without a place to break at; one that is longer than this is cut.
    for (const part of partsOf(column, text)) {
      least = Math.max(least, Math.min(72, sheets.measure(part, style)))
    }
  }
  const grows = column.type === 'text' || column.type === 'list'
  return { least, most: Math.max(least, Math.min(most, textWidthMax)), grows }
}

function partsOf({ type }: Column, text: string): string[] {
  if (type === 'time') return text.split(/(?<=T)/)
  if (type === 'duration') return [text]
  return text.split(/(?<=[-/_:;,@ ])|(?<=\.)(?=\p{L})/u)
}

/** Everybody has the least; what is left goes to those who lack most, and then to texts. */
function shared(needs: readonly Need[], room: number): number[] {
  const least = sum(needs.map((need) => need.least))
  if (least > room) return needs.map((need) => (need.least * room) / least)
  const most = sum(needs.map((need) => need.most))
  if (most > room) {
    const part = (room - least) / (most - least)
    return needs.map((need) => need.least + (need.most - need.least) * part)
  }
  const growing = needs.filter(({ grows }) => grows).length
  const extra = growing === 0 ? 0 : Math.min(60, (room - most) / growing)
  return needs.map((need) => need.most + (need.grows ? extra : 0))
}

function placed(
  columns: readonly Column[],
  {
    widths,
    x,
    size,
  }: { readonly widths: readonly number[]; readonly x: number; readonly size: number },
): DrawnColumn[] {
  let left = x
  return columns.map((column, at) => {
    const width = widths[at] ?? 0
    const drawn = { column, x: left, width, face: faceOf(column), size: sizeOf(column, size) }
    left += width + columnGap
    return drawn
  })
}

function faceOf({ type, name }: Column): Face {
  if (name === 'finding') return 'bold'
  return type === 'hash' ? 'mono' : 'sans'
}

function sizeOf({ type }: Column, size: number): number {
  return type === 'hash' ? size - 0.6 : size
}

function spread(rows: readonly NumberedRow[]): NumberedRow[] {
  const step = Math.max(1, Math.ceil(rows.length / sampleMost))
  return rows.filter((_, at) => at % step === 0)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
