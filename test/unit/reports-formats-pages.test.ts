import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { html } from '../../src/reports/formats/html.ts'
import { style } from '../../src/reports/formats/html-style.ts'
import { pdf } from '../../src/reports/formats/pdf.ts'
import { nameBreaks, wrap } from '../../src/reports/formats/pdf-wrap.ts'
import { ShownRows } from '../../src/reports/formats/shown-rows.ts'
import { shownRowsMax } from '../../src/reports/report.ts'
import {
  asOfTime,
  hexOf,
  hostileSample,
  listingSample,
  manySample,
  type ReportSample,
  sampleRoot,
  thirtySample,
  written,
} from '../fixtures/report-sample.ts'

const page = async (sample: ReportSample) => (await written(html, sample)).toString()
const rowsIn = (text: string) => text.match(/<tr id="row-\d+"/g)?.length ?? 0

describe('rows that are shown', () => {
  it('are all of them up to the bound', () => {
    const { head, rows } = manySample(shownRowsMax)
    const shown = new ShownRows(head)
    shown.add(rows)
    expect(shown.isComplete).toBe(true)
    expect(shown.rows).toEqual(rows)
  })

  it('are those with findings past it, and no more than the bound', () => {
    const { head, rows } = manySample(shownRowsMax + 1)
    const shown = new ShownRows(head)
    shown.add(rows)
    expect(shown.isComplete).toBe(false)
    expect(shown.rows).toEqual(rows.filter(({ finding }) => finding))
    const found = rows.filter(({ finding }) => finding)
    for (let i = 0; i < 20; i++) shown.add(found)
    expect(shown.rows).toHaveLength(shownRowsMax)
  })

  it('are counted by status and by finding, the most frequent first', () => {
    const { head, rows } = thirtySample()
    const shown = new ShownRows(head)
    for (const row of rows) shown.add([row])
    expect(shown.tallies).toEqual([
      {
        title: 'status',
        counts: [
          ['ok', 17],
          ['exempt', 5],
          ['overdue', 5],
          ['due', 3],
        ],
      },
    ])
    expect(shown.findings).toEqual([
      { finding: 'overdue by … days', count: 5, rows: [3, 8, 13, 23, 28] },
    ])
    const [, , same] = rows
    const alone = new ShownRows(head)
    alone.add(same === undefined ? [] : [same, same])
    expect(alone.findings).toMatchObject([{ finding: 'overdue by 5 days', count: 2 }])
  })

  it('hold a bounded number of findings that differ, and count the others', () => {
    const { head, rows } = thirtySample()
    const shown = new ShownRows(head)
    const [row] = rows
    for (let i = 0; i < 1000; i++) {
      const cells = (row?.cells ?? []).map((cell, at) =>
        head.columns[at]?.name === 'finding' ? `of kind ${'x'.repeat(i)}` : cell,
      )
      shown.add([{ cells, finding: true }])
    }
    expect(shown.findings).toHaveLength(12)
    expect(shown.otherFindings).toBe(988)
  })
})

describe('html', () => {
  it('allows nothing but its one style', async () => {
    const text = await page(thirtySample())
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(text) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    expect(policy?.replaceAll('&#39;', "'")).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    )
    expect(text).toContain(`<style>${style}</style>`)
    expect(text).not.toMatch(/<script|<link|<img|\sstyle=|\son[a-z]+=|src=|https?:/)
  })

  it('says what it is about, what was found, and what proves it', async () => {
    const text = await page(thirtySample())
    for (const said of [
      'Rotation and expiry',
      'Is every credential rotated in time',
      'position 41007, 2026-04-01T00:00:00.123Z',
      'positions 0 to 41007, 2025-02-05T00:00:00.123Z to 2026-04-01T00:00:00.123Z',
      '41,008 events, none missing',
      '5 of 30 rows have a finding.',
      '<a href="#row-13">13</a>',
      'muniment report verify FILE',
      sampleRoot,
    ]) {
      expect(text).toContain(said)
    }
    expect(text.indexOf('id="findings"')).toBeLessThan(text.indexOf('id="rows"'))
    expect(rowsIn(text)).toBe(30)
  })

  it('of more rows than it shows has those with findings, and cites the CSV', async () => {
    const text = await page(manySample())
    expect(rowsIn(text)).toBe(1000)
    expect(text).toContain('With 6,000 rows, more than 5,000, not every one is shown.')
    expect(text).toContain('These are the 1,000 rows with a finding.')
    expect(text).toContain('rotation.csv')
    expect(text).toContain(hexOf(99))
  })

  it('of many rows that are not judged shows none, and says where they are', async () => {
    const text = await page(listingSample(shownRowsMax + 1))
    expect(rowsIn(text)).toBe(0)
    expect(text).toContain('Make the report as CSV or JSON for all of its rows.')
    expect(text).toContain('<bdi>Decision</bdi>: <bdi>allowed</bdi> <b>4,546</b>')
  })

  it('of hostile names has no element and no direction of theirs', async () => {
    const text = await page(hostileSample())
    expect(text).not.toMatch(/<script|<img|<b>Rotation|[\u202a-\u202e\u2066-\u2069\u200b\ufeff]/)
    expect(text.match(/<style>/g)).toHaveLength(1)
  })
})

describe('pdf', () => {
  it('has the time of the report and nothing of the moment or the machine', async () => {
    const bytes = await written(pdf, thirtySample())
    const text = bytes.toString('latin1')
    expect(text).toMatch(/^%PDF-1\.7\n/)
    expect(text).toContain('/CreationDate')
    expect(text).toContain('D:20260401000000Z')
    expect(text).not.toContain('FlateDecode')
    const again = await written(pdf, thirtySample(), { batch: 3 })
    expect(bytes.equals(again)).toBe(true)
    const { head } = thirtySample()
    const later = { ...head, asOf: { ...head.asOf, time: asOfTime + 1000 } }
    expect(bytes.equals(await written(pdf, { ...thirtySample(), head: later }))).toBe(false)
  })

  it('of five thousand rows leaves page by page, and lets others work between', async () => {
    const sample = manySample(shownRowsMax)
    const pieces: number[] = []
    let turns = 0
    let isDone = false
    const count = () => {
      turns += 1
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    await written(pdf, sample, { batch: 5000, onPiece: async (bytes) => void pieces.push(bytes) })
    isDone = true
    expect(pieces.length).toBeGreaterThan(200)
    expect(Math.max(...pieces)).toBeLessThan(256 * 1024)
    expect(turns).toBeGreaterThan(20)
  })
})

describe('a text in lines', () => {
  const lines = (text: string, width: number, breaks = nameBreaks) =>
    wrap(text, { width, widthOf: () => 1, breaks })

  it.each([
    ['', 5, ['']],
    ['short', 5, ['short']],
    ['two words', 5, ['two', 'words']],
    ['prod/db/password', 8, ['prod/db/', 'password']],
    ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
    ['a bcdefghij', 4, ['a', 'bcde', 'fghi', 'j']],
    ['10.20.30.40', 20, ['10.20.30.40']],
    ['ana.diaz', 6, ['ana.', 'diaz']],
    ['🔑🔑🔑', 2, ['🔑🔑', '🔑']],
    ['wide', 0, ['w', 'i', 'd', 'e']],
  ])('%j within %i is %j', (text, width, expected) => {
    expect(lines(text, width)).toEqual(expected)
  })

  it('breaks a time between date and hour alone', () => {
    expect(lines('2026-04-01T00:00:00.123Z', 13, /^T/)).toEqual(['2026-04-01T', '00:00:00.123Z'])
  })
})
