import { timeMsMax } from '../limits.ts'

/** A time without a zone would mean another moment on another machine. */
const isoForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/

/**
 * The milliseconds since the epoch of an ISO 8601 text with a zone, or of a date alone, which begins in UTC. `NaN` for any
 * other text, for a day that no calendar has, and beyond 1970 to 9999.
 *
 * @example
 * isoTime('2027-02-28') // 1803772800000
 * isoTime('2027-02-30') // NaN
 */
export function isoTime(text: string): number {
  const time = isoForm.test(text) ? Date.parse(text) : Number.NaN
  return time >= 0 && time <= timeMsMax && isOnCalendar(text) ? time : Number.NaN
}

/** `Date.parse` takes the 30th of February for the 2nd of March. */
function isOnCalendar(text: string): boolean {
  const day = text.slice(0, 10)
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}
