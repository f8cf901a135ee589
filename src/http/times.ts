/**
 * A time as the wire gives it, RFC 3339 in UTC as Go prints it: a fraction without zeros at its end, and none where
 * it is a whole second. The empty text for no time.
 *
 * @example
 * formatTime(new Date(1_521_685_446_940)) // '2018-03-22T02:24:06.94Z'
 */
export function formatTime(time: Date | undefined): string {
  if (time === undefined) return ''
  return time.toISOString().replace(/\.?0{1,3}Z$/, 'Z')
}
