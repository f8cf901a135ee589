/** How many of something: `1 secret`, `2 secrets`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

const units = [
  ['day', 24 * 3600 * 1000],
  ['hour', 3600 * 1000],
  ['minute', 60 * 1000],
  ['second', 1000],
] as const

/** A duration in words, in the largest unit that it fills: `12 days`, `1 hour`. */
export function durationText(ms: number): string {
  for (const [name, unit] of units) {
    const count = Math.floor(ms / unit)
    if (count > 0) return counted(count, name)
  }
  return 'less than a second'
}

/** A moment as people are shown it: ISO 8601 in UTC. */
export function timeText(time: number): string {
  return new Date(time).toISOString()
}
