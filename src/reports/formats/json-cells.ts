import type { Cell, Column, NumberedRow, ReportHead } from '../report.ts'
import { isoTime } from './time.ts'

/** Cells by the names of their columns; times as ISO 8601, all else as it is. */
export type JsonRow = Readonly<Record<string, Cell>>

export function jsonRow({ columns }: ReportHead, { cells }: NumberedRow): JsonRow {
  return Object.fromEntries(columns.map((column, i) => [column.name, jsonCell(column, cells[i])]))
}

function jsonCell({ type }: Column, cell: Cell | undefined): Cell {
  return type === 'time' && typeof cell === 'number' ? isoTime(cell) : (cell ?? null)
}
