import type { Chart } from '../report.ts'
import { figuresOf } from './chart-shapes.ts'

/** The values that a chart spans, zero among them, in round steps. */
export interface Axis {
  readonly from: number
  /** More than 0. */
  readonly span: number
  readonly ticks: readonly number[]
}

export function axisOf(chart: Chart, stepsMost: number): Axis {
  let [least, most, isWhole] = [0, 0, true]
  for (const { value } of figuresOf(chart)) {
    least = Math.min(least, value)
    most = Math.max(most, value)
    isWhole &&= Number.isInteger(value)
  }
  if (most === least) most = 1
  const step = roundStep((most - least) / stepsMost, isWhole)
  const [first, last] = [Math.floor(least / step), Math.ceil(most / step)]
  const ticks = [...new Array(last - first + 1).keys()].map((i) => (first + i) * step)
  return { from: first * step, span: (last - first) * step, ticks }
}

/** The next of 1, 2 and 5 times a power of ten; for counts no part of one. */
function roundStep(least: number, isWhole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= least) ?? least
  return isWhole ? Math.max(1, step) : step
}
