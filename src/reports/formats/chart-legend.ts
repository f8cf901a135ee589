import type { Chart } from '../report.ts'
import type { ChartBar, ChartFrame, ChartText } from './chart-shapes.ts'
import { clipped } from './text-width.ts'
import { visible } from './visible.ts'

interface Legend {
  readonly height: number
  readonly texts: readonly ChartText[]
  readonly keys: readonly ChartBar[]
}

/** What the colours mean, in as many lines as it takes; nothing where there is one series. */
export function legendOf({ series }: Chart, { width, fontSize, measure }: ChartFrame): Legend {
  if (series.length < 2) return { height: 0, texts: [], keys: [] }
  const line = fontSize * 1.5
  const [key, space] = [fontSize * 0.75, fontSize * 0.45]
  const texts: ChartText[] = []
  const keys: ChartBar[] = []
  let [x, y] = [0, fontSize]
  for (const [i, { name }] of series.entries()) {
    const text = clipped(visible(name), width - key - space, measure)
    const needed = key + space + measure(text)
    if (x > 0 && x + needed > width) [x, y] = [0, y + line]
    keys.push({ x, y: y - key, width: key, height: key, series: i })
    texts.push({ x: x + key + space, y, text, anchor: 'start' })
    x += needed + fontSize * 1.2
  }
  return { height: y + fontSize * 0.5, texts, keys }
}
