import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fc, test } from '@fast-check/vitest'
import Papa from 'papaparse'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { canonicalJson } from '../../src/reports/canonical.ts'
import { csv } from '../../src/reports/formats/csv.ts'
import { csvCell } from '../../src/reports/formats/csv-cells.ts'
import type { Format } from '../../src/reports/formats/format.ts'
import { formatNames } from '../../src/reports/formats/format.ts'
import { formatOf } from '../../src/reports/formats/formats.ts'
import { json } from '../../src/reports/formats/json.ts'
import { jsonLines } from '../../src/reports/formats/json-lines.ts'
import { durationWords, isoTime } from '../../src/reports/formats/time.ts'
import { visible } from '../../src/reports/formats/visible.ts'
import type { Cell, Column, ColumnType } from '../../src/reports/report.ts'
import {
  emptySample,
  hexOf,
  hostileNames,
  hostileSample,
  oneRowSample,
  type ReportSample,
  thirtySample,
  written,
} from '../fixtures/report-sample.ts'

const samples: readonly (readonly [string, () => ReportSample])[] = [
  ['no row', emptySample],
  ['one row', oneRowSample],
  ['thirty rows', thirtySample],
  ['hostile names', hostileSample],
]

describe('a format', () => {
  it.each(formatNames)('named %s says so, and how its files are called', async (name) => {
    const format = await formatOf(name)
    expect(format).toMatchObject({ name, extension: name })
    expect(format.mediaType).toMatch(/^[a-z]+\/[a-z+]+/)
    expect(format.rowsMax).toBeGreaterThan(1_000_000)
  })

  it('loads what a PDF takes for a PDF alone', async () => {
    vi.resetModules()
    vi.doMock('pdfkit', () => {
      throw new Error('pdfkit was loaded')
    })
    const fresh = await import('../../src/reports/formats/formats.ts')
    for (const name of ['json', 'jsonl', 'csv', 'html'] as const) {
      await expect(fresh.formatOf(name)).resolves.toMatchObject({ name })
    }
    await expect(fresh.formatOf('pdf')).rejects.toThrow()
    vi.doUnmock('pdfkit')
    vi.resetModules()
  })

  it.each(formatNames)('%s writes the same bytes however its rows are batched', async (name) => {
    const format = await formatOf(name)
    for (const [, sample] of samples) {
      const whole = await written(format, sample(), { batch: 1000 })
      expect(whole.equals(await written(format, sample(), { batch: 7 }))).toBe(true)
    }
  })

  it.each(formatNames)('%s waits for what takes its bytes', async (name) => {
    const format = await formatOf(name)
    let [under, most] = [0, 0]
    await written(format, thirtySample(), {
      batch: 5,
      onPiece: async () => {
        under += 1
        most = Math.max(most, under)
        await new Promise((resolve) => setImmediate(resolve))
        under -= 1
      },
    })
    expect(most).toBe(1)
  })

  it.each(formatNames)('%s fails with what takes its bytes', async (name) => {
    const format = await formatOf(name)
    const full = () => Promise.reject(new Error('the disk is full'))
    const emitted = (format: Format) =>
      written(format, thirtySample(), { onPiece: full }).then(() => 'written')
    await expect(emitted(format)).rejects.toThrow('the disk is full')
  })
})

describe('json', () => {
  it.each(samples)('of %s is canonical', async (_, sample) => {
    const text = (await written(json, sample())).toString()
    expect(canonicalJson(JSON.parse(text))).toBe(text)
  })

  it('has head, rows and totals, times as ISO 8601', async () => {
    const { head, rows, totals } = thirtySample()
    const document = JSON.parse((await written(json, thirtySample())).toString())
    const { rows: written30, totals: writtenTotals, ...rest } = document
    expect(rest).toEqual({
      ...head,
      asOf: { position: 41_007, time: '2026-04-01T00:00:00.123Z' },
      range: { from: 0, to: 41_007, fromTime: '2025-02-05T00:00:00.123Z' },
    })
    expect(writtenTotals).toEqual(totals)
    expect(written30).toHaveLength(rows.length)
    expect(written30[2]).toMatchObject({
      row: 3,
      age: expect.any(Number),
      due: expect.stringMatching(/^2026-03-26T\d\d:/),
      readers: ['svc/billing', 'svc/ledger-worker'],
      finding: 'overdue by 5 days',
      leaf_hash: hexOf(2),
    })
    expect(written30[0]).toMatchObject({ finding: null })
  })
})

