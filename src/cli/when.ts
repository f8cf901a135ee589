import { InvalidArgumentError } from 'commander'
import type { Moment } from '../index.ts'

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const dayMs = 86_400_000

/** Milliseconds of `90s`, `15m`, `12h`, `30d`, `2w`. */
export function duration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? []
  const ms = Number(count) * (unitsMs[unit] ?? Number.NaN)
  if (Number.isSafeInteger(ms)) return ms
  throw new InvalidArgumentError('expected a duration such as 90s, 15m, 12h, 30d or 2w')
}

/** Which end of a day a bare date means, and to which side of now a bare duration points. */
export interface Reading {
  readonly edge: 'start' | 'end'
  readonly side: 'past' | 'future'
  readonly tz: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** A time as people give it: RFC 3339, a date, a local time of the zone, or a duration from now. */
export function time(text: string, { edge, side, tz, now }: Reading): Date {
  if (/^\d{1,9}[smhdw]$/.test(text)) {
    return expectDate(new Date(now + (side === 'past' ? -1 : 1) * duration(text)), text)
  }
  const match =
    /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?([Zz]|[+-]\d\d:\d\d)?$/.exec(
      text,
    )
  const [, day, clock, offset] = match ?? []
  if (day === undefined || !isDay(day) || (clock === undefined && offset !== undefined))
    throw unread(text)
  if (clock === undefined) {
    const start = local(`${day}T00:00:00Z`, tz)
    if (edge === 'start') return start
    const next = new Date(Date.parse(`${day}T00:00:00Z`) + dayMs).toISOString()
    return new Date(local(next, tz).getTime() - 1)
  }
  if (offset === undefined) return local(`${day}T${clock}Z`, tz)
  return expectDate(new Date(`${day}T${clock}${offset.toUpperCase()}`), text)
}

/** A moment of the log: a time, of a day its end unless said, or a position (`41007`). */
export function moment(
  text: string,
  { tz, now }: Pick<Reading, 'tz' | 'now'>,
  edge: Reading['edge'] = 'end',
): Moment {
  if (/^\d+$/.test(text)) return { position: Number(text) }
  return { time: time(text, { tz, now, edge, side: 'past' }) }
}

export function timeZone(text: string): string {
  try {
    const { timeZone: known } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions()
    // ICU answers with its oldest name for a place, such as Asia/Calcutta: only its case is better.
    return known.toLowerCase() === text.toLowerCase() ? known : text
  } catch {
    throw new InvalidArgumentError('expected an IANA time zone such as UTC or Europe/Berlin')
  }
}

/** `2026-11-24 20:15:36`, in the zone. */
export function wallClock(at: Date, tz: string): string {
  return new Date(at.getTime() + offsetOf(at, tz)).toISOString().slice(0, 19).replace('T', ' ')
}

/** `3 m ago`, `in 12 d`. */
export function age(at: Date, now: number): string {
  const distance = Math.abs(now - at.getTime())
  if (distance < 1000) return 'now'
  const [unit, ms] = ages.find(([, ms]) => distance >= ms) ?? ['s', 1000]
  const count = `${Math.round(distance / ms)} ${unit}`
  return at.getTime() <= now ? `${count} ago` : `in ${count}`
}

const ages = [
  ['y', 365 * dayMs],
  ['d', dayMs],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** A duration in its two largest units, the rest left off: `90 d`, `1 d 4 h`. */
export function span(ms: number): string {
  let rest = Math.max(0, ms)
  const first = spans.findIndex(([, length]) => rest >= length)
  if (first === -1) return '0 s'
  const words: string[] = []
  for (const [unit, length] of spans.slice(first, first + 2)) {
    const count = Math.floor(rest / length)
    rest -= count * length
    if (count > 0) words.push(`${count} ${unit}`)
  }
  return words.join(' ')
}

const spans = [
  ['d', dayMs],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/**
 * The moment at which the zone's wall clock, given as if it were UTC, shows that. Where the clock is put back and shows
 * it twice, the first of the two; where it is put forward over it, as much later: RFC 5545 §3.3.5 has both.
 */
function local(asUtc: string, tz: string): Date {
  const wall = expectDate(new Date(asUtc), asUtc).getTime()
  const withOffsetAt = (near: number) => new Date(wall - offsetOf(new Date(near), tz))
  const [before, after] = [withOffsetAt(wall - dayMs), withOffsetAt(wall + dayMs)]
  const shows = (at: Date) => at.getTime() + offsetOf(at, tz) === wall
  return !shows(before) && shows(after) ? after : before
}

/** Milliseconds that the zone's wall clock is ahead of UTC at a moment. */
function offsetOf(at: Date, tz: string): number {
  if (tz === 'UTC') return 0
  const parts = new Intl.DateTimeFormat('en-u-ca-iso8601', {
    timeZone: tz,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(at)
  const part = (type: string) =>
    parts.find((each) => each.type === type)?.value.padStart(2, '0') ?? ''
  const wall = `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}Z`
  return Date.parse(wall) - Math.floor(at.getTime() / 1000) * 1000
}

/** Whether the calendar has the day: `Date` itself reads 30 February as 2 March. */
function isDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day)
}

function expectDate(at: Date, text: string): Date {
  if (Number.isNaN(at.getTime())) throw unread(text)
  return at
}

function unread(text: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `expected a time such as 2026-03-31, 2026-03-31T17:30:00Z or 30d, found ${JSON.stringify(text)}`,
  )
}
