import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Format, FormatName } from '../../src/reports/formats/format.ts'
import { type NumberedRow, type ReportTotals, shownRowsMax } from '../../src/reports/report.ts'
import type { ReportRun } from '../../src/reports/run.ts'
import { type OutputSink, writeReport } from '../../src/reports/write.ts'

/** Formats of a line a row, and at the end what was cited: of `csv` two rows fill an output. */
vi.mock('../../src/reports/formats/formats.ts', () => ({
  formatOf: async (name: FormatName): Promise<Format> => ({
    name,
    extension: name,
    mediaType: 'text/plain',
    rowsMax: name === 'csv' ? 2 : Number.POSITIVE_INFINITY,
    open: async (_head, emit, { number, of }) => {
      await emit(`${number} of ${of}\n`)
      return {
        rows: async (batch) => {
          for (const { cells } of batch) await emit(`${cells.join()}\n`)
        },
        end: async ({ csv }) => emit(csv.map(({ name: cited }) => `${cited}\n`).join('')),
      }
    },
  }),
}))

let files: Map<string, string>
const sink: OutputSink = {
  open: async (name) => {
    files.set(name, '')
    return {
      write: async (piece) => {
        files.set(name, files.get(name) + Buffer.from(piece).toString())
      },
      end: async () => undefined,
      abort: async () => {
        files.delete(name)
      },
    }
  },
}

beforeEach(() => {
  files = new Map()
})

/** A run of so many rows, in batches of three, whose number is known beforehand or not. */
function runOf(count: number, about: Partial<ReportRun> = {}): ReportRun {
  const rows: NumberedRow[] = Array.from({ length: count }, (_, i) => ({
    cells: [i + 1],
    finding: false,
  }))
  const population = { first: 0, last: 9, events: 10, gaps: 0 } as const
  return {
    head: {} as ReportRun['head'],
    rowsMost: count,
    exact: true,
    ...about,
    async *rows() {
      for (let at = 0; at < count; at += 3) yield rows.slice(at, at + 3)
      return { rowCount: count, findings: 0, population, charts: [] }
    },
  }
}

describe('outputs of a report', () => {
  it.each([
    { exact: true, rowsMost: 5 },
    { exact: false, rowsMost: 100 },
  ])('are as many as its rows fill, each told its number (%j)', async (about) => {
    const written = await writeReport(runOf(5, about), { formats: ['csv'], name: 'r', sink })
    expect(Object.fromEntries(files)).toEqual({
      'r-1-of-3.csv': '1 of 3\n1\n2\n',
      'r-2-of-3.csv': '2 of 3\n3\n4\n',
      'r-3-of-3.csv': '3 of 3\n5\n',
    })
    for (const { name, bytes, sha256 } of written.outputs) {
      const content = files.get(name) ?? ''
      expect(bytes).toBe(content.length)
      expect(sha256).toBe(createHash('sha256').update(content).digest('hex'))
    }
  })

  it.each([
    [0, ['r.csv']],
    [2, ['r.csv']],
    [3, ['r-1-of-2.csv', 'r-2-of-2.csv']],
  ])('of %i rows are %j', async (count, names) => {
    await writeReport(runOf(count), { formats: ['csv'], name: 'r', sink })
    expect([...files.keys()]).toEqual(names)
  })

  it('name the CSV in what is for reading, once it has ended', async () => {
    await writeReport(runOf(3), { formats: ['html', 'csv'], name: 'r', sink })
    expect(files.get('r.html')).toBe('1 of 1\n1\n2\n3\nr-1-of-2.csv\nr-2-of-2.csv\n')
  })

  it('name a CSV that nobody asked for where they cannot show every row, and do not write it', async () => {
    const long = runOf(3, { exact: false, rowsMost: shownRowsMax + 1 })
    const { totals, outputs } = await writeReport(long, { formats: ['html'], name: 'r', sink })
    expect([...files.keys()]).toEqual(['r.html'])
    expect(outputs.map(({ name }) => name)).toEqual(['r.html'])
    const named = totals.csv.map(({ name }) => name)
    expect(named).toEqual(['r-1-of-2.csv', 'r-2-of-2.csv'])
    const asked = await writeReport(long, { formats: ['csv'], name: 'r', sink })
    expect(totals.csv).toEqual(asked.outputs.map(({ name, sha256 }) => ({ name, sha256 })))
  })

  it('are one of each format, however often it is asked for', async () => {
    const { outputs } = await writeReport(runOf(1), { formats: ['json', 'json'], name: 'r', sink })
    expect(outputs).toHaveLength(1)
  })

  it('are gone where what comes after them fails', async () => {
    const finish = async ({ totals }: { totals: ReportTotals }) => {
      expect(totals.rowCount).toBe(3)
      throw new Error('no room for the manifest')
    }
    const how = { formats: ['csv', 'json'] as const, name: 'r', sink, finish }
    await expect(writeReport(runOf(3), how)).rejects.toThrow('no room for the manifest')
    expect([...files.keys()]).toEqual([])
  })
})
