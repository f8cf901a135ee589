import { type NumberedRow, type ReportHead, shownRowsMax } from '../report.ts'

/** Rows of one finding, in their words where all of them say the same, else with figures and dates left out. */
export interface FindingGroup {
  readonly finding: string
  readonly count: number
  /** The numbers of the first of them. */
  readonly rows: readonly number[]
}

/** How often each word of a column of type `status` occurs. */
export interface Tally {
  readonly title: string
  readonly counts: readonly (readonly [word: string, count: number])[]
}

/** A reader is to see what was found, not to scroll through it. */
const groupsMax = 12
/** Figures and dates, which tell two rows of one finding apart. */
const figures = /\d[\d.,:TZ-]*/g
/** Rows that a group names. */
const namedMax = 24
/** A column of more words than this has no few states to count. */
const wordsMax = 32

/**
 * The rows that a format for reading shows: all of them, or, of a report with more than `shownRowsMax`, the first with
 * findings. Holds no more than that many, and counts the rest.
 */
export class ShownRows {
  readonly #finding: number
  readonly #number: number
  readonly #tallies: { index: number; title: string; counts: Map<string, number> }[]
  readonly #groups = new Map<string, { finding: string; count: number; rows: number[] }>()
  #rows: NumberedRow[] = []
  #count = 0
  #otherFindings = 0

  constructor({ columns }: ReportHead) {
    this.#finding = columns.findIndex(({ name }) => name === 'finding')
    this.#number = columns.findIndex(({ name }) => name === 'row')
    this.#tallies = [...columns.entries()]
      .filter(([, { type }]) => type === 'status')
      .map(([index, { title }]) => ({ index, title, counts: new Map() }))
  }

  /** Whether every row of the report is shown. */
  get isComplete(): boolean {
    return this.#count <= shownRowsMax
  }

  get rows(): readonly NumberedRow[] {
    return this.#rows
  }

  get tallies(): readonly Tally[] {
    return this.#tallies
      .filter(({ counts }) => counts.size > 0 && counts.size <= wordsMax)
      .map(({ title, counts }) => ({ title, counts: [...counts].sort(byCount) }))
  }

  /** What was found, the most frequent first. */
  get findings(): readonly FindingGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count)
  }

  /** Rows whose findings were of too many kinds to be told apart. */
  get otherFindings(): number {
    return this.#otherFindings
  }

  add(batch: readonly NumberedRow[]): void {
    for (const row of batch) {
      this.#count += 1
      // From here on not every row can be shown, and those without a finding make room for those with one.
      if (this.#count === shownRowsMax + 1) this.#rows = this.#rows.filter(({ finding }) => finding)
      if ((this.isComplete || row.finding) && this.#rows.length < shownRowsMax) this.#rows.push(row)
      if (row.finding) this.#group(row)
      for (const { index, counts } of this.#tallies) countWord(counts, row.cells[index])
    }
  }

  #group({ cells }: NumberedRow): void {
    const said = cells[this.#finding]
    const finding = typeof said === 'string' && said !== '' ? said : 'finding'
    const kind = finding.replaceAll(figures, '…')
    const known = this.#groups.get(kind)
    if (known === undefined && this.#groups.size >= groupsMax) {
      this.#otherFindings += 1
      return
    }
    const group = known ?? { finding, count: 0, rows: [] }
    if (group.finding !== finding) group.finding = kind
    group.count += 1
    const number = cells[this.#number]
    if (group.rows.length < namedMax && typeof number === 'number') group.rows.push(number)
    this.#groups.set(kind, group)
  }
}

function countWord(counts: Map<string, number>, cell: NumberedRow['cells'][number] | undefined) {
  if (typeof cell !== 'string' || (counts.size > wordsMax && !counts.has(cell))) return
  counts.set(cell, (counts.get(cell) ?? 0) + 1)
}

function byCount([a, aCount]: [string, number], [b, bCount]: [string, number]): number {
  return bCount - aCount || (a < b ? -1 : 1)
}
