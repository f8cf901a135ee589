import type { Chart } from '../report.ts'
import type { Measure } from './text-width.ts'

/** A chart as shapes, from the top left corner down: what a page's SVG and a PDF draw alike. */
export interface ChartShapes {
  readonly width: number
  readonly height: number
  readonly rules: readonly ChartRule[]
  readonly bars: readonly ChartBar[]
  readonly lines: readonly ChartLine[]
  readonly texts: readonly ChartText[]
  /** Squares of the legend, in the colours of their series. */
  readonly keys: readonly ChartBar[]
}

export interface ChartRule {
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
  readonly isAxis: boolean
}

export interface ChartBar {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly series: number
}

export interface ChartLine {
  readonly points: readonly (readonly [number, number])[]
  readonly series: number
}

export interface ChartText {
  readonly x: number
  /** Of its base line. */
  readonly y: number
  readonly text: string
  readonly anchor: 'start' | 'middle' | 'end'
}

export interface ChartFrame {
  readonly width: number
  /** Of a chart whose labels stand under it; one with labels at its side is as high as they need. */
  readonly height: number
  readonly fontSize: number
  readonly measure: Measure
}

/** The figure of a series at a label; what is none counts as nothing. */
export function valueAt(chart: Chart, series: number, at: number): number {
  const value = chart.series[series]?.values[at] ?? 0
  return Number.isFinite(value) ? value : 0
}

/** A chart's figures, label by label, the series of each. */
export function* figuresOf(chart: Chart): Generator<{ at: number; series: number; value: number }> {
  for (const at of chart.labels.keys()) {
    for (const series of chart.series.keys()) {
      yield { at, series, value: valueAt(chart, series, at) }
    }
  }
}

/** The widest of some texts. */
export function widest(texts: Iterable<string>, measure: Measure): number {
  let most = 0
  for (const text of texts) most = Math.max(most, measure(text))
  return most
}
