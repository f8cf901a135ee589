import type { Chart } from '../report.ts'
import { axisOf } from './chart-axis.ts'
import { legendOf } from './chart-legend.ts'
import {
  type ChartBar,
  type ChartFrame,
  type ChartLine,
  type ChartShapes,
  type ChartText,
  figuresOf,
  valueAt,
  widest,
} from './chart-shapes.ts'
import { clipped } from './text-width.ts'
import { grouped } from './words.ts'

/** Where the figures of a chart go: label `i` has the width from `left + i * slot` on. */
interface Plot {
  readonly chart: Chart
  readonly frame: ChartFrame
  readonly left: number
  readonly slot: number
  readonly y: (value: number) => number
}

/** A bar that is thinner than this is a smear: several series are then drawn as lines. */
const barWidthMin = 1.5
const barWidthMax = 48

/** A chart with its labels under it. */
export function upright(chart: Chart, asked: ChartFrame): ChartShapes {
  const legend = legendOf(chart, asked)
  const frame = { ...asked, height: asked.height + legend.height }
  const { width, height, fontSize, measure } = frame
  const axis = axisOf(chart, 4)
  const left = widest(axis.ticks.map(grouped), measure) + fontSize * 0.6
  const top = legend.height + fontSize * 0.7
  const bottom = height - fontSize * 1.8
  const y = (value: number) => bottom - ((value - axis.from) / axis.span) * (bottom - top)
  const slot = (width - left) / chart.labels.length
  const plot: Plot = { chart, frame, left, slot, y }
  const isDense = chart.series.length > 1 && slot / chart.series.length < barWidthMin
  const asLines = chart.kind === 'lines' || isDense
  return {
    width,
    height,
    rules: axis.ticks.map((value) => {
      return { x1: left, y1: y(value), x2: width, y2: y(value), isAxis: value === 0 }
    }),
    bars: asLines ? [] : bars(plot),
    lines: asLines ? lines(plot) : [],
    texts: [...tickTexts(axis.ticks, plot), ...labelTexts(plot), ...legend.texts],
    keys: legend.keys,
  }
}

function bars({ chart, left, slot, y }: Plot): ChartBar[] {
  const gap = slot >= 3 ? slot * 0.25 : 0
  const width = Math.min(barWidthMax, (slot - gap) / chart.series.length)
  const inset = (slot - width * chart.series.length) / 2
  return Array.from(figuresOf(chart), ({ at, series, value }) => {
    const [from, to] = [y(0), y(value)]
    const x = left + at * slot + inset + series * width
    return { x, y: Math.min(from, to), width, height: Math.abs(to - from), series }
  })
}

function lines({ chart, left, slot, y }: Plot): ChartLine[] {
  return chart.series.map((_, series) => ({
    series,
    points: chart.labels.map((_, at) => {
      return [left + (at + 0.5) * slot, y(valueAt(chart, series, at))] as const
    }),
  }))
}

function tickTexts(ticks: readonly number[], { left, y, frame: { fontSize } }: Plot): ChartText[] {
  return ticks.map((value) => ({
    x: left - fontSize * 0.6,
    y: y(value) + fontSize * 0.35,
    text: grouped(value),
    anchor: 'end',
  }))
}

/** As many labels as there is room for, evenly spread, the first one always. */
function labelTexts({ chart, left, slot, frame }: Plot): ChartText[] {
  const { width, height, fontSize, measure } = frame
  const room = Math.max(fontSize * 6, slot - fontSize)
  const texts = chart.labels.map((label) => clipped(label, room, measure))
  const most = widest(texts, measure)
  // The first one may have to move in from the edge, and those after it keep their distance.
  const movedBy = Math.max(0, most / 2 - left - slot / 2)
  const step = Math.max(1, Math.ceil((most + movedBy + fontSize * 0.6) / slot))
  const placed: ChartText[] = []
  let free = 0
  for (const [at, text] of texts.entries()) {
    if (at % step > 0) continue
    const half = measure(text) / 2
    const x = Math.min(Math.max(left + (at + 0.5) * slot, half), width - half)
    // The last one may meet its neighbour by that.
    if (x - half < free) continue
    free = x + half + fontSize * 0.5
    placed.push({ x, y: height - fontSize * 0.4, text, anchor: 'middle' })
  }
  return placed
}
