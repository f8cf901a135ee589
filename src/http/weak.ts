import { goBool } from './listing-query.ts'

/**
 * Values as clients of the wire may spell them: a number as its text, a boolean as a number, a list as text with
 * commas. Each reading is undefined for what cannot be meant.
 */

const integerForm = /^[+-]?\d{1,15}$/

/** An integer: a number, its text, a boolean for 1 or 0; nothing, or null, for 0. */
export function weakInteger(value: unknown): number | undefined {
  if (value === null || value === '') return 0
  if (typeof value === 'boolean') return value ? 1 : 0
  const number = typeof value === 'string' && integerForm.test(value) ? Number(value) : value
  // Adding 0 makes 0 of the -0 that "-0" is.
  return Number.isSafeInteger(number) ? (number as number) + 0 : undefined
}

/** A boolean: itself, a number, or a text that Go reads as one; nothing, or null, for false. */
export function weakBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  return value === null || typeof value === 'string' ? goBool(value) : undefined
}

/** A text: itself, that of a number, `1` and `0` of a boolean; null for the empty one. */
export function weakText(value: unknown): string | undefined {
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? value : undefined
}

/** Of integers in one text, more than any call takes: taking a longer one apart holds everybody up. */
const integersCharsMax = 64 * 1024

/** Integers: a list of what `weakInteger` reads, one such, or several in a text with commas; null for none. */
export function weakIntegers(value: unknown): readonly number[] | undefined {
  if (value === null || value === '') return []
  if (typeof value === 'string' && value.length > integersCharsMax) return undefined
  const integers = itemsOf(value).map(weakInteger)
  return integers.includes(undefined) ? undefined : (integers as number[])
}

function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return typeof value === 'string' ? value.split(',') : [value]
}
