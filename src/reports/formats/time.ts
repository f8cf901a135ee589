/** What a Date can hold (ECMA-262, time values), in milliseconds on either side of the epoch. */
const dateMsMax = 8_640_000_000_000_000

/** ISO 8601 in UTC, to the millisecond; what is no date stays the number that it is. */
export function isoTime(ms: number): string {
  return Math.abs(ms) <= dateMsMax ? new Date(ms).toISOString() : String(ms)
}

const units = [
  ['d', 24 * 3600 * 1000],
  ['h', 3600 * 1000],
  ['min', 60 * 1000],
  ['s', 1000],
  ['ms', 1],
] as const

/** A duration in its two largest units, the rest left off: `90 d 4 h`. */
export function durationWords(ms: number): string {
  const whole = Math.trunc(Math.abs(ms))
  const first = units.findIndex(([, length]) => whole >= length)
  if (first < 0) return '0 s'
  let rest = whole
  const words: string[] = []
  for (const [unit, length] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / length)
    rest -= count * length
    if (count > 0) words.push(`${count} ${unit}`)
  }
  return `${ms < 0 ? '−' : ''}${words.join(' ')}`
}
