import { Packr } from 'msgpackr'
import { VaultError } from '../../errors.ts'

/*
 * page  := msgpack [shapes, items]
 * shapes := [[field, …], …]
 * items := (key, 0)                       the row was removed
 *        | (key, 1, value)                the row is no plain object
 *        | (key, 2 + n, value of each field of shapes[n])
 *
 * One flat array and each shape's field names once: half the bytes and half the time of a map a row.
 */

const removed = 0
const whole = 1
const firstShape = 2

/** `undefined` stands for a row that was removed. */
export type Entry<V> = readonly [key: string, row: V | undefined]

// Bytes are copied out, so that a row of 32 bytes does not keep its page in memory.
const packr = new Packr({ useRecords: false, variableMapSize: true, copyBuffers: true })

/** Throws `INVALID` for a row that would not come back as it is. */
export function encodePage(entries: readonly Entry<unknown>[]): Buffer {
  const numbers = new Map<string, number>()
  const shapes: string[][] = []
  const items: unknown[] = []
  let last: { readonly fields: readonly string[]; readonly number: number } | undefined
  for (const [key, row] of entries) {
    if (row === undefined) items.push(key, removed)
    else if (isPlainObject(row)) pushFields(key, row)
    else items.push(key, whole, plain(row))
  }
  return packr.pack([shapes, items])

  function pushFields(key: string, row: Readonly<Record<string, unknown>>): void {
    const fields = Object.keys(row)
    items.push(key, shapeOf(fields))
    for (const field of fields) items.push(plain(row[field]))
  }

  function shapeOf(fields: string[]): number {
    // Rows of one projection mostly have the shape of the row before; a name takes longer than all else of a row.
    if (last !== undefined && isSame(last.fields, fields)) return last.number
    const name = JSON.stringify(fields)
    const number = numbers.get(name) ?? firstShape + shapes.push(fields) - 1
    numbers.set(name, number)
    last = { fields, number }
    return number
  }
}

function isSame(fields: readonly string[], others: readonly string[]): boolean {
  return fields.length === others.length && fields.every((field, n) => field === others[n])
}

/**
 * The rows of the keys that are wanted, equal to those encoded; bytes come as `Buffer`. Making a row takes four times
 * as long as reading it, so that what is not wanted costs little.
 */
export function decodePage<V>(
  page: Uint8Array,
  wanted: (key: string) => boolean = () => true,
): Entry<V>[] {
  const [shapes, items] = packr.unpack(page) as readonly [readonly string[][], readonly unknown[]]
  const entries: Entry<V>[] = []
  let at = 0
  while (at < items.length) {
    const key = items[at] as string
    const form = items[at + 1] as number
    at += 2
    const fields = shapes[form - firstShape] ?? []
    if (wanted(key)) entries.push([key, rowAt(items, at, { form, fields }) as V | undefined])
    at += form === whole ? 1 : fields.length
  }
  return entries
}

interface RowForm {
  readonly form: number
  readonly fields: readonly string[]
}

function rowAt(items: readonly unknown[], at: number, { form, fields }: RowForm): unknown {
  if (form === removed) return undefined
  if (form === whole) return items[at]
  const row: Record<string, unknown> = {}
  for (let n = 0; n < fields.length; n += 1) row[fields[n] as string] = items[at + n]
  return row
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** msgpackr turns a `Map`, a `Set` or an instance of a class into something else without a word. */
function plain(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    if (value instanceof Uint8Array) return value
    if (Array.isArray(value)) for (const item of value) plain(item)
    else if (isPlainObject(value)) for (const field in value) plain(value[field])
    else throw unkept('an instance of a class')
  } else if (
    typeof value === 'function' ||
    typeof value === 'symbol' ||
    typeof value === 'bigint'
  ) {
    throw unkept(`a ${typeof value}`)
  }
  return value
}

function unkept(found: string): VaultError {
  const expected = 'strings, numbers, booleans, bytes, lists and plain objects'
  return new VaultError('INVALID', `a row of a projection holds ${expected}; found ${found}`, {
    expected,
    found,
  })
}
