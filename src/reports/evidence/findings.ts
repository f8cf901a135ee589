import { cellWords } from '../formats/cell-words.ts'
import type { NumberedRow, ReportHead } from '../report.ts'
import type { ReportRun, RunTotals } from '../run.ts'

/** What somebody has to look at, and where it stands. */
export interface Finding {
  /** Number of its row in the report. */
  readonly row: number
  readonly words: string
  /** What the row is about, of its first columns. */
  readonly about: string
  /** The event that it rests on. */
  readonly position: number | null
}

/** Columns whose cells say what a row is about. */
const aboutColumns = 2

/** The same run, and the first `most` findings of its rows once those have gone by. */
export function keepFindings(
  run: ReportRun,
  most: number,
): { readonly run: ReportRun; readonly findings: () => readonly Finding[] } {
  let kept: Finding[] = []
  async function* rows(): AsyncGenerator<readonly NumberedRow[], RunTotals, void> {
    // Rows may be gone through more than once, for their number, and are the same each time.
    kept = []
    const all = run.rows()
    for (;;) {
      const next = await all.next()
      if (next.done === true) return next.value
      for (const row of next.value) {
        if (row.finding && kept.length < most) kept.push(findingOf(run.head, row))
      }
      yield next.value
    }
  }
  return { run: { ...run, rows }, findings: () => kept }
}

function findingOf({ columns }: ReportHead, { cells }: NumberedRow): Finding {
  const cellOf = (name: string) => cells[columns.findIndex((column) => column.name === name)]
  const words = columns
    .slice(1, 1 + aboutColumns)
    .map((column, i) => [cellWords(column, cells[i + 1])].flat().join(', '))
  const [row, finding, position] = ['row', 'finding', 'position'].map(cellOf)
  return {
    row: typeof row === 'number' ? row : 0,
    words: typeof finding === 'string' ? finding : '',
    about: words.filter((each) => each !== '').join(', '),
    position: typeof position === 'number' ? position : null,
  }
}
