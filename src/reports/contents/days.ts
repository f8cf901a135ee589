import { dayMs } from '../../projections/cryptoperiods.ts'
import type { Chart } from '../report.ts'

/** How much happened on which day, by days since 1970-01-01 in UTC. */
export type Days = Map<number, number>

export function countDay(days: Days, time: number, count = 1): void {
  const day = Math.floor(time / dayMs)
  days.set(day, (days.get(day) ?? 0) + count)
}

/** A bar for each day, or each month, or each year, where there would be more than a chart has room for. */
const daysShownMax = 92
const monthsShownMax = 120

type Unit = 'day' | 'month' | 'year'

/** Characters of an ISO 8601 date that name the unit. */
const labelLengths = { day: 10, month: 7, year: 4 } as const satisfies Record<Unit, number>

/** What happened when, with the days between on which nothing did. Bars are at least a month wide where `by` says so. */
export function timeline({
  title,
  series,
  by = 'day',
}: {
  readonly title: string
  readonly series: readonly { readonly name: string; readonly days: ReadonlyMap<number, number> }[]
  readonly by?: 'day' | 'month'
}): Chart {
  const { first, last } = spanOf(series.flatMap(({ days }) => [...days.keys()]))
  const unit = unitFor(first, last, by)
  const labels = first > last ? [] : labelsFrom(first, last, unit)
  const places = new Map(labels.map((label, at) => [label, at]))
  const valuesOf = (days: ReadonlyMap<number, number>) => {
    const values: number[] = labels.map(() => 0)
    for (const [day, count] of days) {
      const at = places.get(labelOf(day, unit))
      if (at !== undefined) values[at] = (values[at] ?? 0) + count
    }
    return values
  }
  return {
    kind: 'bars',
    title: `${title} by ${unit}`,
    labels,
    series: series.map(({ name, days }) => ({ name, values: valuesOf(days) })),
  }
}

function spanOf(days: readonly number[]): { readonly first: number; readonly last: number } {
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const day of days) {
    first = Math.min(first, day)
    last = Math.max(last, day)
  }
  return { first, last }
}

function unitFor(first: number, last: number, by: 'day' | 'month'): Unit {
  const days = first > last ? 0 : last - first + 1
  if (by === 'day' && days <= daysShownMax) return 'day'
  return days <= monthsShownMax * 30 ? 'month' : 'year'
}

function labelOf(day: number, unit: Unit): string {
  return new Date(day * dayMs).toISOString().slice(0, labelLengths[unit])
}

function labelsFrom(first: number, last: number, unit: Unit): string[] {
  const labels: string[] = []
  for (let day = first; day <= last; day = nextDay(day, unit)) labels.push(labelOf(day, unit))
  return labels
}

/** The first day of the next unit. */
function nextDay(day: number, unit: Unit): number {
  if (unit === 'day') return day + 1
  const date = new Date(day * dayMs)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return (unit === 'month' ? Date.UTC(year, month + 1) : Date.UTC(year + 1, 0)) / dayMs
}
