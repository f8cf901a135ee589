import { describe, expect, it } from 'vitest'
import { isUuidv7, uuidBytes, uuidText, uuidTime, uuidv7 } from '../../src/events/uuid.ts'

describe('uuidv7', () => {
  it('makes the example of RFC 9562, appendix A.6', () => {
    const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex')
    expect(uuidv7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  })

  it('carries version, variant and the whole time, whatever the randomness', () => {
    for (const fill of [0x00, 0xff]) {
      for (const time of [0, 1, 2 ** 32, 253_402_300_799_999]) {
        const uuid = uuidv7(time, Buffer.alloc(10, fill))
        expect(uuid).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        )
        expect(uuidTime(uuid)).toBe(time)
      }
    }
  })

  it('uses all 74 random bits', () => {
    const zero = uuidBytes(uuidv7(0, Buffer.alloc(10)))
    const one = uuidBytes(uuidv7(0, Buffer.alloc(10, 0xff)))
    const differing = zero.reduce((sum, byte, i) => sum + bitCount(byte ^ one.readUInt8(i)), 0)
    expect(differing).toBe(74)
  })

  it('sorts as text by time', () => {
    const texts = [3, 1, 2 ** 40, 2].map((time) => uuidv7(time, Buffer.alloc(10, 7)))
    expect([...texts].sort().map(uuidTime)).toEqual([1, 2, 3, 2 ** 40])
  })

  it.each([-1, 1.5, Number.NaN, 253_402_300_800_000])('refuses the time %d', (time) => {
    expect(() => uuidv7(time, Buffer.alloc(10))).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: 'expected a time from 0 to 253402300799999 ms',
      }),
    )
  })

  it('refuses too little randomness', () => {
    expect(() => uuidv7(0, Buffer.alloc(9))).toThrow(
      expect.objectContaining({ code: 'INVALID', message: 'expected 10 random bytes, found 9' }),
    )
  })
})

describe('uuid text and bytes', () => {
  const text = '919108f7-52d1-4320-9bac-f847db4148a8'

  it('are one another, for any version', () => {
    expect(uuidBytes(text).toString('hex')).toBe(text.replaceAll('-', ''))
    expect(uuidText(Buffer.concat([Buffer.alloc(3), uuidBytes(text)]), 3)).toBe(text)
    expect(isUuidv7(uuidBytes(text))).toBe(false)
  })

  it.each([
    '',
    text.toUpperCase(),
    text.slice(1),
    `${text}0`,
    text.replaceAll('-', '0'),
    `${text.slice(0, 35)}g`,
    `${text.slice(0, 34)}g0`,
    `${text.slice(0, 35)}é`,
    `{${text.slice(2)}}`,
  ])('refuses %j', (bad) => {
    expect(() => uuidBytes(bad)).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: 'expected a UUID in lower case canonical text',
      }),
    )
  })

  it('gives the time of version 7 only', () => {
    expect(() => uuidTime(text)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: 'expected a UUID of version 7' }),
    )
  })
})

function bitCount(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length
}
