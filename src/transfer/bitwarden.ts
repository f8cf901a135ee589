import type { SecretType } from '../events/words.ts'
import type { JsonValue, SecretFields } from '../secret/value.ts'
import type { FoundRow } from './admit.ts'
import { isObject, type JsonObject, kindOfJson, parseJson } from './json-text.ts'
import { foreignPath } from './paths.ts'
import { refuseFile } from './text.ts'

/**
 * file   := { encrypted: false, folders | collections: [ { id, name }… ], items: [ item… ] }
 * item   := { type, name, folderId?, collectionIds?, notes?, fields?: [ field… ], login? | card? | identity? | … }
 * field  := { name, value, type: 0 text | 1 hidden | 2 boolean | 3 linked }
 *
 * The unencrypted export as JSON of a Bitwarden vault or organisation (https://bitwarden.com/help/export-your-data,
 * https://bitwarden.com/help/condition-bitwarden-import). An item becomes fields: what its kind holds, without what is
 * empty; `uris` as a list of them; `notes`; and `fields` with the custom ones, a second of a name as `name (2)`.
 *
 * Not taken in: earlier passwords (`passwordHistory`), dates, favourites and whether Bitwarden asks again (`reprompt`).
 * Attachments are not in the file.
 */
const format = 'bitwarden'
const howTo = 'export the vault with file format ".json", not ".csv" or ".json (Encrypted)"'

export function readBitwarden(text: string): Iterable<FoundRow> {
  const start = text.trimStart()[0]
  if (start !== '{') throw refuseFile(format, '', `expected JSON: ${howTo}`)
  const file = parseJson(text, format)
  if (!isObject(file)) throw refuseFile(format, '', `expected an object: ${howTo}`)
  if (file.encrypted !== undefined && file.encrypted !== false) {
    throw refuseFile(format, '', `expected an export that is not encrypted: ${howTo}`)
  }
  const { items } = file
  if (!Array.isArray(items)) {
    throw refuseFile(format, '', `expected a list of items, found ${kindOfJson(items)}: ${howTo}`)
  }
  return readItems(items, new Map([...namesOf(file.folders), ...namesOf(file.collections)]))
}

/** The names of folders or collections by their ids; "/" in one makes it nested. */
function namesOf(folders: JsonValue | undefined): readonly (readonly [string, string])[] {
  if (!Array.isArray(folders)) return []
  return folders.flatMap((folder: JsonValue) => {
    if (!isObject(folder)) return []
    const { id, name } = folder
    return typeof id === 'string' && typeof name === 'string' ? [[id, name] as const] : []
  })
}

type Names = ReadonlyMap<string, string>

function* readItems(items: readonly JsonValue[], names: Names): Generator<FoundRow> {
  for (const [at, item] of items.entries()) {
    const row = `items[${at}]`
    if (isObject(item)) yield* readItem(item, row, names)
    else yield { row, reason: `expected an object, found ${kindOfJson(item)}` }
  }
}

interface Kind {
  /** The member of an item that holds what is of its kind. */
  readonly member: string
  readonly type: SecretType
}

/** By the number that an item's `type` is: `CipherType` in https://github.com/bitwarden/clients. */
const kinds: Readonly<Record<number, Kind>> = {
  1: { member: 'login', type: 'generic' },
  2: { member: 'secureNote', type: 'generic' },
  3: { member: 'card', type: 'generic' },
  4: { member: 'identity', type: 'generic' },
  5: { member: 'sshKey', type: 'ssh_key' },
  6: { member: 'bankAccount', type: 'generic' },
  7: { member: 'driversLicense', type: 'generic' },
  8: { member: 'passport', type: 'generic' },
}

