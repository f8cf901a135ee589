import { describe, expect, it } from 'vitest'
import { isoTime } from '../../src/events/iso-time.ts'

describe('an ISO 8601 text', () => {
  it.each([
    ['1970-01-01', 0],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['2027-02-28T23:30Z', Date.UTC(2027, 1, 28, 23, 30)],
    ['2027-02-28T23:30:00.5-01:00', Date.UTC(2027, 2, 1, 0, 30, 0, 500)],
    ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
  ])('%s is a time', (text, time) => {
    expect(isoTime(text)).toBe(time)
  })

  it.each([
    '2027-02-29',
    '2027-02-30T10:00:00Z',
    '2027-04-31',
    '2027-00-10',
    '2027-13-01',
    '2027-01-00',
    '2027-01-32',
    '2027-01-01T25:00Z',
    '2027-01-01T10:00:00',
    '2027-1-1',
    '1969-12-31',
    '9999-12-31T23:30:00-01:00',
    'tomorrow',
    '',
  ])('"%s" is none', (text) => {
    expect(isoTime(text)).toBeNaN()
  })
})
