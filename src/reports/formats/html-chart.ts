import type { Chart } from '../report.ts'
import { chartWords, layOutChart } from './chart-layout.ts'
import type { ChartBar, ChartFrame, ChartLine, ChartText } from './chart-shapes.ts'
import { escaped } from './html-text.ts'
import { roughMeasure } from './text-width.ts'
import { visible } from './visible.ts'

/** So small that it can be read on a phone, where it is drawn at about this size. */
const frame: ChartFrame = {
  width: 440,
  height: 220,
  fontSize: 13,
  measure: roughMeasure(13),
}

/** Colours and dashes that the style has; further series begin anew. */
const seriesMax = 6

/** A figure with its picture and, for who does not see it, what it shows. `number` makes its ids the page's only ones. */
export function chartFigure(chart: Chart, number: number): string {
  const { width, height, rules, bars, lines, texts, keys } = layOutChart(chart, frame)
  const title = escaped(visible(chart.title))
  const [t, d] = [`chart-${number}-title`, `chart-${number}-words`]
  const shapes = [
    ...rules.map(({ x1, y1, x2, y2, isAxis }) => {
      return `<path class="${isAxis ? 'axis' : 'grid'}" d="M${n(x1)} ${n(y1)}L${n(x2)} ${n(y2)}"/>`
    }),
    ...bars.map(rect),
    ...lines.map(path),
    ...keys.map(rect),
    ...texts.map(textOf),
  ]
  return (
    `<figure><figcaption><bdi>${title}</bdi></figcaption>` +
    `<svg role="img" aria-labelledby="${t} ${d}" viewBox="0 0 ${n(width)} ${n(height)}">` +
    `<title id="${t}">${title}</title><desc id="${d}">${escaped(chartWords(chart))}</desc>` +
    `${shapes.join('')}</svg></figure>\n`
  )
}

function rect({ x, y, width, height, series }: ChartBar): string {
  const place = `x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}"`
  return `<rect class="s${series % seriesMax}" ${place}/>`
}

function path({ points, series }: ChartLine): string {
  const kind = series % seriesMax
  const [first] = points
  if (points.length === 1 && first !== undefined) {
    return `<circle class="s${kind}" cx="${n(first[0])}" cy="${n(first[1])}" r="3"/>`
  }
  const steps = points.map(([x, y]) => `${n(x)} ${n(y)}`).join('L')
  return `<path class="l${kind}" d="M${steps}"/>`
}

function textOf({ x, y, text, anchor }: ChartText): string {
  return `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}">${escaped(text)}</text>`
}

/** Two decimals: finer than any screen, and the same everywhere. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100)
}