function* readItem(item: JsonObject, row: string, names: Names): Generator<FoundRow> {
  const kind = typeof item.type === 'number' ? kinds[item.type] : undefined
  if (kind === undefined) return yield { row, reason: 'its type is none of 1 to 8' }
  if (typeof item.name !== 'string') return yield { row, reason: 'expected a name' }
  if (typeof item.deletedDate === 'string') return yield { row, reason: 'it is in the trash' }
  const fault = shapeFault(item, kind)
  if (fault !== undefined) return yield { row, reason: fault }
  const custom = customFields(item.fields, row)
  const value = {
    ...ownFields(item, kind),
    ...(isSaid(item.notes) && { notes: item.notes }),
    ...(Object.keys(custom.fields).length > 0 && { fields: custom.fields }),
  }
  const places = placesOf(item, names)
  const path = foreignPath(places[0] ?? '', item.name)
  if (Object.keys(value).length === 0) yield { row, reason: 'it holds nothing' }
  else yield { row, entry: { path, meta: { type: kind.type }, versions: [{ value }] } }
  if (places.length > 1) {
    yield { row, reason: `it is taken in once, below the first of its ${places.length} places` }
  }
  yield* custom.skipped
}

function shapeFault(item: JsonObject, { member }: Kind): string | undefined {
  const own = item[member] ?? {}
  const fields = item.fields ?? []
  if (!isObject(own)) return `${member}: expected an object, found ${kindOfJson(own)}`
  return Array.isArray(fields) ? undefined : `fields: expected a list, found ${kindOfJson(fields)}`
}

/** The names of the folder and the collections that an item is in. */
function placesOf({ folderId, collectionIds }: JsonObject, names: Names): readonly string[] {
  const ids: readonly JsonValue[] = Array.isArray(collectionIds) ? collectionIds : []
  return [folderId, ...ids].flatMap((id) => {
    const name = typeof id === 'string' ? names.get(id) : undefined
    return name === undefined ? [] : [name]
  })
}

function isSaid(value: JsonValue | undefined): value is JsonValue {
  return value !== undefined && value !== null && value !== ''
}

/** What an item's kind holds. A secure note's says only that it is one. */
function ownFields(item: JsonObject, { member }: Kind): SecretFields {
  const own = item[member]
  if (!isObject(own) || member === 'secureNote') return {}
  const said = Object.entries(own).map(
    ([name, value]) => [name, name === 'uris' ? urisOf(value) : value] as const,
  )
  return Object.fromEntries(said.filter(([, value]) => isSaid(value) && !isEmptyList(value)))
}

function isEmptyList(value: JsonValue): boolean {
  return Array.isArray(value) && value.length === 0
}

/** The addresses alone: how Bitwarden compares them with a page says nothing here. */
function urisOf(uris: JsonValue): JsonValue {
  if (!Array.isArray(uris)) return uris
  return uris.map((each: JsonValue) => (isObject(each) && isSaid(each.uri) ? each.uri : each))
}

const booleanField = 2
const linkedField = 3

function customFields(fields: JsonValue | undefined, row: string) {
  const named = new Map<string, JsonValue>()
  const counts = new Map<string, number>()
  const skipped: FoundRow[] = []
  const all: readonly JsonValue[] = Array.isArray(fields) ? fields : []
  for (const [at, field] of all.entries()) {
    const place = `${row}.fields[${at}]`
    if (!isObject(field)) {
      skipped.push({ row: place, reason: `expected an object, found ${kindOfJson(field)}` })
    } else if (field.type === linkedField) {
      skipped.push({ row: place, reason: 'a linked field has no value of its own' })
    } else {
      const name = typeof field.name === 'string' ? field.name : ''
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      const free = count === 1 ? name : `${name} (${count})`
      if (named.has(free)) skipped.push({ row: place, reason: 'its name is that of another field' })
      else named.set(free, customValue(field))
    }
  }
  return { fields: Object.fromEntries(named), skipped }
}

function customValue({ type, value = null }: JsonObject): JsonValue {
  if (type === booleanField && (value === 'true' || value === 'false')) return value === 'true'
  return value
}
