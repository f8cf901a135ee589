import { VaultError } from '../errors.ts'
import {
  type Cell,
  type NumberedRow,
  ownColumns,
  type ReportHead,
  type ReportRow,
} from './report.ts'
import type { RunTotals } from './run.ts'

/** Numbers the rows of a report from 1, and counts what is found in them. */
export interface RowCounter {
  /** Throws `INVALID` where a cell holds what no format can write. */
  add(row: ReportRow, leaf: string | null): NumberedRow
  totals(): Omit<RunTotals, 'charts'>
}

export function rowCounter(head: ReportHead): RowCounter {
  const { range } = head
  let rowCount = 0
  let findings = 0
  return {
    add: (row, leaf) => {
      rowCount++
      const cells = cellsOf(head, row, { row: rowCount, leaf })
      const finding = head.judges && isFound(row.finding)
      if (finding) findings++
      return { cells, finding }
    },
    totals: () => ({
      rowCount,
      findings,
      population: {
        first: range.from,
        last: range.to,
        events: Math.max(0, range.to - range.from + 1),
        gaps: 0,
      },
    }),
  }
}

/**
 * The event that a row rests on; null where it rests on none. Throws `INVALID` for what is no position of the report:
 * whoever looks its hash up has this first.
 */
export function positionOf(head: ReportHead, row: ReportRow, number: number): number | null {
  const { position } = expectRow(head, row, number)
  const { to } = head.range
  if (position === null) return null
  if (Number.isSafeInteger(position) && position >= 0 && position <= to) return position
  const expected = `null or an integer from 0 to ${to}`
  const found = typeof position === 'number' ? 'another number' : typeNameOf(position)
  throw refused(head, { row: number, column: 'position' }, `expected ${expected}, found ${found}`)
}

function expectRow(head: ReportHead, row: ReportRow, number: number): ReportRow {
  const { cells }: { cells?: unknown } = Object(row)
  if (typeof cells === 'object' && cells !== null) return row
  throw new VaultError('INVALID', `report ${head.report}, row ${number}: expected a row with cells`)
}

function cellsOf(
  head: ReportHead,
  row: ReportRow,
  { row: number, leaf }: { readonly row: number; readonly leaf: string | null },
): readonly Cell[] {
  const { finding = null } = row
  const position = positionOf(head, row, number)
  return head.columns.map(({ name: column }) => {
    const at = { row: number, column }
    if (!ownColumns.has(column)) return expectCell(head, at, cellOf(row, column))
    if (column === 'row') return number
    if (column === 'position') return position
    if (column === 'leaf_hash') return leaf
    if (finding === null || typeof finding === 'string') return finding === '' ? null : finding
    throw refused(head, at, `expected a string, found ${typeNameOf(finding)}`)
  })
}

/** Of the row itself: what every object inherits is no cell. */
function cellOf({ cells }: ReportRow, column: string): Cell {
  return Object.hasOwn(cells, column) ? (cells[column] ?? null) : null
}

function expectCell(head: ReportHead, at: At, cell: Cell): Cell {
  const isOne =
    cell === null ||
    typeof cell === 'string' ||
    Number.isFinite(cell) ||
    (Array.isArray(cell) && cell.every((item) => typeof item === 'string'))
  if (isOne) return cell
  const expected = 'a string, a finite number, a list of strings or null'
  throw refused(head, at, `expected ${expected}, found ${typeNameOf(cell)}`)
}

function isFound(finding: string | undefined): boolean {
  return typeof finding === 'string' && finding !== ''
}

interface At {
  readonly row: number
  readonly column: string
}

function refused({ report }: ReportHead, { row, column }: At, words: string): VaultError {
  return new VaultError('INVALID', `report ${report}, row ${row}, column ${column}: ${words}`)
}

function typeNameOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list of others'
  return typeof value === 'number' ? `${value}` : `another ${typeof value}`
}
