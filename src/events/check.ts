import { fieldName, isMap, kind } from './value-writer.ts'

/** What is wrong with a value, and where below it. Says kinds and sizes, never content. */
export interface Fault {
  readonly code: 'INVALID' | 'TOO_LARGE'
  readonly path: readonly string[]
  readonly expected: string
  readonly found: string
}

/** The first fault of a value; undefined for a sound one. */
export type Check = (value: unknown) => Fault | undefined

interface Optional {
  readonly optional: Check
}

/** A check for each field of a type, marked optional where the type's field is: the compiler holds the two together. */
export type Fields<T> = { readonly [K in keyof T]-?: undefined extends T[K] ? Optional : Check }

function fault(code: Fault['code'], expected: string, found: string): Fault {
  return { code, path: [], expected, found }
}

function within(key: string, inner: Fault): Fault {
  return { ...inner, path: [key, ...inner.path] }
}

/** `data.version: expected an integer from 1 to 1000000, found a string` */
export function describeFault(name: string, { path, expected, found }: Fault): string {
  return `${fieldName([name, ...path])}: expected ${expected}, found ${found}`
}

export function optional(check: Check): Optional {
  return { optional: check }
}

export function integer(least: number, most = Number.MAX_SAFE_INTEGER): Check {
  const expected = `an integer from ${least} to ${most}`
  return (value) => {
    if (!Number.isSafeInteger(value)) return fault('INVALID', expected, kind(value))
    const number = value as number
    if (number >= least && number <= most) return undefined
    return fault('INVALID', expected, number < least ? 'less' : 'more')
  }
}

export function text(bytesMax: number, bytesMin = 0): Check {
  return (value) => {
    if (typeof value !== 'string') return fault('INVALID', 'a string', kind(value))
    if (value.length < bytesMin) return fault('INVALID', `at least ${bytesMin} bytes`, 'fewer')
    // No character takes more than three bytes a UTF-16 unit.
    if (value.length * 3 <= bytesMax) return undefined
    const size = Buffer.byteLength(value, 'utf8')
    return size <= bytesMax ? undefined : tooLarge(bytesMax, 'bytes', size)
  }
}

function tooLarge(most: number, unit: string, found: number): Fault {
  return fault('TOO_LARGE', `at most ${most} ${unit}`, String(found))
}

export function bytes(least: number, most = least): Check {
  return (value) => {
    if (!(value instanceof Uint8Array)) return fault('INVALID', 'bytes', kind(value))
    if (value.length > most) return tooLarge(most, 'bytes', value.length)
    if (value.length >= least) return undefined
    return fault('INVALID', `at least ${least} bytes`, 'fewer')
  }
}

export function boolean(value: unknown): Fault | undefined {
  return typeof value === 'boolean' ? undefined : fault('INVALID', 'a boolean', kind(value))
}

export function oneOf<T extends string | boolean>(...choices: readonly T[]): Check {
  const expected = choices.join(' | ')
  return (value) => {
    if (choices.includes(value as T)) return undefined
    return fault('INVALID', expected, typeof value === typeof choices[0] ? 'another' : kind(value))
  }
}

export function list(item: Check, least: number, most: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return fault('INVALID', 'a list', kind(value))
    if (value.length > most) return tooLarge(most, 'items', value.length)
    if (value.length < least) return fault('INVALID', `at least ${least} items`, 'fewer')
    for (let i = 0; i < value.length; i++) {
      const inner = item(value[i])
      if (inner !== undefined) return within(String(i), inner)
    }
    return undefined
  }
}

/** A map whose keys are the caller's. */
export function dictionary(key: Check, item: Check, most: number): Check {
  return (value) => {
    if (!isMap(value)) return fault('INVALID', 'a map', kind(value))
    const names = Object.keys(value)
    if (names.length > most) return tooLarge(most, 'keys', names.length)
    for (const name of names) {
      const wrong = key(name) ?? item(value[name])
      if (wrong !== undefined) return within(name, wrong)
    }
    return undefined
  }
}

/** A map of exactly these fields. */
export function map<T>(fields: Fields<T>): Check {
  const entries = Object.entries<Check | Optional>(fields).map(([name, field]) =>
    typeof field === 'function'
      ? { name, check: field, required: true }
      : { name, check: field.optional, required: false },
  )
  const known = new Set(Object.keys(fields))
  return (value) => {
    if (!isMap(value)) return fault('INVALID', 'a map', kind(value))
    let present = 0
    for (let i = 0; i < entries.length; i++) {
      const { name, check, required } = entries[i] as (typeof entries)[number]
      const field = value[name]
      if (field === undefined && !required) continue
      const inner = check(field)
      if (inner !== undefined) return within(name, inner)
      present++
    }
    const names = Object.keys(value)
    return names.length === present ? undefined : stray(value, names, known)
  }
}

/** Names the field that should not be there: an unknown one, or an optional one that holds `undefined`. */
function stray(map: Readonly<Record<string, unknown>>, names: string[], known: Set<string>): Fault {
  const name = names.find((name) => !known.has(name) || map[name] === undefined) ?? ''
  const expected = known.has(name) ? 'a value or no such field' : 'no such field'
  return within(name, fault('INVALID', expected, kind(map[name])))
}
