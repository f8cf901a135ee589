import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { chartWords, layOutChart } from '../../src/reports/formats/chart-layout.ts'
import type { ChartFrame, ChartShapes } from '../../src/reports/formats/chart-shapes.ts'
import { chartFigure } from '../../src/reports/formats/html-chart.ts'
import { clipped, roughMeasure } from '../../src/reports/formats/text-width.ts'
import { counted, grouped } from '../../src/reports/formats/words.ts'
import type { Chart } from '../../src/reports/report.ts'
import { daysChart, hostileSample } from '../fixtures/report-sample.ts'

const fontSize = 10
const measure = roughMeasure(fontSize)
const frame: ChartFrame = { width: 400, height: 200, fontSize, measure }

/** Each text's place on the page. */
function boxes({ texts }: ChartShapes) {
  return texts.map(({ x, y, text, anchor }) => {
    const width = measure(text)
    const left = x - { start: 0, middle: width / 2, end: width }[anchor]
    return { text, left, right: left + width, top: y - fontSize * 0.75, bottom: y + fontSize * 0.2 }
  })
}

function expectApart(shapes: ChartShapes): void {
  const all = boxes(shapes)
  for (const [i, a] of all.entries()) {
    expect(a.left, a.text).toBeGreaterThan(-0.01)
    expect(a.right, a.text).toBeLessThan(frame.width + 0.01)
    for (const b of all.slice(i + 1)) {
      const isApart =
        a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top
      expect(isApart, `"${a.text}" and "${b.text}"`).toBe(true)
    }
  }
}

const bars = (labels: readonly string[], values: readonly number[]): Chart => {
  return { kind: 'bars', title: 'it', labels, series: [{ name: 'count', values }] }
}

describe('a chart', () => {
  it.each([1, 2, 12, 31, 92, 365, 366])('of %i days has labels apart from each other', (days) => {
    for (const kind of ['bars', 'lines'] as const) {
      const shapes = layOutChart(daysChart(days, kind), frame)
      expectApart(shapes)
      expect(boxes(shapes).filter(({ text }) => text.startsWith('20')).length).toBeGreaterThan(0)
    }
  })

  it('draws each figure of a year once', () => {
    expect(layOutChart(daysChart(366), frame).bars).toHaveLength(366)
    expect(layOutChart(daysChart(366, 'lines'), frame).lines[0]?.points).toHaveLength(366)
  })

  it('of several series that are too dense for bars has lines', () => {
    const shapes = layOutChart(daysChart(366, 'bars', ['reads', 'writes', 'denials']), frame)
    expect(shapes.bars).toHaveLength(0)
    expect(shapes.lines).toHaveLength(3)
    expect(shapes.keys).toHaveLength(3)
  })

  it('of no figure says so', () => {
    for (const chart of [daysChart(0), { ...daysChart(3), series: [] }]) {
      expect(layOutChart(chart, frame).texts.map(({ text }) => text)).toEqual(['Nothing to draw.'])
    }
    expect(chartWords(daysChart(0))).toBe('No figures.')
  })

  it('of names has lying bars with their figures', () => {
    const names = ['svc/billing-reconciliation', 'user/ana.hernandez', 'svc/ledger-worker']
    const shapes = layOutChart(bars(names, [4000, 12, 0]), frame)
    expectApart(shapes)
    expect(shapes.texts.map(({ text }) => text)).toEqual([...names, '4,000', '12', '0'])
    expect(shapes.bars[0]?.width).toBeGreaterThan(100 * (shapes.bars[1]?.width ?? 0))
  })

  it('of nothing but zeros, of negative figures and of what is no figure stands', () => {
    for (const values of [
      [0, 0],
      [-3, 5],
      [-3, -1],
      [Number.NaN, 1],
      [0.1, 0.25],
      [2 ** 52, 1],
    ]) {
      const shapes = layOutChart(bars(['a', 'b'], values), frame)
      expectApart(shapes)
      for (const { x, y, width, height } of shapes.bars) {
        expect(Math.min(x, y, width, height)).toBeGreaterThanOrEqual(0)
        expect(y + height).toBeLessThanOrEqual(frame.height)
      }
    }
  })

  it('starts its bars at zero', () => {
    const { bars: drawn } = layOutChart(bars(['a', 'b'], [100, 101]), frame)
    expect((drawn[0]?.height ?? 0) / (drawn[1]?.height ?? 1)).toBeCloseTo(100 / 101, 5)
  })

  test.prop(
    [
      fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer()), {
        maxLength: 80,
      }),
      fc.constantFrom<Chart['kind']>('bars', 'lines'),
      fc.integer({ min: 1, max: 4 }),
    ],
    { numRuns: 300 },
  )('has no two texts in one place, whatever they say', (figures, kind, count) => {
    const values = figures.map(([, value]) => value)
    const names = ['reads', 'a much longer name of a series', '\u202eturned', 'x'.repeat(200)]
    const series = names.slice(0, count).map((name) => ({ name, values }))
    expectApart(layOutChart({ kind, title: '', labels: figures.map(([l]) => l), series }, frame))
  })
})

describe('a chart in words', () => {
  it('tells each of a few figures, and the bounds of many', () => {
    const few = bars(['under 30 days', '30 to 90 days'], [1400, 9])
    expect(chartWords(few)).toBe(
      '2 labels, under 30 days to 30 to 90 days. count: under 30 days 1,400, 30 to 90 days 9.',
    )
    const words = chartWords(daysChart(366))
    expect(words).toMatch(
      /^366 labels, 2025-04-01 to 2026-04-01\. reads: from \d+ to \d+, the highest at 202\d-/,
    )
  })

  it('is beside its picture, whose names are text and no more', () => {
    const [chart] = hostileSample().totals.charts
    const figure = chartFigure(chart ?? daysChart(1), 3)
    expect(figure).toContain('role="img" aria-labelledby="chart-3-title chart-3-words"')
    expect(figure).not.toMatch(/<script|<img|\u202e/)
    expect(figure).toContain('&#60;script&#62;')
  })
})

describe('numbers and texts', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [-1_234_567, '−1,234,567'],
    [1234.5, '1,234.5'],
    [0.125, '0.13'],
  ])('%d is %s', (value, text) => {
    expect(grouped(value)).toBe(text)
  })

  it('are counted', () => {
    expect([counted(1, 'row'), counted(0, 'row'), counted(2000, 'event')]).toEqual([
      '1 row',
      '0 rows',
      '2,000 events',
    ])
  })

  it('are cut between characters where they are too long', () => {
    expect(clipped('abc', 18, measure)).toBe('abc')
    expect(clipped('abcdef', 24, measure)).toBe('abc…')
    expect(clipped('🔑🔑🔑', 20, measure)).toBe('🔑…')
  })
})
