import type { Chart } from '../report.ts'
import { axisOf } from './chart-axis.ts'
import { legendOf } from './chart-legend.ts'
import {
  type ChartBar,
  type ChartFrame,
  type ChartShapes,
  type ChartText,
  figuresOf,
  widest,
} from './chart-shapes.ts'
import { clipped } from './text-width.ts'
import { grouped } from './words.ts'

/** Bars that lie, a label at the left of each and its figure at the right: for names, which are longer than dates. */
export function sideways(chart: Chart, frame: ChartFrame): ChartShapes {
  const { width, fontSize, measure } = frame
  const legend = legendOf(chart, frame)
  const labels = chart.labels.map((label) => clipped(label, width * 0.4, measure))
  const figures = Array.from(figuresOf(chart), ({ value }) => grouped(value))
  const left = widest(labels, measure) + fontSize * 0.7
  const right = width - widest(figures, measure) - fontSize * 0.6
  const axis = axisOf(chart, 4)
  const x = (value: number) => left + ((value - axis.from) / axis.span) * (right - left)
  const slot = fontSize * 1.1 * chart.series.length + fontSize * 0.7
  const top = legend.height + fontSize * 0.2
  const height = top + labels.length * slot
  const bars = barsOf(chart, { top, slot, thick: fontSize * 1.1, x })
  return {
    width,
    height,
    rules: [{ x1: x(0), y1: top, x2: x(0), y2: height, isAxis: true }],
    bars,
    lines: [],
    texts: [
      ...labelTexts(labels, { left, top, slot, fontSize }),
      ...figureTexts(),
      ...legend.texts,
    ],
    keys: legend.keys,
  }

  function figureTexts(): ChartText[] {
    return bars.map((bar, i) => ({
      x: bar.x + bar.width + fontSize * 0.4,
      y: bar.y + bar.height / 2 + fontSize * 0.36,
      text: figures[i] ?? '',
      anchor: 'start',
    }))
  }
}

interface Lanes {
  readonly top: number
  readonly slot: number
  readonly thick: number
  readonly x: (value: number) => number
}

function barsOf(chart: Chart, { top, slot, thick, x }: Lanes): ChartBar[] {
  const inset = (slot - thick * chart.series.length) / 2
  return Array.from(figuresOf(chart), ({ at, series, value }) => {
    const [from, to] = [x(0), x(value)]
    const y = top + at * slot + inset + series * thick
    return { x: Math.min(from, to), y, width: Math.abs(to - from), height: thick * 0.9, series }
  })
}

function labelTexts(
  labels: readonly string[],
  { left, top, slot, fontSize }: { left: number; top: number; slot: number; fontSize: number },
): ChartText[] {
  return labels.map((text, at) => ({
    x: left - fontSize * 0.7,
    y: top + (at + 0.5) * slot + fontSize * 0.36,
    text,
    anchor: 'end',
  }))
}
