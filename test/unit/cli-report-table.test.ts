import { describe, expect, it } from 'vitest'
import type { Cli } from '../../src/cli/cli.ts'
import {
  leftOut,
  neededColumns,
  reportNames,
  reportWords,
  shownOf,
} from '../../src/cli/report-table.ts'
import { clipped } from '../../src/cli/text.ts'
import { span, wallClock } from '../../src/cli/when.ts'
import type { NumberedRow, ReportHead } from '../../src/index.ts'
import { builtInReports } from '../../src/reports/contents/catalogue.ts'

const cli = {
  globals: { tz: 'UTC' },
  exact: (at: Date) => wallClock(at, 'UTC'),
} as Cli

const time = Date.parse('2026-03-31T17:30:00Z')

const head: ReportHead = {
  report: 'own',
  version: 1,
  title: 'Own',
  question: 'What is there?',
  span: 'moment',
  origin: 'muniment/0/0',
  params: {},
  asOf: { position: 41, time },
  range: { from: 0, to: 41, fromTime: time - 1000 },
  head: { size: 42, root: '00' },
  columns: [
    { name: 'row', title: '#', type: 'number' },
    { name: 'path', title: 'path', type: 'text' },
    { name: 'seen', title: 'seen', type: 'time' },
    { name: 'age', title: 'age', type: 'duration' },
    { name: 'kinds', title: 'kinds', type: 'list' },
    { name: 'never', title: 'never', type: 'text' },
    { name: 'finding', title: 'finding', type: 'text' },
    { name: 'leaf_hash', title: 'leaf hash', type: 'hash' },
  ],
  judges: true,
}

function rowOf(number: number, path: string, finding?: string): NumberedRow {
  return {
    cells: [number, path, time, 90_061_000, ['a', 'b'], null, finding ?? null, 'ff'],
    finding: finding !== undefined,
  }
}

function shown(rows: readonly NumberedRow[], of: Partial<ReportHead> = {}) {
  const findings = rows.filter(({ finding }) => finding).length
  const population = { first: 0, last: 41, events: 42, gaps: 0 as const }
  return shownOf({
    head: { ...head, ...of },
    rowsMost: rows.length,
    exact: true,
    rows: async function* () {
      for (const row of rows) yield [row]
      return { rowCount: rows.length, findings, population, charts: [] }
    },
  })
}

describe('a report as people read it', () => {
  it('has the columns that hold something, and marks what is found', async () => {
    const report = await shown([rowOf(1, 'a'), rowOf(2, 'b\u001b[2J', 'is late')])
    expect(reportWords(cli, report)).toBe(
      [
        'Own: What is there?',
        'as of  position 41, 2026-03-31 17:30:00 UTC',
        '',
        '   #  path        seen (UTC)           age      kinds  finding',
        '   1  a           2026-03-31 17:30:00  1 d 1 h  a, b   -',
        '!  2  b\\u{1b}[2J  2026-03-31 17:30:00  1 d 1 h  a, b   is late',
        '',
        '2 rows of 42 events, none missing; 1 finding',
      ].join('\n'),
    )
    expect(leftOut(report)).toBeUndefined()
  })

  it('of a range without events says so, and of no rows has no table', async () => {
    const range = { from: 42, to: 41, fromTime: time }
    const words = reportWords(cli, await shown([], { range, span: 'range', judges: false }))
    expect(words).toBe(
      [
        'Own: What is there?',
        'from  nothing: no event is so late',
        'to    position 41, 2026-03-31 17:30:00 UTC',
        '',
        '0 rows of 42 events, none missing',
      ].join('\n'),
    )
  })

  it('has of many rows those with findings, in the order of all', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => {
      return rowOf(i + 1, 'x', i % 100 === 99 ? 'late' : undefined)
    })
    const report = await shown(rows)
    const numbers = report.rows.map(({ cells: [number] }) => number)
    expect(numbers).toHaveLength(200)
    expect(numbers).toEqual([...numbers].sort((a, b) => Number(a) - Number(b)))
    expect(report.rows.filter(({ finding }) => finding)).toHaveLength(10)
    expect(leftOut(report)).toBe(
      'only 200 of 1,000 rows are shown, those with findings before others',
    )
    expect(leftOut(await shown(rows.filter(({ finding }) => !finding)))).toBe(
      'only the first 200 of 990 rows are shown',
    )
  })

  it('is one that there is, and none is left out', () => {
    expect(reportNames).toEqual(builtInReports.map(({ definition }) => definition.name))
  })

  it.each(builtInReports.map(({ definition }) => definition))(
    'knows which columns of $name people need',
    ({ name, columns }) => {
      const names = columns.map((column) => column.name)
      const needed = neededColumns[name] ?? []
      expect(needed.length).toBeGreaterThan(4)
      expect(needed.filter((each) => each !== 'position' && !names.includes(each))).toEqual([])
    },
  )
})

describe('cells', () => {
  it.each([
    [0, '0 s'],
    [999, '0 s'],
    [1000, '1 s'],
    [90_061_000, '1 d 1 h'],
    [3_600_000 + 59_000, '1 h'],
    [7_776_000_000, '90 d'],
  ])('say a duration of %d ms as %s', (ms, words) => {
    expect(span(ms)).toBe(words)
  })

  it('are clipped by the width that they take', () => {
    expect(clipped('abcdef', 6)).toBe('abcdef')
    expect(clipped('abcdefg', 6)).toBe('abcde…')
    expect(clipped('日本語文', 6)).toBe('日本…')
  })
})
