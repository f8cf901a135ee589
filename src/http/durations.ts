/**
 * duration := [sign] (number unit)+ | [sign] integer | [sign] integer "d" | ""
 * number   := decimal, with a fraction or without
 * unit     := "ns" | "us" | "µs" | "ms" | "s" | "m" | "h"
 *
 * Go's `time.ParseDuration`, and what the wire takes besides: seconds without a unit, days, and nothing for zero.
 */
const term = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g
const form = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/
const plain = /^([+-]?\d+)(d?)$/

/** Seconds, and nanoseconds, of each unit: U+00B5 and U+03BC are two spellings of micro. */
const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }
const nanosecondsOf: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
}

const secondsPerDay = 86_400
/** What a Go duration holds: 2⁶³ nanoseconds, some 292 years. */
const secondsMax = 9_223_372_036
/** A text of any length would take time to match. */
const lengthMax = 128

/**
 * Milliseconds, in whole seconds as the wire keeps them and perhaps negative, of a number of seconds or of a duration
 * as text; undefined for what is neither.
 *
 * @example
 * parseDuration('3h25m19s') // 12_319_000
 * parseDuration('90') // 90_000
 */
export function parseDuration(value: unknown): number | undefined {
  const seconds = typeof value === 'number' ? value : typeof value === 'string' && inSeconds(value)
  if (typeof seconds !== 'number' || !Number.isInteger(seconds)) return undefined
  return Math.abs(seconds) <= secondsMax ? seconds * 1000 : undefined
}

function inSeconds(text: string): number | undefined {
  if (text === '') return 0
  if (text.length > lengthMax) return undefined
  const [, count, days] = plain.exec(text) ?? []
  if (count !== undefined) return Number(count) * (days === 'd' ? secondsPerDay : 1)
  if (!form.test(text)) return undefined
  const seconds = Math.trunc(sumOf(text))
  return text.startsWith('-') ? -seconds : seconds
}

/** Whole seconds and what is less are summed apart: a double holds the nanoseconds of no more than 104 days. */
function sumOf(text: string): number {
  let seconds = 0
  let nanoseconds = 0
  for (const [, number, unit = ''] of text.matchAll(term)) {
    const amount = Number(number)
    const perUnit = secondsOf[unit]
    if (perUnit === undefined) nanoseconds += amount * (nanosecondsOf[unit] ?? Number.NaN)
    else {
      const whole = Math.trunc(amount)
      seconds += whole * perUnit
      nanoseconds += (amount - whole) * perUnit * 1e9
    }
  }
  return seconds + Math.round(nanoseconds) / 1e9
}

/**
 * A duration of so many milliseconds as Go prints it.
 *
 * @example
 * formatDuration(12_319_000) // '3h25m19s'
 * formatDuration(3_600_000) // '1h0m0s'
 * formatDuration(0) // '0s'
 */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms < 1000) return `${ms}ms`
  const minutes = Math.floor(ms / 60_000)
  const seconds = `${(ms % 60_000) / 1000}s`
  if (minutes === 0) return seconds
  if (minutes < 60) return `${minutes}m${seconds}`
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`
}
