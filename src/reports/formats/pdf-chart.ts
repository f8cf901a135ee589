import type { Chart } from '../report.ts'
import { layOutChart } from './chart-layout.ts'
import type { ChartLine, ChartShapes } from './chart-shapes.ts'
import type { Colour } from './pdf-ink.ts'
import { ink, type Sheets, sheet, type TextStyle } from './pdf-sheet.ts'
import { clipped } from './text-width.ts'
import { visible } from './visible.ts'
import { capital } from './words.ts'

/** Colours that differ in lightness too, and dashes of lines, for paper without colour. */
const series: readonly { readonly colour: Colour; readonly dash?: number }[] = [
  { colour: [0.12, 0.31, 0.39] },
  { colour: [0.75, 0.54, 0.18], dash: 4 },
  { colour: [0.49, 0.6, 0.65], dash: 1.6 },
  { colour: [0.56, 0.11, 0.08], dash: 6 },
  { colour: [0.48, 0.56, 0.35], dash: 2.6 },
  { colour: [0.42, 0.36, 0.45], dash: 0.9 },
]

const gap = 36
const width = (sheet.right - sheet.left - gap) / 2
const titles: TextStyle = { face: 'bold', size: 8.5 }
const labels: TextStyle = { size: 7.2, colour: ink.soft }

/** Draws charts, two side by side. */
export async function drawCharts(sheets: Sheets, charts: readonly Chart[]): Promise<void> {
  for (let at = 0; at < charts.length; at += 2) {
    const pair = charts
      .slice(at, at + 2)
      .map((chart) => ({ chart, shapes: shapesOf(sheets, chart) }))
    const height = Math.max(...pair.map(({ shapes }) => shapes.height)) + 20
    await sheets.room(height)
    for (const [i, { chart, shapes }] of pair.entries()) {
      const x = sheet.left + i * (width + gap)
      const title = capital(visible(chart.title))
      const measure = (text: string) => sheets.measure(text, titles)
      sheets.say(clipped(title, width, measure), { x, y: sheets.y + 8 }, titles)
      drawShapes(sheets, shapes, { x, y: sheets.y + 16 })
    }
    sheets.y += height + 8
  }
}

function shapesOf(sheets: Sheets, chart: Chart): ChartShapes {
  const measure = (text: string) => sheets.measure(text, labels)
  return layOutChart(chart, { width, height: 130, fontSize: labels.size ?? 7, measure })
}

function drawShapes(
  sheets: Sheets,
  { rules, bars, keys, lines, texts }: ChartShapes,
  { x, y }: { readonly x: number; readonly y: number },
): void {
  for (const { x1, y1, x2, y2, isAxis } of rules) {
    const style = isAxis ? { colour: ink.soft, width: 0.7 } : { width: 0.3 }
    sheets.stroke(
      [
        [x + x1, y + y1],
        [x + x2, y + y2],
      ],
      style,
    )
  }
  for (const bar of [...bars, ...keys]) {
    if (bar.height > 0 && bar.width > 0) {
      sheets.fill({ ...bar, x: x + bar.x, y: y + bar.y }, styleOf(bar.series).colour)
    }
  }
  for (const line of lines) drawLine(sheets, line, { x, y })
  for (const text of texts) {
    const measured = sheets.measure(text.text, labels)
    const inset = { start: 0, middle: measured / 2, end: measured }[text.anchor]
    sheets.say(text.text, { x: x + text.x - inset, y: y + text.y }, labels)
  }
}

function drawLine(
  sheets: Sheets,
  { points, series: at }: ChartLine,
  { x, y }: { readonly x: number; readonly y: number },
): void {
  const { colour, dash } = styleOf(at)
  const [first] = points
  if (points.length === 1 && first !== undefined) {
    sheets.fill({ x: x + first[0] - 2, y: y + first[1] - 2, width: 4, height: 4 }, colour)
    return
  }
  const moved = points.map(([px, py]) => [x + px, y + py] as const)
  sheets.stroke(moved, { colour, width: 1.1, ...(dash !== undefined && { dash }) })
}

function styleOf(at: number): { readonly colour: Colour; readonly dash?: number } {
  return series[at % series.length] ?? { colour: ink.accent }
}
