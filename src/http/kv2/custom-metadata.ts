import type { Said } from '../fields.ts'
import { weakText } from '../weak.ts'
import { WireError } from '../wire-error.ts'

const entriesMax = 64
const keyBytesMax = 128
const valueBytesMax = 512

/** A longer key is not repeated in full. */
const shownMax = keyBytesMax

/** What Go's `unicode.IsPrint` holds for printable: no control, no format, and no space but U+0020. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u

const failed = 'custom_metadata validation failed'

/**
 * Custom metadata as a request gives it. Throws WireError 400 that names everything that is wrong with it, and quotes no
 * value.
 */
export function readCustomMetadata(raw: Said): Record<string, string> {
  return checked(Object.entries(raw)) as Record<string, string>
}

/** The same of a merge patch, where null takes an entry away. */
export function readCustomMetadataPatch(raw: Said): Record<string, string | null> {
  const entries = Object.entries(raw)
  const removed = entries.filter(([, value]) => value === null).map(([key]) => [key, null])
  const kept = checked(entries.filter(([, value]) => value !== null))
  return { ...kept, ...Object.fromEntries(removed) }
}

function checked(entries: readonly (readonly [string, unknown])[]): Record<string, string> {
  if (entries.length > entriesMax) {
    const message = `payload must contain at most ${entriesMax} keys, provided ${entries.length}`
    throw refuse([message])
  }
  const texts = entries.map(([key, value]): [string, string] => {
    const text = weakText(value)
    if (text !== undefined) return [key, text]
    throw new WireError(400, [`${failed}: expected a text for key ${quote(key)}`])
  })
  const faults = texts.flatMap(([key, text]) => faultsOf(key, text))
  if (faults.length > 0) throw refuse(faults)
  return Object.fromEntries(texts)
}

function faultsOf(key: string, value: string): string[] {
  const keyBytes = Buffer.byteLength(key)
  const valueBytes = Buffer.byteLength(value)
  const faults: string[] = []
  if (keyBytes === 0 || keyBytes > keyBytesMax) {
    faults.push(
      `length of key ${quote(key)} is ${keyBytes} but must be 0 < len(key) <= ${keyBytesMax}`,
    )
  }
  if (valueBytes === 0 || valueBytes > valueBytesMax) {
    faults.push(
      `length of value for key ${quote(key)} is ${valueBytes} but must be 0 < len(value) <= ${valueBytesMax}`,
    )
  }
  if (!printable.test(key)) faults.push(`key ${quote(key)} contains unprintable characters`)
  if (!printable.test(value)) {
    faults.push(`value for key ${quote(key)} contains unprintable characters`)
  }
  return faults
}

/** Laid out as clients of the wire know it: one message that lists them all. */
function refuse(faults: readonly string[]): WireError {
  const head = faults.length === 1 ? '1 error' : `${faults.length} errors`
  const list = faults.map((fault) => `* ${failed}: ${fault}`).join('\n\t')
  return new WireError(400, [`${head} occurred:\n\t${list}\n\n`])
}

/** In ASCII, so that nothing in it can upset a terminal. */
function quote(key: string): string {
  const shown = key.length > shownMax ? `${key.slice(0, shownMax)}…` : key
  return JSON.stringify(shown).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
