import { describe, expect, it } from 'vitest'
import { age, duration, moment, time, timeZone, wallClock } from '../../src/cli/when.ts'

const now = Date.parse('2026-11-24T20:15:36.789Z')
const reading = { edge: 'start', side: 'past', tz: 'UTC', now } as const
const unread = 'expected a time such as 2026-03-31, 2026-03-31T17:30:00Z or 30d, found '

function iso(text: string, as: Partial<Parameters<typeof time>[1]> = {}): string {
  return time(text, { ...reading, ...as }).toISOString()
}

describe('duration', () => {
  it.each([
    ['0s', 0],
    ['90s', 90_000],
    ['15m', 900_000],
    ['12h', 43_200_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    ['99999999d', 8_639_999_913_600_000],
  ])('%s', (text, ms) => {
    expect(duration(text)).toBe(ms)
  })

  it.each([
    '',
    '30',
    'd',
    '1.5h',
    '-1d',
    '+1d',
    '1 d',
    '1D',
    '1y',
    '1d2h',
    '1d\n',
    '٣d',
    '999999999w',
  ])('refuses %j', (text) => {
    expect(() => duration(text)).toThrow('expected a duration such as 90s, 15m, 12h, 30d or 2w')
  })
})

describe('time', () => {
  it.each([
    ['2026-03-31T17:30:00Z', '2026-03-31T17:30:00.000Z'],
    ['2026-03-31t17:30:00z', '2026-03-31T17:30:00.000Z'],
    ['2026-03-31 17:30:00Z', '2026-03-31T17:30:00.000Z'],
    ['2026-03-31T17:30Z', '2026-03-31T17:30:00.000Z'],
    ['2026-03-31T17:30:00.123456789Z', '2026-03-31T17:30:00.123Z'],
    ['2026-03-31T17:30:00+02:00', '2026-03-31T15:30:00.000Z'],
    ['2026-03-31T17:30:00-09:30', '2026-04-01T03:00:00.000Z'],
  ])('reads %s whatever the zone', (text, expected) => {
    expect(iso(text)).toBe(expected)
    expect(iso(text, { tz: 'Asia/Kathmandu', edge: 'end' })).toBe(expected)
  })

  it.each([
    ['90s', 'past', '2026-11-24T20:14:06.789Z'],
    ['90s', 'future', '2026-11-24T20:17:06.789Z'],
    ['7d', 'past', '2026-11-17T20:15:36.789Z'],
    ['7d', 'future', '2026-12-01T20:15:36.789Z'],
  ] as const)('reads %s in the %s', (text, side, expected) => {
    expect(iso(text, { side })).toBe(expected)
  })

  it.each([
    ['2026-03-31', 'UTC', '2026-03-31T00:00:00.000Z', '2026-03-31T23:59:59.999Z'],
    ['2028-02-29', 'UTC', '2028-02-29T00:00:00.000Z', '2028-02-29T23:59:59.999Z'],
    ['2026-03-31', 'Asia/Kathmandu', '2026-03-30T18:15:00.000Z', '2026-03-31T18:14:59.999Z'],
    ['2026-12-31', 'Pacific/Kiritimati', '2026-12-30T10:00:00.000Z', '2026-12-31T09:59:59.999Z'],
    // The day on which the clock is put forward has 23 hours, and the one on which it is put back 25.
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29T21:59:59.999Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25T22:59:59.999Z'],
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z', '2026-03-09T03:59:59.999Z'],
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z', '2026-11-02T04:59:59.999Z'],
    ['2026-10-04', 'Australia/Lord_Howe', '2026-10-03T13:30:00.000Z', '2026-10-04T12:59:59.999Z'],
    // Days that begin at 01:00, as the clock is put forward at midnight; and the days before them.
    ['2026-04-24', 'Africa/Cairo', '2026-04-23T22:00:00.000Z', '2026-04-24T20:59:59.999Z'],
    ['2026-04-23', 'Africa/Cairo', '2026-04-22T22:00:00.000Z', '2026-04-23T21:59:59.999Z'],
    ['2026-09-06', 'America/Santiago', '2026-09-06T04:00:00.000Z', '2026-09-07T02:59:59.999Z'],
    ['2026-09-05', 'America/Santiago', '2026-09-05T04:00:00.000Z', '2026-09-06T03:59:59.999Z'],
    // A day whose first hour comes twice.
    ['2026-11-01', 'America/Havana', '2026-11-01T04:00:00.000Z', '2026-11-02T04:59:59.999Z'],
  ])('reads %s in %s as a whole day', (text, tz, start, end) => {
    expect(iso(text, { tz })).toBe(start)
    expect(iso(text, { tz, edge: 'end' })).toBe(end)
  })

  it.each([
    ['2026-07-01T12:00', 'Europe/Berlin', '2026-07-01T10:00:00.000Z'],
    ['2026-01-01 12:00:30', 'Europe/Berlin', '2026-01-01T11:00:30.000Z'],
    ['2026-03-29T01:59', 'Europe/Berlin', '2026-03-29T00:59:00.000Z'],
    ['2026-03-29T03:00', 'Europe/Berlin', '2026-03-29T01:00:00.000Z'],
    ['2026-10-25T03:00', 'Europe/Berlin', '2026-10-25T02:00:00.000Z'],
    // Put forward over it: as much later.
    ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
    ['2026-03-08T02:30', 'America/New_York', '2026-03-08T07:30:00.000Z'],
    // Shown twice: the first of the two.
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
    ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
  ])('reads %s on the wall clock of %s', (text, tz, expected) => {
    expect(iso(text, { tz })).toBe(expected)
  })

  it.each([
    '',
    'tomorrow',
    '2026',
    '2026-3-31',
    '31.03.2026',
    '2026-02-30',
    '2027-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-03-31Z',
    '2026-03-31+02:00',
    '2026-03-31T25:00:00Z',
    '2026-03-31T17:60:00Z',
    '2026-03-31T17:30:00+25:00',
    '2026-03-31T17:30:00 Europe/Berlin',
    '1795553394948',
    '99999999d',
    'x\u001b[31m',
  ])('refuses %j, and says what it expects', (text) => {
    expect(() => time(text, { ...reading, side: 'future' })).toThrow(unread + JSON.stringify(text))
  })
})

describe('moment', () => {
  it('reads a number as a position, and a date as its end, or its start where that is meant', () => {
    expect(moment('41007', reading)).toEqual({ position: 41_007 })
    expect(moment('0', reading)).toEqual({ position: 0 })
    expect(moment('2026-03-31', reading)).toEqual({ time: new Date('2026-03-31T23:59:59.999Z') })
    const start = moment('2026-03-31', reading, 'start')
    expect(start).toEqual({ time: new Date('2026-03-31T00:00:00.000Z') })
    expect(moment('1h', reading)).toEqual({ time: new Date('2026-11-24T19:15:36.789Z') })
  })

  it('refuses a negative position', () => {
    expect(() => moment('-1', reading)).toThrow(`${unread}"-1"`)
  })
})

describe('timeZone', () => {
  it.each([
    ['UTC', 'UTC'],
    ['utc', 'UTC'],
    ['Europe/Berlin', 'Europe/Berlin'],
    ['europe/berlin', 'Europe/Berlin'],
    ['Asia/Kolkata', 'Asia/Kolkata'],
    ['Europe/Kyiv', 'Europe/Kyiv'],
  ])('knows %s', (text, name) => {
    expect(timeZone(text)).toBe(name)
  })

  it.each(['', 'Mars/Olympus', 'Europe', 'UTC; rm'])('refuses %j', (text) => {
    expect(() => timeZone(text)).toThrow('expected an IANA time zone such as UTC or Europe/Berlin')
  })
})

describe('wallClock', () => {
  it.each([
    ['2026-11-24T20:15:36.789Z', 'UTC', '2026-11-24 20:15:36'],
    ['2026-11-24T20:15:36.789Z', 'Asia/Kathmandu', '2026-11-25 02:00:36'],
    ['2026-03-29T00:59:59.999Z', 'Europe/Berlin', '2026-03-29 01:59:59'],
    ['2026-03-29T01:00:00.000Z', 'Europe/Berlin', '2026-03-29 03:00:00'],
    ['2026-01-01T00:00:00.000Z', 'America/New_York', '2025-12-31 19:00:00'],
    // Midnight is 00, where some locales have 24.
    ['2026-06-30T22:00:00.000Z', 'Europe/Berlin', '2026-07-01 00:00:00'],
    ['1970-01-01T00:00:00.000Z', 'America/New_York', '1969-12-31 19:00:00'],
  ])('shows %s in %s', (at, tz, expected) => {
    expect(wallClock(new Date(at), tz)).toBe(expected)
  })
})

describe('age', () => {
  it.each([
    [0, 'now'],
    [999, 'now'],
    [1000, '1 s ago'],
    [59_400, '59 s ago'],
    [60_000, '1 m ago'],
    [3_600_000, '1 h ago'],
    [86_400_000, '1 d ago'],
    [364 * 86_400_000, '364 d ago'],
    [365 * 86_400_000, '1 y ago'],
    [-1000, 'in 1 s'],
    [-90 * 86_400_000, 'in 90 d'],
  ])('of %d ms: %s', (ms, expected) => {
    expect(age(new Date(now - ms), now)).toBe(expected)
  })
})
