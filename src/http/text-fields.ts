import { invalidField, type Said } from './fields.ts'
import { weakText } from './weak.ts'
import { WireError } from './wire-error.ts'

/** A text as it stands; undefined where it is not there, null or blank. Throws WireError 400, as the other fields do. */
export function wholeText(said: Said, name: string): string | undefined {
  const value = said[name]
  if (value === undefined || value === null) return undefined
  const text = weakText(value)
  if (text === undefined) throw invalidField(name, 'a text')
  return text.trim() === '' ? undefined : text
}

/** The same without the spaces around it. */
export function optionalText(said: Said, name: string): string | undefined {
  return wholeText(said, name)?.trim()
}

/** The same where there has to be one. */
export function requiredText(said: Said, name: string, missing = `missing ${name}`): string {
  const text = optionalText(said, name)
  if (text === undefined) throw new WireError(400, [missing])
  return text
}

/** Of a text that stands for a list or an object: taking one apart holds everybody up, and none that is accepted is longer. */
const packedCharsMax = 256 * 1024

/** Texts: a list of them, or one with commas between; none of them empty. Undefined where the field says nothing. */
export function textsField(said: Said, name: string): readonly string[] | undefined {
  const value = said[name]
  if (value === undefined || value === null) return undefined
  refuseLong(value, name)
  const items = Array.isArray(value) ? value.map(weakText) : weakText(value)?.split(',')
  if (items === undefined || items.includes(undefined)) throw invalidField(name, 'a list of texts')
  return (items as string[]).map((item) => item.trim()).filter((item) => item !== '')
}

/** Names and texts: an object, or a list of `name=text`. Undefined where the field says nothing. */
export function pairsField(said: Said, name: string): Record<string, string> | undefined {
  const value = said[name]
  if (value === undefined || value === null) return undefined
  const pairs = Array.isArray(value) ? value.map(pairOf) : entriesOf(value)
  if (pairs === undefined || !pairs.every(isPair)) throw invalidField(name, 'an object of texts')
  return Object.fromEntries(pairs)
}

/** Such pairs as the text of a JSON object, in which some fields have to be sent, or as the object itself. */
export function textOfPairsField(said: Said, name: string): Record<string, string> | undefined {
  const value = said[name]
  if (typeof value !== 'string') return pairsField(said, name)
  refuseLong(value, name)
  if (value.trim() === '') return undefined
  const expected = 'a text that holds a JSON object of texts'
  const parsed = jsonOf(value)
  if (Array.isArray(parsed) || entriesOf(parsed) === undefined) throw invalidField(name, expected)
  return pairsField({ [name]: parsed }, name)
}

function refuseLong(value: unknown, name: string): void {
  if (typeof value !== 'string' || value.length <= packedCharsMax) return
  throw invalidField(name, `at most ${packedCharsMax} characters`)
}

type Pair = readonly [string, string]

function pairOf(item: unknown): Pair | undefined {
  const [, name, text] = typeof item === 'string' ? (/^([^=]+)=(.*)$/s.exec(item) ?? []) : []
  return name === undefined || text === undefined ? undefined : [name, text]
}

function entriesOf(value: unknown): readonly (Pair | undefined)[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).map(([name, item]) => {
    const text = weakText(item)
    return text === undefined ? undefined : [name, text]
  })
}

function isPair(pair: Pair | undefined): pair is Pair {
  // A member of that name would be the object's prototype, and not a member.
  return pair !== undefined && pair[0] !== '__proto__'
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
