import type { Chart } from '../report.ts'
import { type ChartFrame, type ChartShapes, valueAt, widest } from './chart-shapes.ts'
import { sideways } from './chart-sideways.ts'
import { upright } from './chart-upright.ts'
import { visible } from './visible.ts'
import { counted, grouped } from './words.ts'

/** Bars that lie are for names; with more of them than this a chart would no longer be small. */
const sidewaysMax = 24
const dateLike = /^\d{4}(?:-\d\d){0,2}$/

/** The shapes of a chart within a frame. No two of its texts overlap. */
export function layOutChart(chart: Chart, frame: ChartFrame): ChartShapes {
  const shown = { ...chart, labels: chart.labels.map(visible) }
  if (shown.labels.length === 0 || shown.series.length === 0) return nothing(frame)
  return isSideways(shown, frame) ? sideways(shown, frame) : upright(shown, frame)
}

function nothing({ width, fontSize }: ChartFrame): ChartShapes {
  const note = { x: 0, y: fontSize * 1.5, text: 'Nothing to draw.', anchor: 'start' } as const
  return { width, height: fontSize * 2.2, rules: [], bars: [], lines: [], texts: [note], keys: [] }
}

function isSideways(
  { kind, labels, series }: Chart,
  { width, fontSize, measure }: ChartFrame,
): boolean {
  if (kind === 'lines' || labels.length * series.length > sidewaysMax) return false
  if (labels.every((label) => dateLike.test(label))) return false
  return widest(labels, measure) + fontSize > (width - fontSize * 4) / labels.length
}

/** Charts of so many labels are told figure by figure. */
const toldMax = 24

/** What a chart shows, in words. */
export function chartWords(chart: Chart): string {
  const labels = chart.labels.map(visible)
  if (labels.length === 0) return 'No figures.'
  const range = labels.length === 1 ? labels[0] : `${labels[0]} to ${labels.at(-1)}`
  const series = chart.series.map((_, i) => seriesWords(chart, labels, i))
  return [`${counted(labels.length, 'label')}, ${range}.`, ...series].join(' ')
}

function seriesWords(chart: Chart, labels: readonly string[], series: number): string {
  const name = visible(chart.series[series]?.name ?? '')
  const values = labels.map((_, at) => valueAt(chart, series, at))
  if (values.length <= toldMax) {
    const told = values.map((value, at) => `${labels[at]} ${grouped(value)}`)
    return `${name}: ${told.join(', ')}.`
  }
  const most = values.reduce((highest, value) => Math.max(highest, value))
  const least = values.reduce((lowest, value) => Math.min(lowest, value))
  const at = labels[values.indexOf(most)]
  return `${name}: from ${grouped(least)} to ${grouped(most)}, the highest at ${at}.`
}
