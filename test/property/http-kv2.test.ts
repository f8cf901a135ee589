import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { formatDuration, parseDuration } from '../../src/http/durations.ts'

describe('durations of the wire', () => {
  test.prop([fc.integer({ min: 0, max: 9_223_372_036 })])(
    'of whole seconds come back as they were printed',
    (seconds) => {
      expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000)
    },
  )

  test.prop([fc.oneof(fc.anything(), fc.string(), fc.stringMatching(/^[-+]?[0-9.hms µd]*$/))])(
    'of anything are whole seconds or none',
    (value) => {
      const ms = parseDuration(value)
      expect(ms === undefined || Number.isInteger(ms / 1000)).toBe(true)
    },
  )
})