describe('json lines', () => {
  it('are the rows of the document, one by one, and nothing else', async () => {
    for (const [, sample] of samples) {
      const lines = (await written(jsonLines, sample())).toString().split('\n')
      expect(lines.pop()).toBe('')
      const { rows } = JSON.parse((await written(json, sample())).toString())
      expect(lines.map((line) => JSON.parse(line))).toEqual(rows)
      expect(lines).toEqual(rows.map(canonicalJson))
    }
  })
})

const column = (type: ColumnType): Column => ({ name: 'it', title: 'it', type })
const asText = (text: Cell) => csvCell(column('text'), text)

describe('a cell of csv', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\uff1d1', "'\uff1d1"],
    ['\uff0b1', "'\uff0b1"],
    ['\uff0d1', "'\uff0d1"],
    ['\uff20A', "'\uff20A"],
    ['\tx', "'\tx"],
    ['\rx', "'\rx"],
    ['\nx', "'\nx"],
    ['  =1', "  '=1"],
    ['\u2060=1', "\u2060'=1"],
    ['a;=1', "a;'=1"],
    ['a;  @x', "a;  '@x"],
    ['a\n-1', "a\n'-1"],
    ['a\t=1', "a\t'=1"],
    ['a=1, b-2', 'a=1, b-2'],
    ['prod/db', 'prod/db'],
    ["'quoted'", "'quoted'"],
  ])('%j is written as %j: no formula begins in it', (text, cell) => {
    expect(asText(text)).toBe(cell)
  })

  it.each([
    ['00012', "'00012"],
    ['1234567890123456', "'1234567890123456"],
    ['1e5', "'1e5"],
    ['1.5E+10', "'1.5E+10"],
    ['123456789012345', '123456789012345'],
    ['0.5', '0.5'],
    ['10.20.0.17', '10.20.0.17'],
    ['2026-04-01', '2026-04-01'],
  ])('%j is written as %j: no digit is lost', (text, cell) => {
    expect(asText(text)).toBe(cell)
  })

  it.each([
    ['secret.accessed', 'secret.accessed'],
    ['database_password', 'database_password'],
    ['01978a5c-3f1e-7c44-9a0b-2d5e8f617c30', '01978a5c-3f1e-7c44-9a0b-2d5e8f617c30'],
    [hexOf(1), hexOf(1)],
    ['12345678901234567890', 'id:12345678901234567890'],
    ['123456789012345678e1', 'id:123456789012345678e1'],
    ['007', 'id:007'],
    ['mar-1', 'id:mar-1'],
    ['TRUE', 'id:TRUE'],
    ['NaN', 'id:NaN'],
    ['id:7', 'id:id:7'],
    ['=1', 'id:=1'],
    ['=a', "'=a"],
    ['', ''],
  ])('an id %j is written as %j: nobody takes it for a number or a date', (text, cell) => {
    expect(csvCell(column('id'), text)).toBe(cell)
    expect(csvCell(column('hash'), text)).toBe(cell)
  })

  it('keeps numbers numbers, negative ones too, and writes times, durations and lists', () => {
    expect(csvCell(column('number'), -5)).toBe(-5)
    expect(csvCell(column('position'), 41_007)).toBe(41_007)
    expect(csvCell(column('duration'), 90_000)).toBe(90_000)
    expect(csvCell(column('time'), 0)).toBe('1970-01-01T00:00:00.000Z')
    expect(csvCell(column('list'), ['a', 'b'])).toBe('a; b')
    expect(csvCell(column('list'), ['a', '=b'])).toBe("a; '=b")
    expect(csvCell(column('list'), [])).toBe('')
    expect(csvCell(column('text'), null)).toBe('')
  })

  it('shows controls and marks of direction, and leaves breaks of lines', () => {
    expect(asText('a\u0000b\u202ec\u001b')).toBe('a\\u{0}b\\u{202e}c\\u{1b}')
    expect(asText('a\r\nb\tc')).toBe('a\r\nb\tc')
  })

  test.prop([fc.string({ unit: 'binary' }), fc.constantFrom<ColumnType>('text', 'id', 'status')])(
    'never begins with what a spreadsheet computes',
    (text, type) => {
      expect(String(csvCell(column(type), text))).not.toMatch(
        /^[\s\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u,
      )
    },
  )

  it('takes no longer for a long text than its length asks', () => {
    const began = performance.now()
    asText('\t'.repeat(200_000))
    asText(`${'1,'.repeat(100_000)}x`)
    asText(`${' '.repeat(200_000)}=`)
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('csv', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muniment-csv-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** The table as any reader must see it. */
  function tableOf({ head, rows }: ReportSample): string[][] {
    const cells = rows.map(({ cells }) =>
      head.columns.map((each, i) => String(csvCell(each, cells[i]))),
    )
    return [head.columns.map(({ name }) => name), ...cells]
  }

  it('has a byte order mark, the names of the columns first, and lines that end in CRLF', async () => {
    const text = (await written(csv, oneRowSample())).toString()
    expect(text).toMatch(/^\ufeffrow,path,owner,[a-z_,]+\r\n1,prod\/[^\n]+\r\n$/)
  })

  it('has nothing but names where there is no row', async () => {
    expect((await written(csv, emptySample())).toString()).toMatch(/^\ufeffrow,[a-z_,]+\r\n$/)
  })

  it('begins each of several files with the names', async () => {
    const { head } = oneRowSample()
    for (const number of [1, 2]) {
      const pieces: string[] = []
      const emit = async (piece: string | Uint8Array) => void pieces.push(String(piece))
      await csv.open(head, emit, { number, of: 2 })
      expect(pieces.join('')).toMatch(/^\ufeffrow,path,/)
    }
  })

  it.each(samples)('of %s is read back by papaparse', async (_, sample) => {
    const text = (await written(csv, sample())).toString()
    const { data, errors } = Papa.parse<string[]>(text.slice(1), { skipEmptyLines: 'greedy' })
    expect(errors).toEqual([])
    expect(data).toEqual(tableOf(sample()))
  })

  const run = promisify(execFile)
  const has = (binary: string) => {
    try {
      execFileSync(binary, ['--version'], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  }

  describe.skipIf(!has('python3'))('NEEDS python3, which is not here: skipped if so', () => {
    it.each(samples)('csv of %s is read back by the csv module of Python', async (_, sample) => {
      const file = join(folder, 'python.csv')
      await writeFile(file, await written(csv, sample()))
      const script =
        'import csv,json,sys;print(json.dumps(list(csv.reader(open(sys.argv[1],encoding="utf-8-sig",newline="")))))'
      const { stdout } = await run('python3', ['-c', script, file])
      expect(JSON.parse(stdout)).toEqual(tableOf(sample()))
    })
  })

  describe.skipIf(!has('sqlite3'))('NEEDS sqlite3, which is not here: skipped if so', () => {
    it.each(samples.slice(1))('csv of %s is read back by SQLite', async (_, sample) => {
      const file = join(folder, 'sqlite.csv')
      await writeFile(file, await written(csv, sample()))
      const script = ['.mode json', `.import --csv ${file} it`, 'select * from it;']
      const { stdout } = await run('sqlite3', [':memory:', ...script])
      const found = JSON.parse(stdout).map((row: Record<string, string>) => Object.values(row))
      expect(found).toEqual(tableOf(sample()).slice(1))
    })
  })
})

describe('visible text', () => {
  it.each([
    ['svc/billing', 'svc/billing'],
    ['Zoë 密码 שלום 🔑', 'Zoë 密码 שלום 🔑'],
    ['a\u202eb', 'a\\u{202e}b'],
    ['a\u00a0b', 'a\\u{a0}b'],
    ['a\u3164b', 'a\\u{3164}b'],
    ['\ud800', '\\u{d800}'],
    ['\n', '\\u{a}'],
    [`e${'\u0301'.repeat(5)}`, `e${'\u0301'.repeat(4)}\\u{301}`],
  ])('of %j is %j', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })

  it('of hostile names has nothing that hides or turns', () => {
    for (const name of hostileNames) {
      expect(visible(name)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      expect(visible(visible(name))).toBe(visible(name))
    }
  })
})

describe('times and durations', () => {
  it('are what they are, and no error where they are none', () => {
    expect(isoTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02T03:04:05.006Z')
    expect(isoTime(8.64e15 + 1)).toBe('8640000000000001')
    expect(isoTime(Number.NaN)).toBe('NaN')
  })

  it.each([
    [0, '0 s'],
    [5, '5 ms'],
    [90 * 24 * 3600_000, '90 d'],
    [95 * 24 * 3600_000 + 2 * 3600_000 + 59_000, '95 d 2 h'],
    [3_600_000 + 1000, '1 h'],
    [-90_000, '−1 min 30 s'],
  ])('%i ms is %s', (ms, words) => {
    expect(durationWords(ms)).toBe(words)
  })
})
